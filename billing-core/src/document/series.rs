//! Series of numbers without gaps, one per name and year.

use std::fmt;

use chrono::{DateTime, Datelike, Utc};

use super::Seller;
use crate::refusal::Refusal;

/// The longest name of a series, in characters.
pub const MAX_SERIES: usize = 16;
/// The first year whose numbers can be set.
pub const EARLIEST_YEAR: i32 = 2_000;
/// The last year whose numbers can be set.
pub const LATEST_YEAR: i32 = 9_999;
/// The greatest number that can be set.
pub const MAX_NUMBER: i64 = 999_999_999_999;

/// What all numbers of a series begin with: 1 to 16 characters of A to Z, 0 to 9 and "-".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesName(String);

/// The text is not the name of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_SERIES} characters of A to Z, 0 to 9 and -")]
pub struct MalformedSeries;

/// What documents take from the operator's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentOptions {
    /// Who sells.
    pub seller: Seller,
    /// The series of invoices and receipts.
    pub invoice_series: SeriesName,
    /// Another one, of credit notes and cancellations.
    pub credit_note_series: SeriesName,
}

/// Where the series of a year stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub name: SeriesName,
    /// The year (UTC).
    pub year: i32,
    /// The last number that was taken; 0 before the first.
    pub last_number: i64,
    /// The date of the last document (UTC).
    pub last_at: Option<DateTime<Utc>>,
}

/// The number that a document has got, and its date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The number: series, year, and at least six digits.
    pub number: String,
    /// The date (UTC): never before that of an earlier number.
    pub at: DateTime<Utc>,
}

impl SeriesName {
    /// A name that somebody has chosen.
    ///
    /// # Errors
    /// [`MalformedSeries`].
    pub fn parse(text: impl Into<String>) -> Result<Self, MalformedSeries> {
        let text = text.into();
        let allowed = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-');
        if (1..=MAX_SERIES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(MalformedSeries)
        }
    }

    /// One that was checked before it was stored.
    #[must_use]
    pub const fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SeriesName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for DocumentOptions {
    fn default() -> Self {
        Self {
            seller: Seller::default(),
            invoice_series: SeriesName("INV".to_owned()),
            credit_note_series: SeriesName("CN".to_owned()),
        }
    }
}

impl DocumentOptions {
    /// Whether documents take numbers of a series.
    ///
    /// # Errors
    /// [`Refusal::Field`] when they take none.
    pub fn check(&self, name: &SeriesName) -> Result<(), Refusal> {
        let (invoices, notes) = (&self.invoice_series, &self.credit_note_series);
        if [invoices, notes].contains(&name) {
            return Ok(());
        }
        Err(Refusal::field(
            "series",
            format!("must be {invoices} or {notes}"),
        ))
    }
}

impl Series {
    /// One of which no number was taken.
    #[must_use]
    pub const fn new(name: SeriesName, year: i32) -> Self {
        Self {
            name,
            year,
            last_number: 0,
            last_at: None,
        }
    }

    /// The year whose numbers a document of a time takes.
    #[must_use]
    pub fn year_of(at: DateTime<Utc>) -> i32 {
        at.year()
    }

    /// The number that comes next.
    #[must_use]
    pub const fn next_number(&self) -> i64 {
        self.last_number.saturating_add(1)
    }

    /// Takes the next number for a document of `now`, a time of the series' year. A document that
    /// began before the last one and comes after it has the last one's date.
    #[must_use]
    pub fn take(&mut self, now: DateTime<Utc>) -> Numbered {
        let at = self.last_at.map_or(now, |last| last.max(now));
        self.last_number = self.next_number();
        self.last_at = Some(at);
        let (name, year, number) = (&self.name, self.year, self.last_number);
        Numbered {
            number: format!("{name}-{year:04}-{number:06}"),
            at,
        }
    }

    /// Has the series go on with a number, which leaves those out that come before it.
    ///
    /// # Errors
    /// [`Refusal::Field`] when it was taken already.
    pub fn set_next(&mut self, next: i64) -> Result<(), Refusal> {
        let least = self.next_number();
        if !(least..=MAX_NUMBER).contains(&next) {
            let description = format!(
                "must be from {least}, which comes next in {}-{:04}, to {MAX_NUMBER}",
                self.name, self.year
            );
            return Err(Refusal::field("next_number", description));
        }
        self.last_number = next.saturating_sub(1);
        Ok(())
    }
}
