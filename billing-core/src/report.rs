//! Figures over many records.

mod finances;
mod top;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

pub use self::{
    finances::Finances,
    top::{RankBy, TopUser, TopUsers},
};
use crate::{
    Violation,
    ids::{ModelId, UserId},
    money::{Money, NumberError},
    month::Month,
    usage::Sums,
};

/// The most days of one breakdown: a leap year.
pub const MAX_DAYS: i64 = 366;

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

/// A month's figures over all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthFigures {
    /// Its usage.
    pub usage: UsageTotals,
    /// Its money.
    pub finances: Finances,
}

/// A month over all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthlyReport {
    /// The calendar month.
    pub month: Month,
    /// Its figures.
    pub figures: MonthFigures,
    /// The average cost of a record in USD, rounded half-up to 6 decimals; 0 without records.
    pub avg_cost_per_record: Money,
}

impl MonthlyReport {
    /// The report of a month's figures.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when the average does not fit.
    pub fn new(month: Month, figures: MonthFigures) -> Result<Self, NumberError> {
        let totals = figures.usage;
        let avg_cost_per_record = if totals.records > 0 {
            totals.final_cost.divided(totals.records, 6)?
        } else {
            Money::ZERO
        };
        Ok(Self {
            month,
            figures,
            avg_cost_per_record,
        })
    }
}

/// UTC days, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub first: NaiveDate,
    /// The day after the last.
    pub end: NaiveDate,
}

impl Days {
    /// The days of a month.
    #[must_use]
    pub fn of_month(month: Month) -> Self {
        Self {
            first: month.first_day(),
            end: month.next().first_day(),
        }
    }

    /// The days from one midnight to another.
    ///
    /// # Errors
    /// Every violation: a time within a day, no day at all, or more than [`MAX_DAYS`].
    pub fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        for (field, time) in [("start_time", start), ("end_time", end)] {
            if time.time() != NaiveTime::MIN {
                violations.push(Violation::new(field, "must be a midnight in UTC"));
            }
        }
        let (first, end) = (start.date_naive(), end.date_naive());
        let days = end.signed_duration_since(first).num_days();
        if violations.is_empty() && !(1..=MAX_DAYS).contains(&days) {
            let wrong = format!("must be from 1 to {MAX_DAYS} days after start_time");
            violations.push(Violation::new("end_time", wrong));
        }
        if violations.is_empty() {
            Ok(Self { first, end })
        } else {
            Err(violations)
        }
    }
}

/// What usage is summed up by; nothing sums up everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grouping {
    /// By UTC day.
    pub by_day: bool,
    /// By model.
    pub by_model: bool,
    /// By user.
    pub by_user: bool,
}

/// What a row of a breakdown is about, as far as it is grouped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GroupKey {
    /// The UTC day.
    pub day: Option<NaiveDate>,
    /// The model.
    pub model: Option<ModelId>,
    /// The user.
    pub user_id: Option<UserId>,
}

impl GroupKey {
    /// Day, model and user; a text is empty unless grouped by.
    #[must_use]
    pub fn texts(&self) -> [String; 3] {
        fn text(part: Option<&impl ToString>) -> String {
            part.map(ToString::to_string).unwrap_or_default()
        }
        [
            text(self.day.as_ref()),
            text(self.model.as_ref()),
            text(self.user_id.as_ref()),
        ]
    }

    /// The key with these texts, of which only the day is checked.
    ///
    /// # Errors
    /// When the first is neither empty nor a day as YYYY-MM-DD.
    pub fn from_texts([day, model, user_id]: [String; 3]) -> Result<Self, chrono::ParseError> {
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Self {
            day: filled(day).map(|day| day.parse()).transpose()?,
            model: filled(model).map(ModelId::trusted),
            user_id: filled(user_id).map(UserId::trusted),
        })
    }
}

/// What records of one group add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSums {
    /// Which group.
    pub key: GroupKey,
    /// Its sums.
    pub sums: Sums,
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
        let figures = MonthFigures {
            usage: UsageTotals {
                final_cost: cost.parse().unwrap(),
                tokens: 1_000,
                records,
            },
            ..MonthFigures::default()
        };
        let month: Month = "2024-11".parse().unwrap();
        let report = MonthlyReport::new(month, figures).unwrap();
        assert_eq!(report.avg_cost_per_record, average.parse().unwrap());
        assert_eq!((report.month, report.figures), (month, figures));
    }

    #[rstest]
    #[case::one("2024-11-30T00:00:00Z", "2024-12-01T00:00:00Z", &[])]
    #[case::leap_year("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", &[])]
    #[case::other_zone("2024-11-01T02:00:00+02:00", "2024-11-02T00:00:00Z", &[])]
    #[case::none("2024-11-01T00:00:00Z", "2024-11-01T00:00:00Z", &["end_time"])]
    #[case::backwards("2024-11-02T00:00:00Z", "2024-11-01T00:00:00Z", &["end_time"])]
    #[case::a_day_too_many("2024-01-01T00:00:00Z", "2025-01-02T00:00:00Z", &["end_time"])]
    #[case::within("2024-11-01T00:00:00.000001Z", "2024-11-02T00:00:00Z", &["start_time"])]
    #[case::both("2024-11-01T12:00:00Z", "2024-11-01T23:59:59Z", &["start_time", "end_time"])]
    fn days_run_from_midnight_to_midnight(
        #[case] start: &str,
        #[case] end: &str,
        #[case] fields: &[&str],
    ) {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let days = Days::between(time(start), time(end));
        let found = days.as_ref().err().into_iter().flatten();
        assert_eq!(found.map(|v| v.field).collect::<Vec<_>>(), fields);
    }

    #[test]
    fn the_days_of_a_month_end_where_the_next_begins() {
        let days = Days::of_month("2024-02".parse().unwrap());
        let (start, end) = ("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
        let between = Days::between(start.parse().unwrap(), end.parse().unwrap());
        assert_eq!(between, Ok(days));
    }

    #[rstest]
    #[case(["", "", ""])]
    #[case(["2024-11-01", "", "alice"])]
    #[case(["", "openai/gpt-4", ""])]
    fn a_key_is_read_back_from_its_texts(#[case] texts: [&str; 3]) {
        let texts = texts.map(String::from);
        let key = GroupKey::from_texts(texts.clone()).unwrap();
        assert_eq!(key.texts(), texts);
    }

    #[test]
    fn a_key_whose_day_is_none_is_refused() {
        let texts = ["yesterday", "gpt-4", "alice"].map(String::from);
        assert!(GroupKey::from_texts(texts).is_err());
    }
}
