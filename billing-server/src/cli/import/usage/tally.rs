//! What became of the rows of a file.

use std::{collections::BTreeMap, fmt, time::Instant};

use serde::Serialize;

use crate::cli::import::rejections::Rejections;

/// What became of one row.
#[derive(Debug)]
pub(super) enum Fate {
    Recorded,
    /// It had been recorded before.
    Duplicate,
    Rejected {
        code: String,
        message: String,
    },
}

/// Counts rows.
#[derive(Debug)]
pub(super) struct Tally {
    recorded: u64,
    duplicates: u64,
    rejections: Rejections,
    started: Instant,
}

impl Tally {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        Self {
            recorded: 0,
            duplicates: 0,
            rejections: Rejections::default(),
            started: Instant::now(),
        }
    }

    /// Counts a row; answers the line that tells of a rejected one while there are few.
    pub(super) fn add(&mut self, line: u64, fate: Fate) -> Option<String> {
        match fate {
            Fate::Recorded => {
                self.recorded = self.recorded.saturating_add(1);
                None
            }
            Fate::Duplicate => {
                self.duplicates = self.duplicates.saturating_add(1);
                None
            }
            Fate::Rejected { code, message } => {
                self.rejections
                    .add(format_args!("line {line}"), &code, &message)
            }
        }
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejections.rows()
    }

    /// The summary as the pinned line.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Line {
            recorded: self.recorded,
            duplicates: self.duplicates,
            rejected: self.rejections.rows(),
            reasons: self.rejections.reasons(),
            records_per_second: self.per_second(),
        })
    }

    /// How many rows were counted.
    pub(super) fn rows(&self) -> u64 {
        let settled = self.recorded.saturating_add(self.duplicates);
        settled.saturating_add(self.rejections.rows())
    }

    fn per_second(&self) -> u64 {
        let micros = self.started.elapsed().as_micros();
        let rate = u128::from(self.rows())
            .saturating_mul(1_000_000)
            .checked_div(micros);
        u64::try_from(rate.unwrap_or_default()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejections = &self.rejections;
        writeln!(f, "recorded: {}", self.recorded)?;
        writeln!(f, "duplicates: {}", self.duplicates)?;
        writeln!(f, "rejected: {}{rejections}", rejections.rows())?;
        write!(f, "records per second: {}", self.per_second())
    }
}

/// Other programs read it: names and order are pinned.
#[derive(Serialize)]
struct Line<'a> {
    recorded: u64,
    duplicates: u64,
    rejected: u64,
    reasons: &'a BTreeMap<String, u64>,
    records_per_second: u64,
}
