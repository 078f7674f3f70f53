//! What a record costs and who pays it (contract, section 3).

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    coupon::{Parts, Taking},
    ids::{CouponId, ModelId, PlanId, RecordId, RequestId, SubscriptionId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    plan::UsagePricing,
    pricing::{Catalog, ModelPrice},
    terms::{CoveringWindow, Terms},
    usage::{Fingerprint, Tokens, Usage},
    user::User,
    window::{TokensTaken, Window},
};

/// What became of a usage record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageStatus {
    /// Counted and owed.
    Completed,
    /// Reversed by a correction.
    Voided,
    /// Reverses another record.
    Correction,
}

impl UsageStatus {
    /// What the status is called in tables and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Voided => "voided",
            Self::Correction => "correction",
        }
    }
}

/// Every part of what a record costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Tokens at list price, in USD.
    pub cost_usd: Money,
    /// What the user pays of the list price.
    pub discount_rate: Rate,
    /// The part of the discounted cost that the plan's fee covers, in USD.
    pub covered_amount: Money,
    /// Where the tokens were taken from.
    pub taken: TokensTaken,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Money,
    /// What coupons took off, in USD.
    pub discount_amount: Money,
    /// What the record adds to the bill, in USD.
    pub final_cost: Money,
    /// The first coupon that took a part.
    pub coupon_id: Option<CouponId>,
    /// The subscription whose window contains the record.
    pub subscription_id: Option<SubscriptionId>,
    /// What the record was charged by.
    pub terms: Terms,
}

/// A rated usage record, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// The record's id.
    pub id: RecordId,
    /// Who is billed.
    pub user_id: UserId,
    /// The caller's id of the call.
    pub request_id: RequestId,
    /// The model.
    pub model: ModelId,
    /// The provider.
    pub provider: String,
    /// The tokens.
    pub tokens: Tokens,
    /// What they cost.
    pub charge: Charge,
    /// What became of the record.
    pub status: UsageStatus,
    /// The calendar month the record belongs to.
    pub billing_month: Month,
    /// The month whose invoice carries it.
    pub invoice_month: Month,
    /// The record that this one reverses.
    pub corrects_id: Option<RecordId>,
    /// The earlier of `created_at` and the time of recording (UTC): it chose price, discount, month
    /// and subscription window.
    pub rated_at: DateTime<Utc>,
    /// When the call was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When the record last changed (UTC).
    pub updated_at: DateTime<Utc>,
    /// What the caller set.
    pub fingerprint: Fingerprint,
    /// Why the record was voided, when a reason was given.
    pub void_reason: Option<String>,
}

/// What became of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// To be stored.
    Recorded(UsageRecord),
    /// Recorded before, with the same content: the first record.
    Duplicate(UsageRecord),
    /// The request id was used before with other content.
    Conflict,
    /// The model has no price at that time.
    Unpriced,
    /// An amount does not fit.
    TooLarge,
}

impl Charge {
    /// What is owed before coupons, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn net(&self) -> Result<Money, NumberError> {
        self.final_cost.plus(self.discount_amount)
    }
}

/// Rates the records of one user in the order of their arrival and changes the user with each.
/// `recorded` are the records that were stored earlier under request ids of the batch.
///
/// # Errors
/// [`NumberError::TooLarge`] when a fee that is due does not fit.
pub fn rate_batch<'a>(
    catalog: &Catalog,
    user: &mut User,
    recorded: &HashMap<RequestId, UsageRecord>,
    records: impl IntoIterator<Item = &'a Usage>,
    now: DateTime<Utc>,
) -> Result<Vec<Outcome>, NumberError> {
    user.roll(catalog, now)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut recorded_here: HashMap<&str, usize> = HashMap::new();
    for usage in records {
        let request_id = usage.request_id.as_str();
        let earlier = recorded_here
            .get(request_id)
            .and_then(|index| outcomes.get(*index));
        let first = match earlier {
            Some(Outcome::Recorded(first)) => Some(first),
            _ => recorded.get(request_id),
        };
        let outcome = match first {
            Some(first) if first.fingerprint == usage.fingerprint => {
                Outcome::Duplicate(first.clone())
            }
            Some(_) => Outcome::Conflict,
            None => record(catalog, user, usage, now),
        };
        if matches!(outcome, Outcome::Recorded(_)) {
            recorded_here.insert(request_id, outcomes.len());
        }
        outcomes.push(outcome);
    }
    let alerts = user.account.announce();
    user.effects.alerts.extend(alerts);
    Ok(outcomes)
}

