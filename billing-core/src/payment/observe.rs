//! What the provider's charge means for its transaction: where it goes, and what must happen in the
//! same database transaction.

use chrono::{DateTime, Utc};

use super::{
    ACTION_EXPIRES_AFTER, Charge, ChargeStatus, DeclineKind, Failure, Reported, Transaction,
    TransactionKind, TransactionStatus,
};
use crate::money::{Money, NumberError};

/// What stands between the reasons for attention.
const BETWEEN_REASONS: &str = "; ";

/// What has to happen together with what was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The money has arrived: pay the invoices, or let the balance grow.
    Credit,
    /// The same, of a transaction that had failed: the operator is told.
    LateSuccess,
    /// No money moved: the user is told. The kind says what to do now, where it was declined.
    Failed(Option<DeclineKind>),
    /// The user is told that they are needed.
    NeedsUser,
    /// A dispute took this much, in USD: freeze what is unused of it, stop automation.
    Frozen(Money),
    /// The dispute is won: give back what was frozen.
    Unfrozen,
    /// The dispute over this much, in USD, is lost: take its tokens, ask for its invoices again.
    ChargedBack(Money),
    /// The refund's money went back to the payer.
    Refunded,
    /// The refund did not reach the payer: what it took is given back, the operator is told.
    RefundFailed,
    /// The operator is told, and nothing else happens.
    Attention(String),
}

/// What an observation has come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Observation {
    /// Whether the row has to be stored.
    pub is_changed: bool,
    /// What has to happen with it, in this order. The same report again makes none.
    pub effects: Vec<Effect>,
}

impl Observation {
    /// Whether nothing is new.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        !self.is_changed && self.effects.is_empty()
    }
}

impl Transaction {
    /// Moves on by what the provider says of its charge. A charge that is not what was asked for
    /// moves nothing and calls for an operator; of refunds only their own rows tell.
    pub fn observe(&mut self, charge: &Charge, now: DateTime<Utc>) -> Observation {
        let before = self.clone();
        let mut effects = Vec::new();
        match self.foreign(charge) {
            Some(reason) => self.call_for_attention(reason, &mut effects),
            None => {
                self.provider_reference = Some(charge.reference.clone());
                self.fee = charge.fee.or(self.fee);
                self.follow_status(charge, now, &mut effects);
                self.follow_dispute(charge, &mut effects);
            }
        }
        self.observed(&before, effects, now)
    }

    /// Ends one of which the provider has refused to make a charge, so that no money can move.
    pub fn refused(&mut self, failure: Failure, now: DateTime<Utc>) -> Observation {
        let before = self.clone();
        let mut effects = Vec::new();
        if self.provider_reference.is_none() && self.step(Reported::Failed) {
            self.failure = Some(failure);
            effects.push(Effect::Failed(None));
        }
        self.observed(&before, effects, now)
    }

    /// Ends one whose user has let their time pass, so that nobody has its money moved from now on.
    /// For providers that cannot end a charge themselves.
    pub fn lapse(&mut self, now: DateTime<Utc>) -> Observation {
        let before = self.clone();
        let mut effects = Vec::new();
        if self.is_expired(now) {
            let failure = Failure {
                code: "expired".to_owned(),
                message: "it was not approved in time".to_owned(),
            };
            self.fail(failure, None, &mut effects);
        }
        self.observed(&before, effects, now)
    }

    /// Calls for an operator, who reads the reason; nothing else changes. Such as an object that
    /// the provider no longer knows.
    pub fn note_attention(&mut self, reason: &str, now: DateTime<Utc>) -> Observation {
        let before = self.clone();
        let mut effects = Vec::new();
        self.call_for_attention(reason.to_owned(), &mut effects);
        self.observed(&before, effects, now)
    }

    /// Ends what called for an operator, who has looked at it.
    pub fn clear_attention(&mut self, now: DateTime<Utc>) -> Observation {
        let before = self.clone();
        self.attention = None;
        self.observed(&before, Vec::new(), now)
    }

    /// Derives what was given back from all of its refunds, and its status from that.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when their sum does not fit.
    pub fn settle_refunds(
        &mut self,
        refunds: &[Self],
        now: DateTime<Utc>,
    ) -> Result<Observation, NumberError> {
        let before = self.clone();
        let given_back = |refund: &&Self| refund.status == TransactionStatus::Succeeded;
        self.refunded_amount = self.sum_of(refunds, given_back)?;
        self.step(self.refunds_reported());
        Ok(self.observed(&before, Vec::new(), now))
    }

