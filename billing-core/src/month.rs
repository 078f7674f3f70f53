//! Calendar months in UTC.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};

/// A calendar month in UTC, written YYYY-MM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NaiveDate);

/// The text is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a month as YYYY-MM from 1970-01 on")]
pub struct MalformedMonth;

impl Month {
    /// January 1970, before every record.
    pub const FIRST: Self = match NaiveDate::from_yo_opt(1970, 1) {
        Some(day) => Self(day),
        None => Self(NaiveDate::MIN),
    };

    /// The month that contains `time`.
    #[must_use]
    pub fn of(time: DateTime<Utc>) -> Self {
        let day = time.date_naive();
        // Every month has a first day.
        Self(day.with_day(1).unwrap_or(day))
    }

    /// The month's first day.
    #[must_use]
    pub const fn first_day(self) -> NaiveDate {
        self.0
    }

    /// The month's first moment.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        self.0.and_time(NaiveTime::MIN).and_utc()
    }

    /// The month after.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The month that is `months` later.
    #[must_use]
    pub fn plus(self, months: u32) -> Self {
        let later = self.0.checked_add_months(Months::new(months));
        later.map_or(self, Self)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = MalformedMonth;

    fn from_str(text: &str) -> Result<Self, MalformedMonth> {
        let (year, month) = text.split_once('-').ok_or(MalformedMonth)?;
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(month, 2) {
            return Err(MalformedMonth);
        }
        let (year, month) = (year.parse().ok(), month.parse().ok());
        year.zip(month)
            .filter(|(year, _)| *year >= 1970)
            .and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1))
            .map(Self)
            .ok_or(MalformedMonth)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[rstest]
    fn months_read_back_as_written(
        #[values("1970-01", "2000-02", "2024-11", "2024-12", "9999-12")] text: &str,
    ) {
        assert_eq!(month(text).to_string(), text);
    }

    #[rstest]
    fn anything_else_is_not_a_month(
        #[values(
            "",
            "-",
            "2024",
            "2024-",
            "-11",
            "2024-1",
            "2024-00",
            "2024-13",
            "24-01",
            "02024-01",
            "2024-011",
            "2024/11",
            "2024-11-01",
            "2024--1",
            "2024-+1",
            "+024-11",
            "-2024-11",
            "1969-12",
            "0000-01",
            "10000-01",
            " 2024-11",
            "2024-11 ",
            "2024-11\n",
            "yyyy-mm",
            "\u{ff11}\u{ff19}\u{ff17}\u{ff10}-01",
            "2024\u{2013}11"
        )]
        text: &str,
    ) {
        assert_eq!(text.parse::<Month>(), Err(MalformedMonth));
    }

    #[rstest]
    #[case::first_moment("2024-11-01T00:00:00Z", "2024-11")]
    #[case::last_microsecond("2024-11-30T23:59:59.999999Z", "2024-11")]
    #[case::leap_day("2024-02-29T12:00:00Z", "2024-02")]
    #[case::epoch("1970-01-01T00:00:00Z", "1970-01")]
    #[case::other_zone("2024-11-01T01:00:00+02:00", "2024-10")]
    fn a_time_belongs_to_its_month_in_utc(#[case] at: &str, #[case] text: &str) {
        assert_eq!(Month::of(time(at)), month(text));
    }

    #[rstest]
    #[case("2024-11", "2024-12", "2024-11-01T00:00:00Z")]
    #[case::over_the_year("2024-12", "2025-01", "2024-12-01T00:00:00Z")]
    #[case::leap_year("2024-02", "2024-03", "2024-02-01T00:00:00Z")]
    fn a_month_starts_at_midnight_and_is_followed_by_the_next(
        #[case] text: &str,
        #[case] next: &str,
        #[case] start: &str,
    ) {
        assert_eq!(month(text).next(), month(next));
        assert_eq!(month(text).start(), time(start));
        assert_eq!(month(text).first_day(), time(start).date_naive());
    }

    #[test]
    fn the_last_month_that_can_be_written_still_ends() {
        let last = month("9999-12");
        assert!(last.next() > last);
        assert_eq!(Month::of(last.next().start()), last.next());
    }

    #[test]
    fn months_are_ordered_by_time() {
        assert!(Month::FIRST < month("1970-02"));
        assert!(month("2023-12") < month("2024-01"));
    }
}