/// Rates one record and changes the user, or neither.
fn record(catalog: &Catalog, user: &mut User, usage: &Usage, now: DateTime<Utc>) -> Outcome {
    let model = usage.model.as_str();
    let quote = match quote(catalog, user, model, &usage.tokens, usage.created_at, now) {
        Ok(quote) => quote,
        Err(QuoteError::Unpriced) => return Outcome::Unpriced,
        Err(QuoteError::TooLarge(_)) => return Outcome::TooLarge,
    };
    if quote.changes.enter(user).is_err() {
        return Outcome::TooLarge;
    }
    let provider = if usage.provider.is_empty() {
        &quote.price.provider
    } else {
        &usage.provider
    };
    Outcome::Recorded(UsageRecord {
        id: usage.record_id.clone(),
        user_id: usage.user_id.clone(),
        request_id: usage.request_id.clone(),
        model: usage.model.clone(),
        provider: provider.clone(),
        tokens: usage.tokens,
        charge: quote.charge,
        status: UsageStatus::Completed,
        billing_month: Month::of(quote.rated_at),
        invoice_month: quote.changes.invoice_month,
        corrects_id: None,
        rated_at: quote.rated_at,
        created_at: usage.created_at,
        updated_at: now,
        fingerprint: usage.fingerprint,
        void_reason: None,
    })
}

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

/// What a record changes of a user.
#[derive(Debug, Clone)]
struct Changes {
    /// The window that holds the record.
    place: Place,
    /// That window afterwards.
    window: Option<Window>,
    /// Tokens taken from the topped-up balance.
    topup: i64,
    invoice_month: Month,
    /// What the account then owes in that month before coupons.
    uninvoiced: Money,
    /// What coupons take.
    taking: Option<Taking>,
}

/// Where a time lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In no subscription.
    Outside,
    /// In the running window.
    Running,
    /// In the archived window with this index.
    Archived(usize),
}

/// Why there is no cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The model has no price at that time.
    #[error("the model has no price at that time")]
    Unpriced,
    /// An amount does not fit.
    #[error("the amount {0}")]
    TooLarge(#[from] NumberError),
}

