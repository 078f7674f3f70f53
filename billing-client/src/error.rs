//! Why a call failed.

use std::{error::Error as StdError, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting of the client is unusable.
    #[error("{message}")]
    Config {
        /// Which setting, and what is wrong with it.
        message: String,
    },
    /// The service could not be reached, or the connection was lost before it answered.
    #[error("service unavailable: {message}")]
    Transport {
        /// What the network reported.
        message: String,
    },
    /// The service refused or failed the call, or did not answer in time.
    #[error("{}: {message}", label(*code, reason))]
    Api {
        /// The gRPC code.
        code: Code,
        /// The service's error code such as `USAGE_CONFLICT`; empty when it gave none.
        reason: String,
        /// What went wrong, in a sentence.
        message: String,
        /// The fields at fault.
        violations: Vec<FieldViolation>,
        /// How long the service asks to wait before the call is repeated.
        retry_after: Option<Duration>,
    },
    /// The service answered with something this client cannot read.
    #[error("{field} is missing or malformed in the answer")]
    Decode {
        /// The field at fault.
        field: &'static str,
    },
}

/// A field whose value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path, such as `prices[3].model_id`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    /// The service's error code, such as `MODEL_NOT_FOUND`; empty when the service gave none.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Api { reason, .. } => reason,
            _ => "",
        }
    }

    /// The gRPC code, when the service answered or ran out of time.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Api { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// How long the service asks to wait before the call is repeated.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Api {
                code, retry_after, ..
            } => match code {
                Code::Unavailable | Code::Aborted => true,
                // Without a delay the limit is one that waiting does not lift.
                Code::ResourceExhausted => retry_after.is_some(),
                _ => false,
            },
            Self::Config { .. } | Self::Decode { .. } => false,
        }
    }

    /// Whether to record again. After a deadline the record may have been committed: asking again
    /// is the only way to learn its cost.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_retryable() || self.code() == Some(Code::DeadlineExceeded)
    }

    pub(crate) fn config(message: &str) -> Self {
        Self::Config {
            message: message.into(),
        }
    }

    /// The innermost cause says what happened; the layers above only say "transport error".
    pub(crate) fn transport(error: &(dyn StdError + 'static)) -> Self {
        let mut cause = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Transport {
            message: cause.to_string(),
        }
    }
}

/// The service's own code, or the gRPC code of an answer that has none, as a proxy's.
fn label(code: Code, reason: &str) -> String {
    match reason {
        "" => format!("{code:?}"),
        reason => reason.to_owned(),
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        // Only a status made on this side has a source: the network failed, not the service.
        if status.source().is_some() {
            return Self::transport(&status);
        }
        let details = status.get_error_details();
        let violations = details.bad_request().map_or_else(Vec::new, |bad_request| {
            let violations = bad_request.field_violations.iter();
            violations
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect()
        });
        Self::Api {
            code: status.code(),
            reason: details
                .error_info()
                .map_or_else(String::new, |info| info.reason.clone()),
            message: status.message().to_owned(),
            violations,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }
    }
}
