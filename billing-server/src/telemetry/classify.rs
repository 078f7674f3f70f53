//! Which answers are the server's failures, over gRPC and REST alike.

use std::fmt;

use http::{HeaderMap, Response, StatusCode};
use tonic::{Code, Status};
use tower_http::classify::{ClassifiedResponse, ClassifyEos, ClassifyResponse};

/// An answer that is the server's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server could not take the call now; it may be repeated.
    Unavailable,
    /// The server is broken.
    Fault,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "unavailable",
            Self::Fault => "fault",
        })
    }
}

/// Finds failures in HTTP and gRPC statuses. A caller's mistakes are none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerFailures;

impl ClassifyResponse for ServerFailures {
    type FailureClass = Failure;
    type ClassifyEos = Self;

    fn classify_response<B>(self, response: &Response<B>) -> ClassifiedResponse<Failure, Self> {
        if let Some(failure) = of_http(response.status()) {
            return ClassifiedResponse::Ready(Err(failure));
        }
        match of_grpc(response.headers()) {
            Some(outcome) => ClassifiedResponse::Ready(outcome),
            // A gRPC stream tells its status at its end.
            None => ClassifiedResponse::RequiresEos(self),
        }
    }

    fn classify_error<E: fmt::Display + 'static>(self, _error: &E) -> Failure {
        Failure::Fault
    }
}

impl ClassifyEos for ServerFailures {
    type FailureClass = Failure;

    fn classify_eos(self, trailers: Option<&HeaderMap>) -> Result<(), Failure> {
        trailers.and_then(of_grpc).unwrap_or(Ok(()))
    }

    fn classify_error<E: fmt::Display + 'static>(self, _error: &E) -> Failure {
        Failure::Fault
    }
}

fn of_http(status: StatusCode) -> Option<Failure> {
    match status {
        StatusCode::NOT_IMPLEMENTED => None,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Some(Failure::Unavailable),
        other => other.is_server_error().then_some(Failure::Fault),
    }
}

/// The outcome that `grpc-status` tells, if it is there.
fn of_grpc(headers: &HeaderMap) -> Option<Result<(), Failure>> {
    let status = headers.get(Status::GRPC_STATUS)?;
    Some(match Code::from_bytes(status.as_bytes()) {
        Code::Internal | Code::Unknown | Code::DataLoss => Err(Failure::Fault),
        Code::Unavailable | Code::DeadlineExceeded => Err(Failure::Unavailable),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(200, None)]
    #[case(404, None)]
    #[case(429, None)]
    #[case(500, Some(Failure::Fault))]
    #[case(501, None)]
    #[case(503, Some(Failure::Unavailable))]
    #[case(504, Some(Failure::Unavailable))]
    fn http_statuses_are_classified(#[case] status: u16, #[case] failure: Option<Failure>) {
        assert_eq!(of_http(StatusCode::from_u16(status).unwrap()), failure);
    }

    #[rstest]
    #[case(Status::ok(""), Ok(()))]
    #[case(Status::not_found(""), Ok(()))]
    #[case(Status::unauthenticated(""), Ok(()))]
    #[case(Status::internal(""), Err(Failure::Fault))]
    #[case(Status::unavailable(""), Err(Failure::Unavailable))]
    fn grpc_statuses_are_classified_in_headers_and_trailers(
        #[case] status: Status,
        #[case] outcome: Result<(), Failure>,
    ) {
        let response = status.into_http::<()>();
        assert_eq!(
            ServerFailures.classify_eos(Some(response.headers())),
            outcome
        );
        let classified = ServerFailures.classify_response(&response);
        assert!(matches!(classified, ClassifiedResponse::Ready(found) if found == outcome));
    }

    #[test]
    fn an_answer_without_a_grpc_status_is_judged_at_its_end() {
        let classified = ServerFailures.classify_response(&Response::new(()));
        assert!(matches!(classified, ClassifiedResponse::RequiresEos(_)));
        assert_eq!(ServerFailures.classify_eos(None), Ok(()));
    }
}
