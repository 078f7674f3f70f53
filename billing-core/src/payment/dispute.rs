//! Disputes: what the payer's bank takes, and gives back or keeps.

use super::{Charge, DisputeState, Effect, Reported, Transaction, TransactionStatus};
use crate::money::Money;

impl Transaction {
    /// A dispute that was opened and settled between two looks makes both steps.
    pub(super) fn follow_dispute(&mut self, charge: &Charge, effects: &mut Vec<Effect>) {
        let Some(dispute) = &charge.dispute else {
            return;
        };
        if dispute.state == DisputeState::Inquiry {
            return;
        }
        if dispute.state != DisputeState::Won && self.step(Reported::Disputed) {
            self.disputed_amount = dispute.amount.min(self.amount);
            effects.push(Effect::Frozen(self.disputed_amount));
        }
        match dispute.state {
            DisputeState::Won if self.step(Reported::Won) => {
                self.disputed_amount = Money::ZERO;
                self.step(self.refunds_reported());
                effects.push(Effect::Unfrozen);
            }
            DisputeState::Lost if self.step(Reported::Lost) => {
                effects.push(Effect::ChargedBack(self.disputed_amount));
            }
            _ => self.check_dispute(dispute.state, effects),
        }
    }

    /// Calls for an operator where a dispute says what the table does not know.
    fn check_dispute(&mut self, state: DisputeState, effects: &mut Vec<Effect>) {
        let reason = match (self.status, state) {
            (TransactionStatus::Refunded, DisputeState::Open | DisputeState::Lost) => {
                "a dispute took money that was given back already"
            }
            (TransactionStatus::ChargedBack, DisputeState::Won) => {
                "a dispute that was lost is won after all"
            }
            _ => return,
        };
        self.call_for_attention(reason.to_owned(), effects);
    }
}
