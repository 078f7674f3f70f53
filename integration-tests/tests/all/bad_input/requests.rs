//! REST requests that are wrong as a whole: their query, their JSON, their size, their path.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use integration_tests::{
    Backend, on_both_databases,
    server::{Answer, Rest},
};
use reqwest::Method;

use super::{COST, IMPORT, PRICES, USAGE, everything, start, usage};
use crate::support::{assert_refused, with};

on_both_databases!(
    a_faulty_query_is_refused_and_names_every_field,
    a_body_that_is_not_the_json_of_the_call_is_refused,
    a_body_of_another_kind_or_size_is_refused,
    a_body_may_be_packed_by_gzip_within_the_limit,
    a_request_beside_the_routes_is_refused,
);

/// Paths with a faulty part, and the fields at fault. LONG stands for 10,000 letters.
const FAULTY_PATHS: [(&str, &[&str]); 30] = [
    ("usage?page_size=-1", &["page_size"]),
    ("usage?page_size=x", &["page_size"]),
    ("usage?page_size=99999999999", &["page_size"]),
    ("usage?page_token=x", &["page_token"]),
    ("usage?billing_month=2024-13", &["billing_month"]),
    ("usage?billing_month=2024-1", &["billing_month"]),
    ("usage?billing_month=1969-12", &["billing_month"]),
    ("usage?start_time=x", &["start_time"]),
    ("usage?end_time=2024-02-30T00:00:00Z", &["end_time"]),
    ("usage?model=LONG", &["model"]),
    ("usage?request_id=LONG", &["request_id"]),
    ("usage?user_id=LONG", &["user_id"]),
    ("usage?user_id=a%00b", &["user_id"]),
    ("usage?user_id=%FF", &["user_id"]),
    ("usage?user_id=a&user_id=b", &["user_id"]),
    (
        "usage?page_size=-1&billing_month=x&page_token=x",
        &["page_size", "page_token", "billing_month"],
    ),
    ("usage/LONG", &["id"]),
    ("usage/a%00b", &["id"]),
    ("usage/%FF", &["id"]),
    ("prices/LONG", &["model_id"]),
    ("prices/a%0Ab", &["model_id"]),
    ("prices/%FF", &["model_id"]),
    ("prices/m?at=x", &["at"]),
    (
        "prices?page_size=-1&page_token=x",
        &["page_size", "page_token"],
    ),
    ("stats?user_id=LONG", &["user_id"]),
    ("reports/monthly", &["month"]),
    ("reports/monthly?month=2024-00", &["month"]),
    ("reports/monthly?month=2024-11-01", &["month"]),
    ("reports/monthly?month=%2B024-11", &["month"]),
    ("plans?include_inactive=yes", &["include_inactive"]),
];

async fn a_faulty_query_is_refused_and_names_every_field(backend: Backend) {
    let (_server, rest) = start(backend).await;
    for (path, fields) in FAULTY_PATHS {
        let path = path.replace("LONG", &"x".repeat(10_000));
        let answer = rest.get(&format!("/v1/billing/{path}")).await;
        assert_refused(&answer, 400, "INVALID_FIELD", fields);
    }
    for path in [
        "usage",
        "usage/rec-1",
        "prices",
        "prices/m",
        "stats",
        "plans",
        "reports/monthly",
    ] {
        let answer = rest.get(&format!("/v1/billing/{path}?nonsense=1")).await;
        assert_refused(&answer, 400, "UNKNOWN_FIELD", &["nonsense"]);
    }
    everything(&rest).await;
}

async fn a_body_that_is_not_the_json_of_the_call_is_refused(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let before = everything(&rest).await;
    let deep = format!("{{\"model\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for body in [
        "{",
        "}",
        "[]",
        "5",
        "null",
        "\"x\"",
        "nonsense",
        "{}{}",
        "{\"a\":}",
        "{'model':'m'}",
        "{\"model\":\"m\",}",
        "\u{feff}{}",
        "{\"prompt_tokens\":NaN}",
        "{\"prompt_tokens\":01}",
        "{\"model\":\"m\",\"model\":\"m\"}",
        "{\"model\":\"\\ud800\"}",
        &deep,
    ] {
        for path in [USAGE, COST, PRICES, IMPORT] {
            assert_refused(&rest.post(path, body).await, 400, "INVALID_JSON", &[]);
        }
    }
    for name in ["nonsense", "Model", "reservation_id", "labels", "id"] {
        let answer = rest
            .post(USAGE, &with(usage(), name, "x").to_string())
            .await;
        assert_refused(&answer, 400, "UNKNOWN_FIELD", &[name]);
    }
    let twice = with(usage(), "requestId", "other");
    let answer = rest.post(USAGE, &twice.to_string()).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["request_id"]);
    let query = rest
        .post("/v1/billing/usage?user_id=bob", &usage().to_string())
        .await;
    assert_refused(&query, 400, "INVALID_FIELD", &["user_id"]);
    let query = rest
        .post("/v1/billing/usage?model=m", &usage().to_string())
        .await;
    assert_refused(&query, 400, "UNKNOWN_FIELD", &["model"]);
    let empty = rest.post(USAGE, "").await;
    assert_refused(&empty, 400, "INVALID_FIELD", &["request_id", "model"]);
    assert_eq!(everything(&rest).await, before);
}