    /// What of its refunds has been given back or is being given back, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn reserved(&self, refunds: &[Self]) -> Result<Money, NumberError> {
        self.sum_of(refunds, |refund| refund.status != TransactionStatus::Failed)
    }

    /// Why a charge is not this transaction's.
    fn foreign(&self, charge: &Charge) -> Option<String> {
        let reference = &charge.reference;
        let other = charge.transaction.filter(|id| *id != self.id);
        if let Some(other) = other {
            Some(format!(
                "the charge {reference:?} belongs to transaction {other}"
            ))
        } else if self.is_live != charge.is_live {
            Some(format!(
                "the charge {reference:?} mixes test and real money"
            ))
        } else {
            match &self.provider_reference {
                Some(known) if known != reference => {
                    Some(format!("there is another charge {reference:?} for it"))
                }
                None if charge.transaction.is_none() => Some(format!(
                    "the charge {reference:?} does not say what it is for"
                )),
                _ => None,
            }
        }
    }

    fn follow_status(&mut self, charge: &Charge, now: DateTime<Utc>, effects: &mut Vec<Effect>) {
        match &charge.status {
            ChargeStatus::Ready => {}
            ChargeStatus::Processing => {
                if self.step(Reported::Processing) {
                    self.end_waiting();
                }
            }
            ChargeStatus::NeedsUser(url) => self.need_user(url.clone(), now, effects),
            ChargeStatus::Succeeded => self.succeed(charge, effects),
            ChargeStatus::Declined(decline) => {
                let failure = Failure {
                    code: decline.code.clone(),
                    message: decline.message.clone(),
                };
                // Where nobody was there to take part, there is no page to go to either.
                if decline.kind == DeclineKind::UserNeeded {
                    self.need_user(None, now, effects);
                    if self.status.is_open() {
                        self.failure = Some(failure);
                    }
                } else {
                    self.fail(failure, Some(decline.kind), effects);
                }
            }
            ChargeStatus::Cancelled => {
                let failure = Failure {
                    code: "cancelled".to_owned(),
                    message: "the payment was cancelled".to_owned(),
                };
                self.fail(failure, None, effects);
            }
        }
    }

    fn need_user(&mut self, url: Option<String>, now: DateTime<Utc>, effects: &mut Vec<Effect>) {
        if self.step(Reported::NeedsUser) {
            self.expires_at = now.checked_add_signed(ACTION_EXPIRES_AFTER);
            effects.push(Effect::NeedsUser);
        }
        if self.status == TransactionStatus::RequiresAction && url.is_some() {
            self.next_action_url = url;
        }
    }

    fn succeed(&mut self, charge: &Charge, effects: &mut Vec<Effect>) {
        if charge.amount != self.amount || charge.currency != self.currency {
            let reason = format!(
                "the provider received {} {} and not {} {}",
                charge.amount.digits(2),
                charge.currency,
                self.amount.digits(2),
                self.currency,
            );
            return self.call_for_attention(reason, effects);
        }
        let had_failed = self.status == TransactionStatus::Failed;
        if !self.step(Reported::Succeeded) {
            return;
        }
        self.end_waiting();
        self.failure = None;
        if had_failed {
            self.add_attention("it succeeded after it had failed");
            effects.push(Effect::LateSuccess);
        } else {
            effects.push(Effect::Credit);
        }
    }

    fn fail(&mut self, failure: Failure, kind: Option<DeclineKind>, effects: &mut Vec<Effect>) {
        if self.step(Reported::Failed) {
            self.end_waiting();
            self.failure = Some(failure);
            effects.push(Effect::Failed(kind));
        } else if self.status.has_succeeded() {
            let code = failure.code;
            let reason = format!("the provider says {code:?} of a payment that had succeeded");
            self.call_for_attention(reason, effects);
        }
    }

    /// What its refunds come to.
    pub(super) fn refunds_reported(&self) -> Reported {
        if self.refunded_amount <= Money::ZERO {
            Reported::NoRefund
        } else if self.refunded_amount < self.amount {
            Reported::PartRefund
        } else {
            Reported::FullRefund
        }
    }

    /// Makes a transition, where there is one.
    pub(super) fn step(&mut self, reported: Reported) -> bool {
        let next = match self.kind {
            TransactionKind::Refund => self.status.refund_after(reported),
            TransactionKind::InvoicePayment | TransactionKind::Topup => self.status.after(reported),
        };
        self.status = next.unwrap_or(self.status);
        next.is_some()
    }

    /// Tells the operator what they have not been told of this transaction yet.
    pub(super) fn call_for_attention(&mut self, reason: String, effects: &mut Vec<Effect>) {
        if self.add_attention(&reason) {
            effects.push(Effect::Attention(reason));
        }
    }

    /// Keeps a reason beside those that are there; `false` when it is one of them.
    fn add_attention(&mut self, reason: &str) -> bool {
        match &mut self.attention {
            None => self.attention = Some(reason.to_owned()),
            Some(known) if known.split(BETWEEN_REASONS).any(|known| known == reason) => {
                return false;
            }
            Some(known) => {
                known.push_str(BETWEEN_REASONS);
                known.push_str(reason);
            }
        }
        true
    }

    pub(super) fn observed(
        &mut self,
        before: &Self,
        effects: Vec<Effect>,
        now: DateTime<Utc>,
    ) -> Observation {
        let is_changed = self != before;
        if is_changed {
            self.updated_at = now;
            self.note_moves(before.status, now);
        }
        Observation {
            is_changed,
            effects,
        }
    }

    /// Notes when money came and was lost: figures of months count by these times.
    fn note_moves(&mut self, before: TransactionStatus, now: DateTime<Utc>) {
        if self.status.has_succeeded() && self.succeeded_at.is_none() {
            self.succeeded_at = Some(now);
        }
        let lost = TransactionStatus::ChargedBack;
        if self.status == lost && before != lost {
            self.lost_at = Some(now);
        }
    }

    fn end_waiting(&mut self) {
        self.next_action_url = None;
        self.expires_at = None;
    }

    fn sum_of(
        &self,
        refunds: &[Self],
        counts: impl Fn(&&Self) -> bool,
    ) -> Result<Money, NumberError> {
        let own = refunds.iter().filter(|row| row.refund_of == Some(self.id));
        let mut counted = own.filter(counts);
        counted.try_fold(Money::ZERO, |sum, row| sum.plus(row.amount))
    }
}
