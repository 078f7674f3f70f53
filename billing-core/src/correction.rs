//! Voiding a record: a correction that reverses it (contract, section 3, step 9).

use chrono::{DateTime, Utc};

use crate::{
    ids::{RecordId, RequestId},
    money::{Money, NumberError},
    rating::{Charge, UsageRecord, UsageStatus},
    subscription::ArchivedWindow,
    terms::Terms,
    usage::Tokens,
    user::User,
};

/// Why a record cannot be voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoidRefusal {
    /// No such record.
    #[error("there is no such usage record")]
    NotFound,
    /// Voided before.
    #[error("the record is voided already")]
    AlreadyVoided,
    /// A correction stands.
    #[error("a correction cannot be voided")]
    IsCorrection,
}

impl User {
    /// Reverses a completed record and answers the correction. Tokens go back to where they were
    /// taken from. While no invoice has closed the record's month, coupons give back what their
    /// function of the month's sum shrinks by; later the record is reversed as it was stored, and
    /// no coupon takes part.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn void(
        &mut self,
        original: &UsageRecord,
        correction_id: RecordId,
        now: DateTime<Utc>,
    ) -> Result<UsageRecord, NumberError> {
        let invoice_month = original.invoice_month.max(self.account.open_month);
        let mut charge = reversed(&original.charge)?;
        if invoice_month == original.invoice_month {
            let net = original.charge.net()?;
            let sum = self.account.uninvoiced_in(invoice_month).minus(net)?;
            if let Some(taking) = self.coupons_take(invoice_month, sum, None)? {
                taking.enter(&mut self.redemptions)?;
                charge.discount_amount = taking.total;
                charge.final_cost = net.negated()?.minus(taking.total)?;
            }
            self.account.uninvoiced.insert(invoice_month, sum);
        } else {
            charge.terms = Terms::Reversal;
            // What is given back is outside the coupons' sum, but has to be invoiced too.
            let uninvoiced = self.account.uninvoiced.entry(invoice_month);
            uninvoiced.or_insert(Money::ZERO);
        }
        self.give_back(original);
        Ok(UsageRecord {
            // Nobody else can have used the new id as the id of a call.
            request_id: RequestId::trusted(correction_id.to_string()),
            id: correction_id,
            user_id: original.user_id.clone(),
            model: original.model.clone(),
            provider: original.provider.clone(),
            tokens: original.tokens.negated(),
            charge,
            status: UsageStatus::Correction,
            billing_month: original.billing_month,
            invoice_month,
            corrects_id: Some(original.id.clone()),
            rated_at: original.rated_at,
            created_at: now,
            updated_at: now,
            fingerprint: original.fingerprint,
            void_reason: None,
        })
    }

    fn give_back(&mut self, original: &UsageRecord) {
        let Some(id) = &original.charge.subscription_id else {
            return;
        };
        let (tokens, taken) = (original.tokens.total(), original.charge.taken);
        let balance = &mut self.account.topup_balance;
        let at = original.rated_at;
        let running = self.account.subscription.as_mut();
        if let Some(live) = running.filter(|s| s.id == *id && s.window.span.contains(at)) {
            live.window.give_back(tokens, taken, balance);
            return;
        }
        let own = |archived: &&mut ArchivedWindow| archived.subscription_id == *id;
        let holds = |archived: &ArchivedWindow| archived.window.span.contains(at);
        // A cancellation at once may have ended the window in the very moment of the record.
        let ends = |archived: &ArchivedWindow| archived.window.span.end == at;
        let mut archived: Vec<_> = self.archived.iter_mut().filter(own).collect();
        let place = archived.iter().position(|a| holds(a));
        let place = place.or_else(|| archived.iter().position(|a| ends(a)));
        if let Some(archived) = place.and_then(|place| archived.get_mut(place)) {
            archived.window.give_back(tokens, taken, balance);
            archived.changed = true;
        }
    }
}

impl Tokens {
    /// The same tokens, taken back.
    #[must_use]
    pub const fn negated(&self) -> Self {
        Self {
            prompt: self.prompt.saturating_neg(),
            completion: self.completion.saturating_neg(),
            cached_prompt: self.cached_prompt.saturating_neg(),
            cache_write: self.cache_write.saturating_neg(),
            reasoning: self.reasoning.saturating_neg(),
        }
    }
}

/// Exactly what a record stored, owed the other way.
fn reversed(charge: &Charge) -> Result<Charge, NumberError> {
    let negated = |amount: Money| amount.negated();
    Ok(Charge {
        cost_usd: negated(charge.cost_usd)?,
        discount_rate: charge.discount_rate,
        covered_amount: negated(charge.covered_amount)?,
        taken: charge.taken.negated(),
        overage_cost: negated(charge.overage_cost)?,
        discount_amount: negated(charge.discount_amount)?,
        final_cost: negated(charge.final_cost)?,
        coupon_id: charge.coupon_id.clone(),
        subscription_id: charge.subscription_id.clone(),
        terms: charge.terms.clone(),
    })
}
