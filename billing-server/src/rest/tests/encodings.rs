//! Bodies that are packed, and what is left of the limit for them.

use std::io::Write;

use axum::body::Body;
use flate2::{Compression, write::GzEncoder};
use http::{Request, StatusCode};
use rstest::rstest;

use super::fake::Fake;
use super::{MAX_BODY_BYTES, code_and_fields, text};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

async fn post(encoding: &str, body: Vec<u8>) -> (StatusCode, String) {
    let request = Request::post("/v1/billing/usage")
        .header("content-type", "application/json")
        .header("content-encoding", encoding)
        .header("content-length", body.len())
        .body(Body::from(body))
        .unwrap();
    text(Fake::default().answer(request).await).await
}

#[rstest]
#[case::gzip("gzip", gzip(br#"{"user_id":"packed"}"#))]
#[case::identity("identity", br#"{"user_id":"packed"}"#.to_vec())]
#[tokio::test]
async fn a_body_may_be_packed(#[case] encoding: &str, #[case] body: Vec<u8>) {
    let (status, answer) = post(encoding, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(answer.contains(r#""user_id":"packed""#), "{answer}");
}

#[rstest]
#[case::within(MAX_BODY_BYTES, 200)]
#[case::beyond(MAX_BODY_BYTES + 1, 413)]
#[case::far_beyond(64 * 1024 * 1024, 413)]
#[tokio::test]
async fn the_limit_is_for_what_is_unpacked(#[case] unpacked: usize, #[case] status: u16) {
    let mut body = b"{}".to_vec();
    body.resize(unpacked, b' ');
    let body = gzip(&body);
    assert!(body.len() < unpacked / 2);
    let (answered, answer) = post("gzip", body).await;
    assert_eq!(answered.as_u16(), status, "{answer}");
    assert_eq!(status == 413, answer.contains("BODY_TOO_LARGE"));
}

#[rstest]
#[case::brotli("br")]
#[case::deflate("deflate")]
#[case::zstd("zstd")]
#[case::twice("gzip, gzip")]
#[case::unknown("x")]
#[tokio::test]
async fn another_encoding_is_refused_and_the_right_ones_are_named(#[case] encoding: &str) {
    let (status, answer) = post(encoding, b"{}".to_vec()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        answer,
        r#"{"error":"the body's content-encoding must be gzip or identity","#.to_owned()
            + r#""code":"UNSUPPORTED_MEDIA_TYPE","details":[]}"#
    );
}

#[rstest]
#[case::none(b"{}".to_vec())]
#[case::cut(gzip(b"{}").split_at(15).0.to_vec())]
#[tokio::test]
async fn what_is_no_gzip_is_no_json(#[case] body: Vec<u8>) {
    let (status, answer) = post("gzip", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(code_and_fields(&answer).0, "INVALID_JSON");
}
