//! Top-ups: what an amount buys, and when tokens are bought by themselves.

mod state;

use chrono::{DateTime, Utc};

pub use self::state::{Halt, TopupState};
use super::{TopupConsent, exact};
use crate::{
    catalog::{PlanTerms, UsagePricing},
    ids::TransactionId,
    money::{CENTS, Money, Rate},
    refusal::{Refusal, TopupRefusal},
};

/// What the operator allows of top-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopupLimits {
    /// The least that one costs, in USD.
    pub least: Money,
    /// The most that one costs, in USD.
    pub most: Money,
    /// How many a user is charged for by themselves in one day (UTC).
    pub per_day: u32,
    /// The same for one month (UTC).
    pub per_month: u32,
}

/// What an amount buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopupOrder {
    /// What is charged, tax included, in USD and whole cents.
    pub amount: Money,
    /// The part that buys tokens, in USD and whole cents.
    pub net: Money,
    /// The tax in it, in USD and whole cents.
    pub tax: Money,
    /// The tokens.
    pub tokens: i64,
}

/// What a user has set of automatic top-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopupSettings {
    /// Whether tokens are bought.
    pub enabled: bool,
    /// The number of tokens at or below which they are.
    pub threshold: i64,
    /// For how much, in USD.
    pub amount: Money,
}

/// What decides whether tokens are bought by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutomaticTopup<'a> {
    /// What the user has set.
    pub settings: TopupSettings,
    /// What the user has agreed to.
    pub consent: Option<&'a TopupConsent>,
    /// Whether a saved method is the default.
    pub has_method: bool,
    /// The terms of the live plan.
    pub terms: Option<&'a PlanTerms>,
    /// The rate of tax that the user is charged.
    pub tax_rate: Rate,
    /// Tokens that are left.
    pub tokens_left: i64,
    /// What became of earlier ones.
    pub state: &'a TopupState,
}

/// Why no tokens are bought by themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTopup {
    /// More tokens are left than the threshold.
    #[error("enough tokens are left")]
    EnoughTokens,
    /// The settings say no.
    #[error("automatic top-up is off")]
    Off,
    /// The user has not agreed to this threshold and amount.
    #[error("the user has not agreed to this threshold and amount")]
    NoConsent,
    /// No saved method is the default.
    #[error("the user has no default payment method")]
    NoMethod,
    /// One is under way.
    #[error("the top-up {0} is under way")]
    InFlight(TransactionId),
    /// Something has to change first.
    #[error("automatic top-up is stopped: {0}")]
    Halted(Halt),
    /// The one before failed.
    #[error("the top-up before failed; none until {0}")]
    BackingOff(DateTime<Utc>),
    /// As many as one day may have.
    #[error("the day has had as many top-ups as it may")]
    DayFull,
    /// As many as one month may have.
    #[error("the month has had as many top-ups as it may")]
    MonthFull,
    /// Nothing is sold, or not for this amount.
    #[error("{0}")]
    Refused(Refusal),
}

impl Default for TopupLimits {
    fn default() -> Self {
        Self {
            least: Money::whole(1).unwrap_or(Money::ZERO),
            most: Money::whole(10_000).unwrap_or(Money::ZERO),
            per_day: 3,
            per_month: 10,
        }
    }
}

impl TopupLimits {
    /// Checks what a top-up may cost; `field` is what the API calls the amount.
    ///
    /// # Errors
    /// [`Refusal::Field`] for parts of a cent, [`Refusal::TopupLimit`] for too little or too much.
    pub fn check(&self, field: &'static str, amount: Money) -> Result<(), Refusal> {
        if !(self.least..=self.most).contains(&amount) {
            return Err(Refusal::TopupLimit {
                least: self.least,
                most: self.most,
            });
        }
        if amount.is_whole_cents() {
            Ok(())
        } else {
            Err(Refusal::field(field, "must have at most 2 decimals"))
        }
    }

