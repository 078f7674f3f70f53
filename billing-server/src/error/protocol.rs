//! Calls that fail before a handler sees them: their frames or messages are no gRPC of ours, and
//! the library that finds it out knows no reasons.

use http::Response;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{ERROR_DOMAIN, ErrorCode};

/// Set beside a refusal of a message's compression.
const ACCEPTED_ENCODINGS: &str = "grpc-accept-encoding";

/// Adds the reason to an answer that lacks one, and tells callers' mistakes from the server's.
pub(crate) async fn with_reason<B>(mut response: Response<B>) -> Response<B> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if !status.details().is_empty() {
        return response;
    }
    let is_about_encoding = response.headers().contains_key(ACCEPTED_ENCODINGS);
    // All that we refuse ourselves has a reason, so whatever has none is the library's.
    let (code, reason) = match status.code() {
        Code::Internal => (Code::InvalidArgument, ErrorCode::InvalidField),
        Code::OutOfRange | Code::ResourceExhausted => (Code::OutOfRange, ErrorCode::BodyTooLarge),
        Code::Unimplemented if is_about_encoding => {
            (Code::Unimplemented, ErrorCode::UnsupportedMediaType)
        }
        Code::Unimplemented => (Code::Unimplemented, ErrorCode::RouteNotFound),
        _ => return response,
    };
    let details = ErrorDetails::with_error_info(reason.as_str(), ERROR_DOMAIN, []);
    let explained = Status::with_error_details(code, status.message(), details);
    if let Err(error) = explained.add_header(response.headers_mut()) {
        tracing::error!(%error, "a refusal cannot be explained");
    }
    response
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Status::internal("no message"), Code::InvalidArgument, "INVALID_FIELD")]
    #[case(Status::out_of_range("long"), Code::OutOfRange, "BODY_TOO_LARGE")]
    #[case(Status::resource_exhausted("long"), Code::OutOfRange, "BODY_TOO_LARGE")]
    #[case(Status::unimplemented(""), Code::Unimplemented, "ROUTE_NOT_FOUND")]
    #[tokio::test]
    async fn what_the_library_refuses_gets_a_reason(
        #[case] refused: Status,
        #[case] code: Code,
        #[case] reason: &str,
    ) {
        let response = with_reason(refused.into_http::<()>()).await;
        let status = Status::from_header_map(response.headers()).unwrap();
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), info.reason.as_str()), (code, reason));
        assert_eq!(info.domain, "billing.v1");
    }

    #[rstest]
    #[case(Status::not_found("no such service"))]
    #[case(Status::cancelled("timeout"))]
    #[case(crate::error::ApiError::new(ErrorCode::Internal, "internal error").into())]
    #[tokio::test]
    async fn other_answers_stay_as_they_are(#[case] refused: Status) {
        let before = refused.into_http::<()>();
        let headers = before.headers().clone();
        assert_eq!(*with_reason(before).await.headers(), headers);
        let success = with_reason(Response::new(())).await;
        assert!(success.headers().is_empty());
    }
}
