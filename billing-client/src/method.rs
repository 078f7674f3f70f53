//! What is known of each method of the API.

use crate::Error;

/// A method of the API, as the client calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Method {
    /// Its service and its own name, such as `billing.v1.UsageService` and `RecordUsage`.
    pub name: (&'static str, &'static str),
    /// Where gRPC finds it, such as `/billing.v1.UsageService/RecordUsage`.
    pub path: &'static str,
    /// The messages of request and answer, such as `RecordUsageRequest`.
    pub messages: (&'static str, &'static str),
    /// Whether many requests are sent and many answers are received, one after the other.
    pub streams: (bool, bool),
    /// When it is sent again.
    pub repeat: Repeat,
    /// Why that is right; empty for what only reads.
    pub reason: &'static str,
}

/// When a call is sent again after an attempt that may or may not have been carried out, such as
/// one whose connection was lost. What the service did not carry out for a passing reason is sent
/// again whatever stands here, but for [`Self::Never`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeat {
    /// Always: it changes nothing.
    Reads,
    /// Always: carried out twice it leaves what it leaves when carried out once.
    SameAgain,
    /// Always: the service refuses to do it twice. The refusal is what the caller hears when an
    /// attempt did it whose answer was lost.
    RefusedAgain,
    /// When the request has a request id, by which the service knows it again. Then also after an
    /// attempt that took too long: asking again is the only way to learn what came of it.
    ByRequestId,
    /// Never.
    Never,
}

impl Repeat {
    /// The errors after which a request is sent again.
    pub(crate) fn after(self, has_request_id: bool) -> fn(&Error) -> bool {
        match self {
            Self::Reads | Self::SameAgain | Self::RefusedAgain => Error::is_retryable,
            Self::ByRequestId if has_request_id => Error::is_passing,
            Self::ByRequestId => Error::is_undone,
            Self::Never => |_| false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tonic::{Code, Status};

    use super::*;
    use crate::METHODS;

    fn lost() -> Error {
        Error::cut_short()
    }

    fn unreached() -> Error {
        Error::Transport {
            message: "connection refused".to_owned(),
            sent: false,
        }
    }

    fn api(code: Code) -> Error {
        Status::new(code, "not now").into()
    }

    #[rstest]
    #[case::reads(Repeat::Reads, false, [true, true, true, true, false])]
    #[case::same(Repeat::SameAgain, false, [true, true, true, true, false])]
    #[case::refused(Repeat::RefusedAgain, false, [true, true, true, true, false])]
    #[case::with_id(Repeat::ByRequestId, true, [true, true, true, true, true])]
    #[case::without_id(Repeat::ByRequestId, false, [false, false, true, true, false])]
    #[case::never(Repeat::Never, true, [false; 5])]
    fn only_what_is_harmless_is_sent_again(
        #[case] repeat: Repeat,
        #[case] has_request_id: bool,
        #[case] expected: [bool; 5],
    ) {
        let errors = [
            lost(),
            api(Code::Unavailable),
            unreached(),
            api(Code::Aborted),
            api(Code::DeadlineExceeded),
        ];
        let again = repeat.after(has_request_id);
        assert_eq!(errors.map(|error| again(&error)), expected);
    }

    #[test]
    fn whatever_changes_something_says_why_it_may_be_repeated() {
        for method in METHODS {
            let reads = method.repeat == Repeat::Reads;
            assert_eq!(method.reason.is_empty(), reads, "{method:?}");
        }
    }
}