/// Sends a body under a content type, or none.
async fn send(
    rest: &Rest,
    method: Method,
    path: &str,
    kind: Option<&str>,
    body: Vec<u8>,
) -> Answer {
    let mut request = rest.request(method, path);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    Answer {
        status,
        body: answer.text().await.unwrap(),
    }
}

async fn a_body_of_another_kind_or_size_is_refused(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let before = everything(&rest).await;
    let body = || usage().to_string().into_bytes();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some(""),
    ] {
        let answer = send(&rest, Method::POST, USAGE, kind, body()).await;
        assert_refused(&answer, 415, "UNSUPPORTED_MEDIA_TYPE", &[]);
    }
    let not_utf8 = b"{\"model\":\"\xff\"}".to_vec();
    let answer = send(
        &rest,
        Method::POST,
        USAGE,
        Some("application/json"),
        not_utf8,
    )
    .await;
    assert_refused(&answer, 400, "INVALID_JSON", &[]);
    // Again and again: a connection that the server gives up must not be used for the next call.
    for path in [USAGE, COST, PRICES, IMPORT].repeat(10) {
        let large = vec![b' '; 65_537];
        let answer = send(&rest, Method::POST, path, Some("application/json"), large).await;
        assert_refused(&answer, 413, "BODY_TOO_LARGE", &[]);
    }
    assert_eq!(everything(&rest).await, before);
}

async fn send_packed(rest: &Rest, encoding: &str, body: &[u8]) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    let request = rest.request(Method::POST, USAGE);
    let request = request
        .header("content-type", "application/json")
        .header("content-encoding", encoding);
    let answer = request
        .body(encoder.finish().unwrap())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    Answer {
        status,
        body: answer.text().await.unwrap(),
    }
}

async fn a_body_may_be_packed_by_gzip_within_the_limit(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let recorded = send_packed(&rest, "gzip", usage().to_string().as_bytes()).await;
    assert_eq!(recorded.status, 200, "{}", recorded.body);
    let again = rest.post(USAGE, &usage().to_string()).await;
    assert_eq!(again.json()["duplicate"], true);
    for size in [65_537, 20_000_000] {
        let bomb = send_packed(&rest, "gzip", &vec![b' '; size]).await;
        assert_refused(&bomb, 413, "BODY_TOO_LARGE", &[]);
    }
    let other = send_packed(&rest, "br", b"{}").await;
    assert_refused(&other, 415, "UNSUPPORTED_MEDIA_TYPE", &[]);
}

async fn a_request_beside_the_routes_is_refused(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let before = everything(&rest).await;
    for (method, path) in [
        (Method::DELETE, USAGE),
        (Method::PUT, USAGE),
        (Method::OPTIONS, USAGE),
        (Method::PATCH, PRICES),
        (Method::POST, "/v1/billing/stats"),
        (Method::GET, COST),
        (Method::DELETE, "/v1/billing/prices/m"),
        (Method::POST, "/v1/billing/usage/rec-1"),
        (Method::POST, "/v1/billing/quota-warning"),
    ] {
        let answer = send(
            &rest,
            method,
            path,
            Some("application/json"),
            b"{}".to_vec(),
        )
        .await;
        assert_refused(&answer, 405, "METHOD_NOT_ALLOWED", &[]);
    }
    for path in [
        "/v1",
        "/v1/billing",
        "/v1/billing/",
        "/v1/billing/nonsense",
        "/v1/billing/stats/",
        "/v1/billing/usage/a/b",
        "/v2/billing/stats",
        "/v1/billing/Stats",
        "/v1/billing/prices/",
    ] {
        assert_refused(&rest.get(path).await, 404, "ROUTE_NOT_FOUND", &[]);
    }
    for path in [
        "/billing.v1.UsageService/Nonsense",
        "/nonsense.v1.Service/Call",
    ] {
        let request = rest
            .request(Method::POST, path)
            .header("content-type", "application/grpc");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["grpc-status"], "12", "{path}");
    }
    let record = "/billing.v1.UsageService/RecordUsage";
    for (method, kind, status, code) in [
        (
            Method::POST,
            Some("application/json"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (Method::POST, None, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (Method::GET, None, 405, "METHOD_NOT_ALLOWED"),
    ] {
        let body = usage().to_string().into_bytes();
        let answer = send(&rest, method, record, kind, body).await;
        assert_refused(&answer, status, code, &[]);
    }
    assert_eq!(everything(&rest).await, before);
}
