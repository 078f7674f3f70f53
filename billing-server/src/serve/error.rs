//! Why the server cannot run.

use billing_store::StoreError;

use crate::config::ConfigError;

/// Why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// It was told something that cannot be done.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database's schema is not the one that this program knows.
    #[error("{0}")]
    Schema(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl ServeError {
    /// A failure of which nothing more is to be known than its message.
    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for ServeError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}
