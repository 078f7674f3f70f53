//! What became of model calls that were sent many at a time.

use billing_proto::v1;
use rust_decimal::Decimal;

use crate::{Error, Problem, convert};

/// What became of a model call that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageOutcome {
    /// Recorded and charged now.
    Recorded,
    /// Recorded before; charged nothing now.
    Duplicate,
    /// Refused; nothing was written.
    Rejected,
    /// An outcome that this version of the client does not know.
    Unknown,
}

impl From<v1::UsageOutcome> for UsageOutcome {
    fn from(outcome: v1::UsageOutcome) -> Self {
        match outcome {
            v1::UsageOutcome::Unspecified => Self::Unknown,
            v1::UsageOutcome::Recorded => Self::Recorded,
            v1::UsageOutcome::Duplicate => Self::Duplicate,
            v1::UsageOutcome::Rejected => Self::Rejected,
        }
    }
}

/// What became of one model call, durable when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageResult {
    /// The caller's id of the model call.
    pub request_id: String,
    /// What became of it.
    pub outcome: UsageOutcome,
    /// The record's id; empty when it was rejected.
    pub record_id: String,
    /// What the record adds to the bill, in USD; none when it was rejected.
    pub final_cost: Option<Decimal>,
    /// Why it was rejected; none otherwise.
    pub problem: Option<Problem>,
}

impl UsageResult {
    /// Whether it was rejected for a passing reason, so that sending it again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let code = self.problem.as_ref().map(|problem| problem.code.as_str());
        matches!(code, Some("DATABASE_UNAVAILABLE" | "OVERLOADED"))
    }
}

impl TryFrom<v1::RecordUsageResult> for UsageResult {
    type Error = Error;

    fn try_from(result: v1::RecordUsageResult) -> Result<Self, Error> {
        let cost = |cost| convert::amount(Some(cost), "final_cost");
        Ok(Self {
            outcome: result.outcome().into(),
            request_id: result.request_id,
            record_id: result.record_id,
            final_cost: result.final_cost.map(cost).transpose()?,
            problem: result.problem.map(Problem::from),
        })
    }
}
