//! What REST callers get back: JSON, also when a call fails.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::decimals::Decimals;
use crate::error::{ApiError, ErrorCode, WWW_AUTHENTICATE, http_status, with_reason};

const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    code: &'a str,
    details: Vec<Detail>,
}

#[derive(Serialize)]
struct Detail {
    field: String,
    description: String,
}

/// Answers a path that no route has: JSON with 404, or UNIMPLEMENTED if the caller speaks gRPC.
pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        return with_reason(Status::unimplemented("no such call").into_http::<Body>())
            .await
            .into_response();
    }
    error(&ApiError::new(ErrorCode::RouteNotFound, "no such path").into())
}

/// Answers a method that the path does not take; axum adds the `Allow` header.
pub(super) async fn method_not_allowed() -> Response {
    let message = "the path does not take this method";
    error(&ApiError::new(ErrorCode::MethodNotAllowed, message).into())
}

/// Answers a path beside the API that fails.
pub(crate) fn error_reply(failure: ApiError) -> Response {
    error(&failure.into())
}

/// Answers a call with a body that is JSON already.
pub(super) fn success(body: String, decimals: Decimals) -> Response {
    json(StatusCode::OK, body, decimals)
}

/// Answers a call with a CSV file as its parts come.
pub(super) fn csv(parts: impl Stream<Item = Result<String, Status>> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, CSV),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment"),
        ),
    ];
    (headers, Body::from_stream(parts)).into_response()
}

fn json(status: StatusCode, body: String, decimals: Decimals) -> Response {
    let content_type = [(header::CONTENT_TYPE, decimals.media_type())];
    (status, content_type, body).into_response()
}

/// Answers with a failed call.
pub(super) fn error(status: &Status) -> Response {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str());
    let (http, code) = match reason {
        Some(reason) => match ErrorCode::parse(reason) {
            Some(code) => (code.http(), reason),
            None => (http_status(status.code()), reason),
        },
        None => without_reason(status.code()),
    };
    // What went wrong inside is for the log, not for callers.
    let body = if http == StatusCode::INTERNAL_SERVER_ERROR {
        error_body("internal error", ErrorCode::Internal.as_str(), Vec::new())
    } else {
        let violations = details.bad_request().map(|bad| &bad.field_violations);
        let details = violations.into_iter().flatten().map(|violation| Detail {
            field: violation.field.clone(),
            description: violation.description.clone(),
        });
        error_body(status.message(), code, details.collect())
    };
    let mut response = json(http, body, Decimals::Number);
    if http == StatusCode::PAYLOAD_TOO_LARGE {
        // The body's rest is not read, so the connection ends; the caller must know.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if let Some(challenge) = status.metadata().get(WWW_AUTHENTICATE)
        && let Ok(challenge) = HeaderValue::from_bytes(challenge.as_bytes())
    {
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    let delay = details.retry_info().and_then(|info| info.retry_delay);
    if let Some(delay) = delay {
        let seconds = HeaderValue::from(whole_seconds(delay));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// The code for a status that tonic itself made, which carries no reason.
fn without_reason(code: Code) -> (StatusCode, &'static str) {
    let pinned = match code {
        Code::InvalidArgument | Code::OutOfRange => ErrorCode::InvalidField,
        Code::Unauthenticated => ErrorCode::TokenInvalid,
        Code::Unimplemented => ErrorCode::RouteNotFound,
        Code::ResourceExhausted => ErrorCode::Overloaded,
        Code::DeadlineExceeded | Code::Unavailable => ErrorCode::DatabaseUnavailable,
        _ => return (ErrorCode::Internal.http(), ErrorCode::Internal.as_str()),
    };
    (http_status(code), pinned.as_str())
}

fn whole_seconds(delay: Duration) -> u64 {
    delay
        .as_secs()
        .saturating_add(u64::from(delay.subsec_nanos() > 0))
}

fn error_body(error: &str, code: &str, details: Vec<Detail>) -> String {
    let body = ErrorBody {
        error,
        code,
        details,
    };
    // Strings always serialize.
    serde_json::to_string(&body).unwrap_or_default()
}