/// What tokens cost a user who was brought to `now`. Changes nothing.
///
/// # Errors
/// When the model has no price or an amount does not fit.
pub fn quote(
    catalog: &Catalog,
    user: &User,
    model: &str,
    tokens: &Tokens,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Quote, QuoteError> {
    // A record of the future belongs to the present.
    let rated_at = created_at.min(now);
    let price = catalog
        .price_at(model, rated_at)
        .ok_or(QuoteError::Unpriced)?;
    let cost_usd = price.prices.cost(tokens)?;
    let place = user.place_of(rated_at);
    let found = user.window_at(place);
    let subscription_id = found.map(|(_, id, _)| id.clone());
    let terms = Terms::Priced {
        prices: price.prices,
        window: match found {
            Some((window, _, plan_id)) => covering(&window, plan_id)?,
            None => None,
        },
    };
    let mut window = found.map(|(window, ..)| window);
    let taken = window
        .as_mut()
        .map(|w| w.take(tokens.total(), &mut user.spendable_balance()));
    let mut charge = charge(
        cost_usd,
        user.discount_rate_at(rated_at),
        window.as_ref(),
        taken,
    )?;
    charge.subscription_id = subscription_id;
    charge.terms = terms;

    let invoice_month = user.invoice_month(rated_at);
    let net = charge.net()?;
    let uninvoiced = user.account.uninvoiced_in(invoice_month).plus(net)?;
    let taking = user.coupons_take(invoice_month, uninvoiced, Some(net))?;
    if let Some(taking) = &taking {
        let first = taking.first(&user.redemptions);
        charge.coupon_id = first.map(|redemption| redemption.coupon_id.clone());
        charge.discount_amount = taking.total;
        charge.final_cost = net.minus(taking.total)?;
    }
    let changes = Changes {
        place,
        window,
        topup: charge.taken.topup,
        invoice_month,
        uninvoiced,
        taking,
    };
    Ok(Quote {
        price: Arc::clone(price),
        charge,
        rated_at,
        changes,
    })
}

/// The window, if its plan's fee covers model prices.
fn covering(window: &Window, plan_id: &PlanId) -> Result<Option<CoveringWindow>, NumberError> {
    if window.usage_pricing != UsagePricing::Included {
        return Ok(None);
    }
    let (price, rate) = (window.extra_token_price, window.overage_discount_rate);
    Ok(Some(CoveringWindow {
        start: window.span.start,
        overage_price: Money::of_extra_tokens(1_000, price, rate)?,
        plan_id: plan_id.clone(),
    }))
}

/// Steps 2 to 4 of the contract's section 3, before coupons.
fn charge(
    cost_usd: Money,
    discount_rate: Rate,
    window: Option<&Window>,
    taken: Option<TokensTaken>,
) -> Result<Charge, NumberError> {
    let discounted = cost_usd.at_rate(discount_rate)?;
    let taken = taken.unwrap_or_default();
    let (covered_amount, overage_cost) = match window {
        Some(window) if window.usage_pricing == UsagePricing::Included => {
            let (price, rate) = (window.extra_token_price, window.overage_discount_rate);
            (
                discounted,
                Money::of_extra_tokens(taken.overage, price, rate)?,
            )
        }
        _ => (Money::ZERO, Money::ZERO),
    };
    Ok(Charge {
        cost_usd,
        discount_rate,
        covered_amount,
        taken,
        overage_cost,
        discount_amount: Money::ZERO,
        final_cost: discounted.minus(covered_amount)?.plus(overage_cost)?,
        coupon_id: None,
        subscription_id: None,
        terms: Terms::Unknown,
    })
}

impl Changes {
    fn enter(&self, user: &mut User) -> Result<(), NumberError> {
        if let Some(taking) = &self.taking {
            taking.enter(&mut user.redemptions)?;
        }
        if let Some(window) = self.window {
            user.set_window(self.place, window);
        }
        let balance = &mut user.account.topup_balance;
        *balance = balance.saturating_sub(self.topup);
        let uninvoiced = &mut user.account.uninvoiced;
        uninvoiced.insert(self.invoice_month, self.uninvoiced);
        Ok(())
    }
}

impl User {
    /// The window that holds a time, however long ago.
    pub(crate) fn place_of(&self, at: DateTime<Utc>) -> Place {
        let running = self.account.subscription.as_ref();
        if running.is_some_and(|s| s.window.span.contains(at)) {
            return Place::Running;
        }
        let archived = self.archived.iter();
        let holds = |index: usize| Place::Archived(index);
        let found = archived
            .enumerate()
            .find(|(_, a)| a.window.span.contains(at));
        found.map_or(Place::Outside, |(index, _)| holds(index))
    }

    fn window_at(&self, place: Place) -> Option<(Window, &SubscriptionId, &PlanId)> {
        match place {
            Place::Outside => None,
            Place::Running => self
                .account
                .subscription
                .as_ref()
                .map(|s| (s.window, &s.id, &s.plan_id)),
            Place::Archived(index) => {
                let archived = self.archived.get(index);
                archived.map(|a| (a.window, &a.subscription_id, &a.plan_id))
            }
        }
    }

    fn set_window(&mut self, place: Place, window: Window) {
        match place {
            Place::Outside => {}
            Place::Running => {
                if let Some(subscription) = &mut self.account.subscription {
                    subscription.window = window;
                }
            }
            Place::Archived(index) => {
                if let Some(archived) = self.archived.get_mut(index) {
                    archived.window = window;
                    archived.changed = true;
                }
            }
        }
    }

    /// The topped-up tokens that can be taken: none without a plan, when the balance is frozen.
    fn spendable_balance(&self) -> i64 {
        if self.account.subscription.is_some() {
            self.account.topup_balance
        } else {
            0
        }
    }

    /// How what coupons take of a month changes with its sum; `None` without coupons.
    pub(crate) fn coupons_take(
        &self,
        month: Month,
        sum: Money,
        most: Option<Money>,
    ) -> Result<Option<Taking>, NumberError> {
        if self.redemptions.is_empty() {
            return Ok(None);
        }
        let parts = Parts::of(&self.redemptions, month, sum)?;
        parts.taking(&self.redemptions, most).map(Some)
    }
}

#[cfg(test)]
mod tests;
