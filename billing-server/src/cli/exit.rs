//! How the program ends, and why it does so early.

use std::{fmt, path::Path, process};

use billing_store::StoreError;

use crate::{config::ConfigError, serve::ServeError};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok,
    /// Something failed at run time.
    Failure,
    /// The flags or settings are wrong.
    Usage,
    /// Finished, but some rows were rejected.
    RejectedRows,
    /// The database has another schema version.
    SchemaVersion,
    /// The invoices do not add up, or a payment provider says something else.
    ReconcileDifference,
}

impl Exit {
    /// The code that the shell sees.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::RejectedRows => 3,
            Self::SchemaVersion => 4,
            Self::ReconcileDifference => 5,
        }
    }
}

impl From<Exit> for process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ended early: how the program exits, and the sentence for stderr.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit: Exit,
    message: String,
}

impl CommandError {
    /// A failure at run time.
    pub(crate) fn failure(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// The file that the command line names is not what it should be.
    pub(crate) fn unusable(path: &Path, reason: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, format_args!("{}: {reason}", path.display()))
    }

    /// An early end of another kind.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    /// How the program exits.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        let exit = match error {
            ServeError::Config(_) => Exit::Usage,
            ServeError::Schema(_) => Exit::SchemaVersion,
            ServeError::Store(_) | ServeError::Failed(_) => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::failure(error)
    }
}

impl From<billing_client::Error> for CommandError {
    fn from(error: billing_client::Error) -> Self {
        let exit = match error {
            billing_client::Error::Config { .. } => Exit::Usage,
            _ => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::failure(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_pinned() {
        let all = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::RejectedRows,
            Exit::SchemaVersion,
            Exit::ReconcileDifference,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }
}
