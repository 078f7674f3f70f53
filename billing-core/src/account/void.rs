//! Voiding a record: a correction that reverses it (contract, chapter 5).

use chrono::{DateTime, TimeDelta, Utc};

use super::Account;
use crate::{
    coupon::CatchUp,
    ids::{RecordId, RequestId, UserId},
    invoice::{Corrected, Invoice, InvoicedMonth},
    money::{Money, NumberError},
    month::Month,
    refusal::Refusal,
    usage::{Call, Charge, UsageRecord, UsageStatus},
};

/// A record to be voided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidOrder {
    /// Whose record.
    pub user_id: UserId,
    /// The record.
    pub id: RecordId,
    /// The id of the correction, or a lesser one than that.
    pub correction_id: RecordId,
    /// Why, when a reason is given.
    pub reason: Option<String>,
}

/// A record that was voided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voided {
    /// The record as it is now: its status, the reason and the time of change are new.
    pub original: UsageRecord,
    /// The new record that reverses it.
    pub correction: UsageRecord,
    /// The invoice that the record was taken back of, as it is now.
    pub invoice: Option<Invoice>,
}

impl UsageRecord {
    /// Whether the record can be voided: once, and no correction.
    ///
    /// # Errors
    /// [`Refusal::UsageVoided`] or [`Refusal::UsageIsCorrection`].
    pub const fn check_voidable(&self) -> Result<(), Refusal> {
        match self.status {
            UsageStatus::Completed => Ok(()),
            UsageStatus::Voided => Err(Refusal::UsageVoided),
            UsageStatus::Correction => Err(Refusal::UsageIsCorrection),
        }
    }

    /// The earliest time for which voiding the record needs the account's relations: just before
    /// it, because a cancellation may have ended its window in the very moment of the record.
    #[must_use]
    pub fn void_needs_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let rated_at = self.rated_at.min(now);
        let before = rated_at.checked_sub_signed(TimeDelta::microseconds(1));
        before.unwrap_or(rated_at)
    }
}

impl Account {
    /// Reverses a completed record by a correction. Tokens go back to where they were taken from.
    /// While no invoice has closed the record's month, coupons give back what their function of the
    /// month's sum shrinks by. Later what the record has added to its invoice is taken back of that,
    /// `invoiced`, and no coupon takes part. The account was advanced to `now`.
    ///
    /// # Errors
    /// When the record was voided before or is a correction, credit notes have given back what it
    /// added, or an amount does not fit.
    pub fn void(
        &mut self,
        original: UsageRecord,
        order: VoidOrder,
        mut invoiced: Option<InvoicedMonth>,
        now: DateTime<Utc>,
    ) -> Result<Voided, Refusal> {
        original.check_voidable()?;
        let invoice_month = self.state.first_open(original.invoice_month);
        let is_reversal = invoice_month != original.invoice_month;
        let charge = if is_reversal {
            self.reverse(&original, invoiced.as_mut(), invoice_month)?
        } else {
            let charge = self.take_back(&original.charge, invoice_month);
            let charge = charge.map_err(Refusal::too_large("a sum"))?;
            self.take_freed_value(now)?;
            charge
        };
        self.give_tokens_back(&original);
        let id = self.next_record_id(order.correction_id);
        let correction = UsageRecord {
            id,
            call: Call {
                // Nobody else can have used the new id as the id of a call.
                request_id: RequestId::trusted(id.to_string()),
                tokens: original.call.tokens.negated(),
                created_at: now,
                ..original.call.clone()
            },
            charge,
            status: UsageStatus::Correction,
            is_reversal,
            invoice_month,
            corrects_id: Some(original.id),
            updated_at: now,
            ..original.clone()
        };
        let original = UsageRecord {
            status: UsageStatus::Voided,
            void_reason: order.reason,
            updated_at: now,
            ..original
        };
        Ok(Voided {
            original,
            correction,
            invoice: invoiced.map(|month| month.invoice),
        })
    }

    /// Takes a record back of the invoice that charged for it: at most what is left of that, and
    /// with its tax. The invoice of `month` carries the correction, outside of what coupons take a
    /// part of.
    fn reverse(
        &mut self,
        original: &UsageRecord,
        invoiced: Option<&mut InvoicedMonth>,
        month: Month,
    ) -> Result<Charge, Refusal> {
        let given = match invoiced {
            Some(of) => {
                let added = of.added_by(&original.charge)?;
                let reduction = of.invoice.take_back(added)?;
                let usage = Corrected::Usage {
                    month: original.billing_month,
                    model: original.call.model.clone(),
                    tokens: original.call.tokens.negated().total(),
                };
                self.add_correction(month, &of.invoice, usage, &reduction)?;
                reduction.exact
            }
            None => Money::ZERO,
        };
        let mut charge = original.charge.reversed()?;
        charge.final_cost = given.negated()?;
        charge.discount_amount = given.minus(original.charge.net()?)?;
        Ok(charge)
    }

    /// Has the running month take what a void has freed of fixed coupons, as when one is redeemed.
    fn take_freed_value(&mut self, now: DateTime<Utc>) -> Result<(), NumberError> {
        let month = Month::of(now);
        let sum = self.state.uninvoiced_in(month);
        if let Some(allocation) = self.allocate(month, sum, None)?
            && allocation.total > Money::ZERO
        {
            self.enter_allocation(&allocation)?;
            let sequence = self.state.next_sequence();
            self.pending.catch_ups.push(CatchUp {
                sequence,
                month,
                amount: allocation.total,
            });
            self.pending.note_all();
        }
        Ok(())
    }

    /// Takes a charge out of the month's sum, and out of what coupons took of it.
    fn take_back(&mut self, original: &Charge, month: Month) -> Result<Charge, NumberError> {
        let mut charge = original.reversed()?;
        let net = original.net()?;
        let sum = self.state.uninvoiced_in(month).minus(net)?;
        if let Some(allocation) = self.allocate(month, sum, None)? {
            self.enter_allocation(&allocation)?;
            charge.discount_amount = allocation.total;
            charge.final_cost = net.negated()?.minus(allocation.total)?;
        }
        self.state.uninvoiced.insert(month, sum);
        Ok(charge)
    }

    fn give_tokens_back(&mut self, original: &UsageRecord) {
        let (tokens, taken) = (original.call.tokens.total(), original.charge.taken);
        let slot = self.slot_of_record(original);
        self.change_window(slot, |window, balance| {
            window.give_back(tokens, taken, balance);
        });
    }
}
