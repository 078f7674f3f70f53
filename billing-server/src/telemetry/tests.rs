//! What is logged about calls, and what must not be.

use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use rstest::rstest;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, ServiceExt, service_fn};
use tracing::instrument::WithSubscriber;

use super::*;

/// Collects what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends `request` through the layers to a handler that answers with `status`.
async fn call(filter: &str, request: Request<Body>, status: Status) -> (Response<Body>, String) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(LogFormat::Text, Some(filter), move || writer.clone()).unwrap();
    let handler = service_fn(move |_: Request<Body>| {
        let status = status.clone();
        async move { Ok::<_, Infallible>(status.into_http::<Body>()) }
    });
    let service = request_layers().layer(handler);
    let answer = async {
        service
            .oneshot(request)
            .await
            .unwrap()
            .map(|_| Body::empty())
    };
    let answer = answer.with_subscriber(subscriber).await;
    (answer, lines.text())
}

fn request(id: Option<&[u8]>) -> Request<Body> {
    let mut request = Request::builder()
        .uri("/billing.v1.StatsService/GetStats?secret=hunter2")
        .header("authorization", "Bearer hunter2");
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    request.body(Body::empty()).unwrap()
}

#[rstest]
#[case(b"abc-123")]
#[case(&[b'x'; 128])]
#[tokio::test]
async fn a_usable_request_id_is_kept(#[case] id: &[u8]) {
    let (answer, _) = call("info", request(Some(id)), Status::ok("")).await;
    assert_eq!(answer.headers()["x-request-id"].as_bytes(), id);
}

#[rstest]
#[case::missing(None)]
#[case::empty(Some(b"".as_slice()))]
#[case::too_long(Some([b'x'; 129].as_slice()))]
#[case::space(Some(b"a b".as_slice()))]
#[case::not_ascii(Some("é".as_bytes()))]
#[tokio::test]
async fn an_unusable_request_id_is_replaced_by_a_uuid(#[case] id: Option<&[u8]>) {
    let (answer, _) = call("info", request(id), Status::ok("")).await;
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().get_version_num(), 7);
}

#[tokio::test]
async fn two_request_ids_are_replaced_by_one() {
    let mut request = request(Some(b"one"));
    request
        .headers_mut()
        .append("x-request-id", "two".parse().unwrap());
    let (answer, _) = call("info", request, Status::ok("")).await;
    assert!(
        answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
}

#[rstest]
#[case("info", Status::ok(""), "")]
#[case("info", Status::not_found(""), "")]
#[case("debug", Status::ok(""), "DEBUG")]
#[case("info", Status::unavailable(""), "WARN")]
#[case("info", Status::internal(""), "ERROR")]
#[tokio::test]
async fn only_failures_of_the_server_are_loud(
    #[case] filter: &str,
    #[case] status: Status,
    #[case] level: &str,
) {
    let (_, text) = call(filter, request(Some(b"abc-123")), status).await;
    assert_eq!(text.is_empty(), level.is_empty(), "{text}");
    assert!(text.contains(level), "{text}");
    if !text.is_empty() {
        assert!(text.contains("request_id=\"abc-123\""), "{text}");
        assert!(
            text.contains("path=\"/billing.v1.StatsService/GetStats\""),
            "{text}"
        );
    }
}

#[tokio::test]
async fn neither_tokens_nor_queries_are_logged() {
    let (_, text) = call("trace", request(None), Status::internal("")).await;
    assert!(!text.is_empty());
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn json_lines_are_json() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(LogFormat::Json, None, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(answer = 42, "it is logged");
        tracing::debug!("it is not");
    });
    let line: serde_json::Value = serde_json::from_str(&lines.text()).unwrap();
    assert_eq!(line["fields"]["message"], "it is logged");
    assert_eq!(line["level"], "INFO");
}

#[test]
fn a_malformed_filter_is_an_error() {
    let result = subscriber(LogFormat::Text, Some("billing=loud"), std::io::sink);
    assert!(result.is_err());
}

#[tokio::test]
async fn a_panic_is_answered_with_internal() {
    let handler = service_fn(async |request: Request<Body>| {
        assert_eq!(request.uri().path(), "/elsewhere", "hunter2");
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let answer = catch_panics()
        .layer(handler)
        .oneshot(request(None))
        .await
        .unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "internal error")
    );
}

#[tokio::test]
async fn the_layers_fit_around_a_router_and_keep_the_request_id_after_a_panic() {
    let handler = service_fn(async |request: Request<axum::body::Body>| {
        assert_eq!(request.uri().path(), "/elsewhere");
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let router = axum::Router::new()
        .route_service("/billing.v1.StatsService/GetStats", handler)
        .layer(catch_panics())
        .layer(request_layers());
    let request = request(Some(b"abc-123")).map(|_| axum::body::Body::empty());
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "abc-123");
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(status.code(), Code::Internal);
}
