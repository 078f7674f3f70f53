//! A request id and a span for every call.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use tower::util::MapRequestLayer;
use tower_http::classify::SharedClassifier;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::{MakeSpan, OnFailure, OnResponse, TraceLayer};
use tracing::Span;
use uuid::Uuid;

use super::classify::{Failure, ServerFailures};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken from a caller, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The layers of [`request_layers`], outermost first.
pub(crate) type RequestLayers<B> = (
    MapRequestLayer<fn(Request<B>) -> Request<B>>,
    SetRequestIdLayer<NewRequestId>,
    TraceLayer<SharedClassifier<ServerFailures>, CallSpan, (), LogAnswer, (), (), LogFailure>,
    PropagateRequestIdLayer,
);

/// Gives each request an `x-request-id`, the caller's if it is usable, puts it into the answer,
/// and logs the call: at `debug`, or louder when the server failed.
#[must_use]
pub(crate) fn request_layers<B>() -> RequestLayers<B> {
    let trace = TraceLayer::new(SharedClassifier::new(ServerFailures))
        .make_span_with(CallSpan)
        .on_request(())
        .on_response(LogAnswer)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(LogFailure);
    (
        MapRequestLayer::new(drop_unusable_id::<B>),
        SetRequestIdLayer::new(X_REQUEST_ID, NewRequestId),
        trace,
        PropagateRequestIdLayer::new(X_REQUEST_ID),
    )
}

/// Removes a caller's request id that could forge or flood log lines.
fn drop_unusable_id<B>(mut request: Request<B>) -> Request<B> {
    let mut ids = request.headers().get_all(X_REQUEST_ID).iter();
    let usable = ids.next().is_none_or(is_usable) && ids.next().is_none();
    if !usable {
        request.headers_mut().remove(X_REQUEST_ID);
    }
    request
}

fn is_usable(id: &HeaderValue) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// Makes request ids: UUIDs of version 7.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let id = Uuid::now_v7().to_string();
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

/// Makes the span of a call. Of its headers it holds the request id alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallSpan;

impl<B> MakeSpan<B> for CallSpan {
    fn make_span(&mut self, request: &Request<B>) -> Span {
        let id = request.extensions().get::<RequestId>();
        let id = id.and_then(|id| id.header_value().to_str().ok());
        tracing::error_span!(
            "call",
            method = %request.method(),
            path = request.uri().path(),
            request_id = id,
        )
    }
}

/// Logs that a call was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogAnswer;

impl<B> OnResponse<B> for LogAnswer {
    fn on_response(self, response: &Response<B>, latency: Duration, _span: &Span) {
        tracing::debug!(
            status = response.status().as_u16(),
            ?latency,
            "call answered"
        );
    }
}

/// Logs that the server failed a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogFailure;

impl OnFailure<Failure> for LogFailure {
    fn on_failure(&mut self, failure: Failure, latency: Duration, span: &Span) {
        match failure {
            Failure::Unavailable => tracing::warn!(parent: span, ?latency, "call not served"),
            Failure::Fault => tracing::error!(parent: span, ?latency, "call failed"),
        }
    }
}