    /// What an amount buys on a plan.
    ///
    /// # Errors
    /// When the amount is not allowed, or the plan sells no tokens for it.
    pub fn order(
        &self,
        amount: Money,
        tax_rate: Rate,
        terms: Option<&PlanTerms>,
    ) -> Result<TopupOrder, Refusal> {
        self.check("amount", amount)?;
        let refused = |reason| Err(Refusal::TopupNoPrice(reason));
        let Some(terms) = terms else {
            return refused(TopupRefusal::NoPlan);
        };
        if terms.usage_pricing == UsagePricing::Metered {
            return refused(TopupRefusal::Metered);
        }
        let net = net_part(amount, tax_rate)?;
        let rate = terms.overage_discount_rate;
        match exact::tokens_for(net, terms.extra_token_price, rate)? {
            None => refused(TopupRefusal::NoPrice),
            Some(tokens) if tokens <= 0 => refused(TopupRefusal::BuysNothing),
            Some(tokens) => Ok(TopupOrder {
                amount,
                net,
                tax: amount.minus(net)?,
                tokens,
            }),
        }
    }

    /// Checks settings that a user wants. An amount that buys no more than the threshold would buy
    /// again and again. Without a plan that sells tokens there is nothing to compare yet.
    ///
    /// # Errors
    /// When the amount is not allowed, or does not lift the user above the threshold.
    pub fn check_settings(
        &self,
        settings: &TopupSettings,
        tax_rate: Rate,
        terms: Option<&PlanTerms>,
    ) -> Result<(), Refusal> {
        let field = "auto_topup_amount";
        self.check(field, settings.amount)
            .map_err(|refusal| match refusal {
                Refusal::TopupLimit { least, most } => {
                    let (least, most) = (least.digits(2), most.digits(2));
                    Refusal::field(field, format!("must be between {least} and {most}"))
                }
                other => other,
            })?;
        match self.order(settings.amount, tax_rate, terms) {
            Err(Refusal::TopupNoPrice(TopupRefusal::BuysNothing)) => settings.check_lift(0),
            Err(Refusal::TopupNoPrice(_)) => Ok(()),
            order => settings.check_lift(order?.tokens),
        }
    }

    /// Whether tokens are bought now, and what for.
    ///
    /// # Errors
    /// Why not.
    pub fn decide(
        &self,
        question: &AutomaticTopup<'_>,
        now: DateTime<Utc>,
    ) -> Result<TopupOrder, NoTopup> {
        let settings = question.settings;
        // Asked with every record: what most often says no comes first.
        if question.tokens_left > settings.threshold {
            return Err(NoTopup::EnoughTokens);
        }
        if !settings.enabled {
            return Err(NoTopup::Off);
        }
        let covers = |consent: &TopupConsent| consent.covers(settings.threshold, settings.amount);
        if !question.consent.is_some_and(covers) {
            return Err(NoTopup::NoConsent);
        }
        if !question.has_method {
            return Err(NoTopup::NoMethod);
        }
        question.state.allows(self, now)?;
        let order = self.order(settings.amount, question.tax_rate, question.terms);
        let order = order.map_err(NoTopup::Refused)?;
        let lifts = settings.check_lift(order.tokens);
        lifts.map_err(NoTopup::Refused)?;
        Ok(order)
    }
}

impl TopupSettings {
    /// Refuses an amount that buys so few tokens that the threshold would be passed again at once.
    fn check_lift(&self, tokens: i64) -> Result<(), Refusal> {
        if !self.enabled || tokens > self.threshold {
            return Ok(());
        }
        let description = format!(
            "must buy more tokens than auto_topup_threshold; {} USD buy {tokens}",
            self.amount.digits(2),
        );
        Err(Refusal::field("auto_topup_amount", description))
    }
}

/// The part of an amount with tax that is not tax, rounded once.
///
/// # Errors
/// When it does not fit.
pub(crate) fn net_part(amount: Money, tax_rate: Rate) -> Result<Money, Refusal> {
    let with_tax = exact::rate_units(Rate::ONE.plus(tax_rate)?)?;
    Ok(amount.share(exact::rate_units(Rate::ONE)?, with_tax, CENTS)?)
}

#[cfg(test)]
mod tests;
