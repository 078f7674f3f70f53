//! What records add up to: the one place where their tokens and amounts are added.

use super::{Tokens, UsageRecord, UsageStatus};
use crate::money::{Money, NumberError};

/// What records add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Recorded calls that were not voided.
    pub records: i64,
    /// Their tokens.
    pub tokens: Tokens,
    /// Tokens beyond quota and balance.
    pub overage_tokens: i64,
    /// The tokens at list price, in USD.
    pub cost_usd: Money,
    /// What a plan's fee covers of the discounted cost, in USD.
    pub covered_amount: Money,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Money,
    /// What coupons took off records, in USD.
    pub discount_amount: Money,
    /// What the records add to bills, in USD.
    pub final_cost: Money,
}

impl Sums {
    /// What one record adds. A correction takes back the count of its record, too.
    #[must_use]
    pub const fn of(record: &UsageRecord) -> Self {
        let charge = &record.charge;
        Self {
            records: match record.status {
                UsageStatus::Correction => -1,
                UsageStatus::Completed | UsageStatus::Voided => 1,
            },
            tokens: record.call.tokens,
            overage_tokens: charge.taken.overage,
            cost_usd: charge.cost_usd,
            covered_amount: charge.covered_amount,
            overage_cost: charge.overage_cost,
            discount_amount: charge.discount_amount,
            final_cost: charge.final_cost,
        }
    }

    /// What both add up to.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn plus(&self, other: &Self) -> Result<Self, NumberError> {
        Ok(Self {
            records: self.records.saturating_add(other.records),
            tokens: self.tokens.plus(&other.tokens),
            overage_tokens: self.overage_tokens.saturating_add(other.overage_tokens),
            cost_usd: self.cost_usd.plus(other.cost_usd)?,
            covered_amount: self.covered_amount.plus(other.covered_amount)?,
            overage_cost: self.overage_cost.plus(other.overage_cost)?,
            discount_amount: self.discount_amount.plus(other.discount_amount)?,
            final_cost: self.final_cost.plus(other.final_cost)?,
        })
    }

    /// What is owed before coupons, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn net(&self) -> Result<Money, NumberError> {
        self.final_cost.plus(self.discount_amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::money;

    fn sums(factor: i64) -> Sums {
        let amount = |text: &str| money(text).times(factor).unwrap();
        Sums {
            records: factor,
            tokens: Tokens {
                prompt: 10 * factor,
                completion: 20 * factor,
                cached_prompt: 3 * factor,
                cache_write: 4 * factor,
                reasoning: 5 * factor,
            },
            overage_tokens: 6 * factor,
            cost_usd: amount("0.7"),
            covered_amount: amount("0.8"),
            overage_cost: amount("0.9"),
            discount_amount: amount("0.01"),
            final_cost: amount("0.02"),
        }
    }

    #[test]
    fn every_part_of_sums_adds_up() {
        assert_eq!(sums(1).plus(&sums(2)), Ok(sums(3)));
        assert_eq!(sums(5).plus(&sums(-5)), Ok(Sums::default()));
        assert_eq!(sums(1).net(), Ok(money("0.03")));
    }
}
