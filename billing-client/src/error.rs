//! Why a call failed.

use std::{error::Error as StdError, time::Duration};

use billing_proto::ValueError;
use tonic::{Code, ConnectError, Status};
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
        /// Whether the request may have arrived all the same.
        sent: bool,
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
    /// The [`UsageBuffer`](crate::UsageBuffer) was closed before it took the model call.
    #[error("the buffer is closed")]
    Closed,
    /// The service answered with something this client cannot read.
    #[error("the answer cannot be read: {message}")]
    Decode {
        /// What is wrong with it.
        message: String,
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
            Self::Config { .. } | Self::Closed | Self::Decode { .. } => false,
        }
    }

    /// Whether to ask again what the service knows by its request id. After a deadline the call may
    /// have been carried out: asking again is the only way to learn what came of it.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_retryable() || self.code() == Some(Code::DeadlineExceeded)
    }

    /// Whether the call may succeed later and was surely not carried out.
    pub(crate) fn is_undone(&self) -> bool {
        match self {
            Self::Transport { sent, .. } => !sent,
            // It may have been the answer to a commit that was lost.
            _ => self.is_retryable() && self.code() != Some(Code::Unavailable),
        }
    }

    pub(crate) fn config(message: &str) -> Self {
        Self::Config {
            message: message.into(),
        }
    }

    /// A stream ended as if everything were answered.
    pub(crate) fn cut_short() -> Self {
        Self::Transport {
            message: "the stream ended before everything was answered".into(),
            sent: true,
        }
    }

    /// The innermost cause says what happened; the layers above only say "transport error".
    pub(crate) fn transport(error: &(dyn StdError + 'static)) -> Self {
        let mut cause = error;
        let mut sent = !error.is::<ConnectError>();
        while let Some(inner) = cause.source() {
            cause = inner;
            sent &= !cause.is::<ConnectError>();
        }
        Self::Transport {
            message: cause.to_string(),
            sent,
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

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Self::Decode {
            message: error.to_string(),
        }
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
