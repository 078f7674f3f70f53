//! Why the database did not do what it was asked.

use billing_core::refusal::Refusal;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::deadpool::PoolError;

/// Why a store method failed. Nothing is half-written after any of them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The rules do not allow it. Whatever the transaction had done is undone.
    #[error(transparent)]
    Rejected(#[from] Refusal),
    /// The database does not answer, or the connection was lost and the outcome is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Another transaction was in the way; the same call may succeed when repeated.
    #[error("the transaction met another one: {0}")]
    Contention(String),
    /// The database refused the data.
    #[error("the database refused the data: {0}")]
    Refused(String),
    /// A fault that no other variant names.
    #[error("the database failed: {0}")]
    Failed(String),
    /// A stored value cannot be read.
    #[error("a stored {column} cannot be read: {problem}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
}

impl StoreError {
    /// Whether the same transaction may succeed when it is run again. An unnamed failure is tried
    /// again too: the database's text for it depends on its language, so it is not looked into.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Contention(_) | Self::Failed(_)
        )
    }

    /// Why the rules do not allow it, if that is what it is.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Rejected(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the transaction was undone for a reason that may be gone when it is run again.
    pub(crate) fn was_undone(&self) -> bool {
        matches!(self, Self::Contention(_) | Self::Failed(_))
    }

    pub(crate) fn corrupt(column: &'static str, problem: impl ToString) -> Self {
        Self::Corrupt {
            column,
            problem: problem.to_string(),
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        match error {
            DieselError::DatabaseError(kind, _) => match kind {
                DatabaseErrorKind::SerializationFailure => Self::Contention(text),
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable(text),
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation => Self::Refused(text),
                _ => Self::Failed(text),
            },
            DieselError::BrokenTransactionManager | DieselError::RollbackErrorOnCommit { .. } => {
                Self::Unavailable(text)
            }
            DieselError::DeserializationError(_) => Self::corrupt("value", text),
            DieselError::SerializationError(_) | DieselError::QueryBuilderError(_) => {
                Self::Refused(text)
            }
            _ => Self::Failed(text),
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
