//! What became of the prices of a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::Write,
};

use billing_client::v1::{ImportModelPricesResponse, Problem};
use serde::Serialize;

use super::entry::{Listed, Skip, Warning};
use crate::{cli::import::rejections::Rejections, error::ErrorCode};

/// Models that are named of each kind.
const NAMED: usize = 10;

/// Counts what was read, sent and left out.
#[derive(Debug)]
pub(super) struct Summary {
    verbose: bool,
    read: u64,
    imported: i64,
    unchanged: i64,
    skipped: BTreeMap<Skip, Vec<String>>,
    rejections: Rejections,
    warnings: BTreeMap<Warning, Vec<String>>,
}

impl Summary {
    pub(super) fn new(verbose: bool) -> Self {
        Self {
            verbose,
            read: 0,
            imported: 0,
            unchanged: 0,
            skipped: BTreeMap::new(),
            rejections: Rejections::default(),
            warnings: BTreeMap::new(),
        }
    }

    pub(super) fn read(&mut self) {
        self.read = self.read.saturating_add(1);
    }

    pub(super) fn skipped(&mut self, skip: Skip, model: String) {
        self.skipped.entry(skip).or_default().push(model);
    }

    pub(super) fn warned(&mut self, warning: Warning, model: String) {
        self.warnings.entry(warning).or_default().push(model);
    }

    /// Counts an entry that is not sent, and tells of it on stderr.
    pub(super) fn rejected_here(&mut self, model: &str, reason: &str) {
        self.rejected_with(model, ErrorCode::InvalidField.as_str(), reason);
    }

    /// Counts what the server answered to a call with these prices.
    pub(super) fn answered(&mut self, prices: &[Listed], answer: &ImportModelPricesResponse) {
        self.imported = self.imported.saturating_add(answer.imported);
        self.unchanged = self.unchanged.saturating_add(answer.unchanged);
        let mut told = BTreeSet::new();
        for problem in &answer.problems {
            let (index, field) = place(problem);
            // A price with several faults is one rejected price.
            if told.insert(index) {
                let model = index.and_then(|index| prices.get(index));
                let model = model.map_or("", |listed| &listed.model);
                let message = format!("{field} {}", problem.message);
                self.rejected_with(model, &problem.code, message.trim_start());
            }
        }
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejections.rows()
    }

    /// The summary as one line.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Line {
            read: self.read,
            imported: self.imported,
            unchanged: self.unchanged,
            skipped: (self.skipped.iter())
                .map(|(skip, models)| (skip.code(), models.len()))
                .collect(),
            rejected: self.rejections.rows(),
            reasons: self.rejections.reasons(),
            warnings: (self.warnings.iter())
                .map(|(warning, models)| (warning.code(), models.as_slice()))
                .collect(),
        })
    }

    fn rejected_with(&mut self, model: &str, code: &str, message: &str) {
        if let Some(line) = self.rejections.add(model.escape_debug(), code, message) {
            // Nothing is left to be done when stderr is gone.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    fn names(&self, models: &[String]) -> String {
        let named = if self.verbose { models.len() } else { NAMED };
        let names: Vec<_> = (models.iter().take(named))
            .map(|model| model.escape_debug().to_string())
            .collect();
        let names = names.join(", ");
        match models.len().saturating_sub(named) {
            0 => names,
            more => format!("{names} and {more} more (--verbose names them)"),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    read: u64,
    imported: i64,
    unchanged: i64,
    skipped: BTreeMap<&'a str, usize>,
    rejected: u64,
    reasons: &'a BTreeMap<String, u64>,
    warnings: BTreeMap<&'a str, &'a [String]>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped: usize = self.skipped.values().map(Vec::len).sum();
        writeln!(f, "read: {}", self.read)?;
        writeln!(f, "imported: {}", self.imported)?;
        writeln!(f, "unchanged: {}", self.unchanged)?;
        writeln!(f, "skipped: {skipped}")?;
        for (skip, models) in &self.skipped {
            let names = self.names(models);
            writeln!(f, "  {} {}: {names}", models.len(), skip.code())?;
        }
        let rejections = &self.rejections;
        write!(f, "rejected: {}{rejections}", rejections.rows())?;
        for (warning, models) in &self.warnings {
            let names = self.names(models);
            write!(f, "\n{} {}: {names}", models.len(), warning.sentence())?;
        }
        Ok(())
    }
}

/// The entry and the field that a problem names, as in `prices[3].model_id`.
fn place(problem: &Problem) -> (Option<usize>, &str) {
    let place = problem.field.strip_prefix("prices[");
    match place.and_then(|place| place.split_once(']')) {
        Some((index, field)) => (index.parse().ok(), field.trim_start_matches('.')),
        None => (None, &problem.field),
    }
}
