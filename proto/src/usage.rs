//! What became of model calls that were sent many at a time.

use crate::v1::RecordUsageResult;

impl RecordUsageResult {
    /// Whether it was rejected for a passing reason, so that sending it again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let code = self.problem.as_ref().map(|problem| problem.code.as_str());
        matches!(code, Some("DATABASE_UNAVAILABLE" | "OVERLOADED"))
    }
}
