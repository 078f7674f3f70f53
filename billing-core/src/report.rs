//! Figures over many records.

use crate::{
    money::{Money, NumberError},
    month::Month,
};

/// What users used in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotals {
    /// What the usage costs its users, in USD.
    pub final_cost: Money,
    /// Tokens used.
    pub tokens: i64,
    /// Recorded calls that were not voided.
    pub records: i64,
}

/// A month over all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthlyReport {
    /// The calendar month.
    pub month: Month,
    /// The month's usage.
    pub totals: UsageTotals,
    /// The average cost of a record in USD, rounded half-up to 6 decimals; 0 without records.
    pub avg_cost_per_record: Money,
}

impl MonthlyReport {
    /// The report of a month's totals.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when the average does not fit.
    pub fn new(month: Month, totals: UsageTotals) -> Result<Self, NumberError> {
        let avg_cost_per_record = if totals.records > 0 {
            totals.final_cost.divided(totals.records, 6)?
        } else {
            Money::ZERO
        };
        Ok(Self {
            month,
            totals,
            avg_cost_per_record,
        })
    }
}
