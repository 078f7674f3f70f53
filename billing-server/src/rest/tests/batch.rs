//! Batches of which single records cannot be read.

use http::StatusCode;
use rstest::rstest;

use super::code_and_fields;
use super::fake::Fake;

const BATCH: &str = "/v1/billing/usage/batch";

/// What a batch is answered: the code, the field and the message of each result, or "".
async fn results(records: &str) -> Vec<(String, String, String, String)> {
    let body = format!(r#"{{"records":[{records}]}}"#);
    let (status, body) = Fake::default().post(BATCH, body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let results = answer["results"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let results = results.map(|result| {
        let problem = &result["problem"];
        (
            text(&result["request_id"]),
            text(&problem["code"]),
            text(&problem["field"]),
            text(&problem["message"]),
        )
    });
    results.collect()
}

#[rstest]
#[case::wrong_type(
    r#"{"request_id":"a","model":5}"#,
    ("a", "INVALID_FIELD", "model", "model must be a string")
)]
#[case::unknown_field(
    r#"{"colour":1,"request_id":"a"}"#,
    ("a", "UNKNOWN_FIELD", "colour", "colour is not a field of this request")
)]
#[case::several(
    r#"{"request_id":"a","prompt_tokens":1.5,"model":5}"#,
    (
        "a",
        "INVALID_FIELD",
        "prompt_tokens",
        "prompt_tokens must be an integer within the range of its type; model must be a string",
    )
)]
#[case::request_id(
    r#"{"request_id":7}"#,
    ("", "INVALID_FIELD", "request_id", "request_id must be a string")
)]
#[case::null("null", ("", "INVALID_FIELD", "", "a record must be an object"))]
#[case::list("[]", ("", "INVALID_FIELD", "", "a record must be an object"))]
#[case::key_twice(
    r#"{"model":"a","model":"b"}"#,
    (
        "",
        "INVALID_JSON",
        "",
        "the record is not valid json: duplicate key \"model\"",
    )
)]
#[tokio::test]
async fn a_record_that_cannot_be_read_is_rejected_alone(
    #[case] record: &str,
    #[case] rejected: (&str, &str, &str, &str),
) {
    let good = |id: &str| format!(r#"{{"request_id":"{id}","model":"m"}}"#);
    let results = results(&format!("{},{record},{}", good("1"), good("2"))).await;
    let read = results.iter();
    let read = read.map(|(a, b, c, d)| (a.as_str(), b.as_str(), c.as_str(), d.as_str()));
    let expected = [("1", "", "", ""), rejected, ("2", "", "", "")];
    assert_eq!(read.collect::<Vec<_>>(), expected);
}

#[rstest]
#[case::cut(r#"{"records":[{"request_id":"a""#, "INVALID_JSON", &[])]
#[case::list_twice(r#"{"records":[],"records":[]}"#, "INVALID_JSON", &[])]
#[case::no_list(r#"{"records":{}}"#, "INVALID_FIELD", &["records"])]
#[case::beside_the_records(r#"{"records":[5],"x":1}"#, "UNKNOWN_FIELD", &["x"])]
#[tokio::test]
async fn a_batch_that_cannot_be_read_is_refused(
    #[case] body: &'static str,
    #[case] code: &str,
    #[case] fields: &[&str],
) {
    let (status, answer) = Fake::default().post(BATCH, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let fields = fields.iter().map(|&field| field.to_owned()).collect();
    assert_eq!(code_and_fields(&answer), (code.to_owned(), fields));
}
