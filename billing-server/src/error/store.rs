//! What callers are told when the database fails.

use std::time::Duration;

use billing_store::{RecordError, StoreError};

use super::{ApiError, ErrorCode};

/// When a caller should repeat a call that found the queue full.
const OVERLOADED_RETRY: Duration = Duration::from_millis(200);
/// When a caller should repeat a call that found the database away.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(1);

impl ApiError {
    /// A fault of ours, of which callers learn nothing more.
    pub(crate) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "internal error")
    }

    /// The server goes down and begins nothing new.
    pub(crate) fn shutting_down() -> Self {
        unavailable("the server is shutting down")
    }
}

fn unavailable(message: &str) -> ApiError {
    ApiError::new(ErrorCode::DatabaseUnavailable, message).retry_after(UNAVAILABLE_RETRY)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        const AWAY: &str = "the database is unavailable; the call may be repeated";
        match error {
            StoreError::Rejected(refusal) => refusal.into(),
            StoreError::Unavailable(_) | StoreError::Contention(_) => {
                tracing::warn!(%error, "the database is unavailable");
                unavailable(AWAY)
            }
            // It may be a lock that was waited for too long: a record must not be given up for it.
            StoreError::Failed(_) => {
                tracing::error!(%error, "the database failed");
                unavailable(AWAY)
            }
            StoreError::Refused(_) | StoreError::Corrupt { .. } => {
                tracing::error!(%error, "the database refused");
                Self::internal()
            }
        }
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Overloaded => {
                Self::new(ErrorCode::Overloaded, "too many records are waiting")
                    .retry_after(OVERLOADED_RETRY)
            }
            RecordError::ShuttingDown => Self::shutting_down(),
            RecordError::Store(error) => error.into(),
        }
    }
}
