//! What was rejected, and why.

use std::{collections::BTreeMap, fmt};

/// Rejected rows that are told one by one.
const SHOWN: u64 = 10;

/// Counts rejected rows by their error code.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    rows: u64,
    reasons: BTreeMap<String, u64>,
}

impl Rejections {
    /// Counts a row; answers the line that tells of it while there are few.
    pub(super) fn add(
        &mut self,
        place: impl fmt::Display,
        code: &str,
        message: &str,
    ) -> Option<String> {
        self.rows = self.rows.saturating_add(1);
        let count = self.reasons.entry(code.to_owned()).or_default();
        *count = count.saturating_add(1);
        (self.rows <= SHOWN).then(|| format!("{place}: {code}: {message}"))
    }

    /// How many rows were rejected.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows were rejected with each code.
    pub(super) fn reasons(&self) -> &BTreeMap<String, u64> {
        &self.reasons
    }
}

/// ` (CODE 2, OTHER 1)`, or nothing when nothing was rejected.
impl fmt::Display for Rejections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reasons.is_empty() {
            return Ok(());
        }
        let counts = self.reasons.iter();
        let listed: Vec<_> = counts.map(|(code, n)| format!("{code} {n}")).collect();
        write!(f, " ({})", listed.join(", "))
    }
}
