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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_records("0", 0, "0")]
    #[case::cost_that_no_record_carries("1.50", 0, "0")]
    #[case::one_record("15.40475964", 1, "15.40476")]
    #[case::exact("45.50", 4, "11.375")]
    #[case::down("1", 3, "0.333333")]
    #[case::up("2", 3, "0.666667")]
    #[case::half_up("0.000001", 2, "0.000001")]
    #[case::below_half("0.000000999999999", 2, "0")]
    #[case::free_records("0", 5, "0")]
    #[case::more_than_rounding_shows("0.001", 1_000_000_000, "0")]
    fn the_average_is_rounded_to_six_decimals(
        #[case] cost: &str,
        #[case] records: i64,
        #[case] average: &str,
    ) {
        let totals = UsageTotals {
            final_cost: cost.parse().unwrap(),
            tokens: 1_000,
            records,
        };
        let month: Month = "2024-11".parse().unwrap();
        let report = MonthlyReport::new(month, totals).unwrap();
        assert_eq!(report.avg_cost_per_record, average.parse().unwrap());
        assert_eq!((report.month, report.totals), (month, totals));
    }
}
