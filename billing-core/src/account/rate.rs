//! What a record costs and who pays it (contract, chapter 5).

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::{Account, AccountChange, windows::Slot};
use crate::{
    catalog::{Catalog, ModelPrice},
    coupon::{Allocation, Parts},
    ids::{RequestId, SubscriptionId},
    money::{Money, NumberError},
    month::Month,
    quota_window::QuotaWindow,
    refusal::Refusal,
    usage::{Call, Charge, Outcome, Tokens, TokensTaken, Usage, UsageRecord, UsageStatus},
};

/// What a record would cost now, and what it would change.
#[derive(Debug, Clone)]
pub struct Quote {
    /// The price that applies.
    pub price: Arc<ModelPrice>,
    /// Every part of the cost.
    pub charge: Charge,
    rated_at: DateTime<Utc>,
    changes: Changes,
}

/// What a record changes of an account.
#[derive(Debug, Clone)]
struct Changes {
    /// The window that holds the record.
    slot: Slot,
    /// All of the record's tokens.
    tokens: i64,
    /// Where they are taken from.
    taken: TokensTaken,
    invoice_month: Month,
    /// What the account then owes in that month before coupons.
    uninvoiced: Money,
    /// What coupons take.
    allocation: Option<Allocation>,
}

impl Account {
    /// Rates the records of one user in the order of their arrival and changes the account with
    /// each. `recorded` are the records that were stored earlier under request ids of the batch.
    ///
    /// # Errors
    /// When a fee that is due does not fit. A record that is refused is an outcome.
    pub fn rate_batch<'a>(
        &mut self,
        catalog: &Catalog,
        recorded: &HashMap<RequestId, UsageRecord>,
        records: impl IntoIterator<Item = &'a Usage>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Outcome>, Refusal> {
        self.advance_to(catalog, now)?;
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut recorded_here: HashMap<&str, usize> = HashMap::new();
        for usage in records {
            let request_id = usage.call.request_id.as_str();
            let earlier = recorded_here
                .get(request_id)
                .and_then(|index| outcomes.get(*index));
            let first = match earlier {
                Some(Outcome::Recorded(first)) => Some(first),
                _ => recorded.get(request_id),
            };
            let outcome = match first {
                Some(first) if first.call.fingerprint == usage.call.fingerprint => {
                    Outcome::Duplicate(first.clone())
                }
                Some(_) => Outcome::Refused(Refusal::UsageConflict),
                None => self.record(catalog, usage, now),
            };
            if matches!(outcome, Outcome::Recorded(_)) {
                recorded_here.insert(request_id, outcomes.len());
            }
            outcomes.push(outcome);
        }
        if self.pending.account != AccountChange::Nothing {
            self.announce();
        }
        Ok(outcomes)
    }

    /// Rates one record and changes the account, or neither.
    fn record(&mut self, catalog: &Catalog, usage: &Usage, now: DateTime<Utc>) -> Outcome {
        let quote = match self.quote(catalog, &usage.call, now) {
            Ok(quote) => quote,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        if self.enter(&quote.changes).is_err() {
            return Outcome::Refused(Refusal::UsageTooLarge);
        }
        let mut call = usage.call.clone();
        if call.provider.is_empty() {
            call.provider.clone_from(&quote.price.provider);
        }
        Outcome::Recorded(UsageRecord {
            id: self.next_record_id(usage.record_id),
            user_id: usage.user_id.clone(),
            call,
            charge: quote.charge,
            status: UsageStatus::Completed,
            is_reversal: false,
            billing_month: Month::of(quote.rated_at),
            invoice_month: quote.changes.invoice_month,
            corrects_id: None,
            rated_at: quote.rated_at,
            updated_at: now,
            void_reason: None,
        })
    }

    /// What a call costs a user whose account was advanced to `now`. Changes nothing.
    ///
    /// # Errors
    /// When the model has no price or an amount does not fit.
    pub fn quote(
        &self,
        catalog: &Catalog,
        call: &Call,
        now: DateTime<Utc>,
    ) -> Result<Quote, Refusal> {
        // A record of the future belongs to the present.
        let rated_at = call.created_at.min(now);
        let price = catalog.price_at(call.model.as_str(), rated_at);
        let price = price.ok_or_else(|| Refusal::ModelUnpriced(call.model.clone()))?;
        let quote = self.quote_at(price, &call.tokens, rated_at);
        quote.map_err(|_| Refusal::UsageTooLarge)
    }

    fn quote_at(
        &self,
        price: &Arc<ModelPrice>,
        tokens: &Tokens,
        rated_at: DateTime<Utc>,
    ) -> Result<Quote, NumberError> {
        let slot = self.slot_of(rated_at);
        let window = self.window_in(slot);
        let mut charge = self.charge(price, tokens, rated_at, window)?;
        let invoice_month = self.invoice_month(rated_at);
        let net = charge.net()?;
        let uninvoiced = self.state.uninvoiced_in(invoice_month).plus(net)?;
        // What would raise the record's cost waits for the next one that a coupon lowers.
        let allocation = self.allocate(invoice_month, uninvoiced, Some(net))?;
        let allocation = allocation.filter(|allocation| !allocation.total.is_negative());
        if let Some(allocation) = &allocation {
            let first = allocation.first(&self.relations.redemptions);
            charge.coupon_id = first.map(|redemption| redemption.coupon_id);
            charge.discount_amount = allocation.total;
            charge.final_cost = net.minus(allocation.total)?;
        }
        let changes = Changes {
            slot,
            tokens: tokens.total(),
            taken: charge.taken,
            invoice_month,
            uninvoiced,
            allocation,
        };
        Ok(Quote {
            price: Arc::clone(price),
            charge,
            rated_at,
            changes,
        })
    }

    /// Steps 1 to 4 of the contract's chapter 5, before coupons.
    fn charge(
        &self,
        price: &ModelPrice,
        tokens: &Tokens,
        rated_at: DateTime<Utc>,
        window: Option<(&QuotaWindow, SubscriptionId)>,
    ) -> Result<Charge, NumberError> {
        let cost_usd = price.prices.cost(tokens)?;
        let discount_rate = self.discount_rate_at(rated_at);
        let discounted = cost_usd.at_rate(discount_rate)?;
        let (quota_window, subscription_id) = window.unzip();
        let terms = quota_window.map(|window| &window.version_at(rated_at).terms);
        let taken = quota_window
            .zip(terms)
            .map_or_else(TokensTaken::default, |(window, terms)| {
                window.takes(terms, tokens.total(), self.spendable_balance())
            });
        let (covered_amount, overage_cost) = match terms {
            Some(terms) if terms.covers_prices() => {
                (discounted, terms.overage_cost(taken.overage)?)
            }
            _ => (Money::ZERO, Money::ZERO),
        };
        Ok(Charge {
            price_id: price.id,
            cost_usd,
            discount_rate,
            covered_amount,
            taken,
            overage_cost,
            discount_amount: Money::ZERO,
            final_cost: discounted.minus(covered_amount)?.plus(overage_cost)?,
            coupon_id: None,
            subscription_id,
            window: quota_window.map(|window| window.reference_at(rated_at)),
        })
    }

    /// Makes a record's changes, all or none.
    fn enter(&mut self, changes: &Changes) -> Result<(), NumberError> {
        if let Some(allocation) = &changes.allocation {
            self.enter_allocation(allocation)?;
        }
        let (tokens, taken) = (changes.tokens, changes.taken);
        self.change_window(changes.slot, |window, balance| {
            window.count(tokens, taken, balance);
        });
        let uninvoiced = &mut self.state.uninvoiced;
        uninvoiced.insert(changes.invoice_month, changes.uninvoiced);
        Ok(())
    }

    /// The topped-up tokens that can be taken: none without a plan, when the balance is frozen.
    const fn spendable_balance(&self) -> i64 {
        if self.state.subscription.is_some() {
            self.state.topup_balance
        } else {
            0
        }
    }

    /// How what coupons take of a month changes with its sum; `None` without coupons.
    pub(super) fn allocate(
        &self,
        month: Month,
        sum: Money,
        most: Option<Money>,
    ) -> Result<Option<Allocation>, NumberError> {
        let redemptions = &self.relations.redemptions;
        if redemptions.is_empty() {
            return Ok(None);
        }
        let parts = Parts::of(redemptions, month, sum)?;
        parts.allocation(redemptions, most).map(Some)
    }

    pub(super) fn enter_allocation(&mut self, allocation: &Allocation) -> Result<(), NumberError> {
        let changed = allocation.enter(&mut self.relations.redemptions)?;
        self.pending.note_redemptions(changed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
