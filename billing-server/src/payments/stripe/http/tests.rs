use rstest::rstest;
use serde_json::json;

use super::*;

fn answer(status: u16, body: &str) -> Failure {
    failure(
        StatusCode::from_u16(status).unwrap(),
        &HeaderMap::new(),
        body.as_bytes(),
    )
}

#[rstest]
#[case(401, ProviderError::Unauthorised(NAME))]
#[case(403, ProviderError::Unauthorised(NAME))]
#[case(404, ProviderError::NotFound(NAME))]
#[case(409, ProviderError::Running(NAME))]
#[case(424, ProviderError::Unavailable(NAME))]
#[case(429, ProviderError::Throttled { provider: NAME, wait: None })]
#[case(500, ProviderError::Unavailable(NAME))]
#[case(503, ProviderError::Unavailable(NAME))]
fn a_status_says_what_happened(#[case] status: u16, #[case] error: ProviderError) {
    for body in ["", "<html>", r#"{"error":{"type":"api_error"}}"#] {
        let failure = answer(status, body);
        assert_eq!(failure.error, error);
        assert!(failure.declined.is_none());
    }
}

#[rstest]
#[case("7", Some(7))]
#[case(" 7 ", Some(7))]
#[case("soon", None)]
#[case("-1", None)]
fn stripe_says_how_long_to_wait(#[case] text: &'static str, #[case] seconds: Option<u64>) {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
    let failure = failure(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
    let wait = seconds.map(Duration::from_secs);
    assert_eq!(
        failure.error,
        ProviderError::Throttled {
            provider: NAME,
            wait
        }
    );
}

#[rstest]
#[case(json!({"type": "invalid_request_error", "code": "amount_too_small", "message": "Too small"}),
    "amount_too_small", "Too small")]
#[case(json!({"type": "idempotency_error", "message": "Other parameters"}),
    "idempotency_error", "Other parameters")]
#[case(json!({"message": null}), "400", "")]
fn a_refusal_has_a_code(
    #[case] error: serde_json::Value,
    #[case] code: &str,
    #[case] message: &str,
) {
    let failure = answer(400, &json!({ "error": error }).to_string());
    assert_eq!(failure.error, refused(code, message));
}

#[test]
fn a_refusal_without_stripes_error_is_not_understood() {
    let failure = answer(400, "<html>").error;
    assert!(matches!(failure, ProviderError::Malformed { .. }));
}

#[rstest]
#[case("Invalid key sk_live_abc given", "Invalid key *** given")]
#[case("Key: rk_test_1.", "Key: ***")]
#[case("use pi_1_secret_2 there", "use *** there")]
#[case("whsec_abc", "***")]
#[case("No such intent: pi_1", "No such intent: pi_1")]
fn a_message_holds_no_secret(#[case] message: &str, #[case] clean: &str) {
    assert_eq!(without_secrets(message), clean);
}

#[test]
fn a_long_message_is_cut() {
    assert_eq!(without_secrets(&"ä".repeat(900)).chars().count(), 500);
}

#[rstest]
#[case("pm_1", true)]
#[case("", false)]
#[case("..", false)]
#[case("pm/../customers", false)]
#[case("pm?x=1", false)]
fn only_ids_become_part_of_an_address(#[case] text: &str, #[case] good: bool) {
    assert_eq!(is_id(text), good);
}

#[test]
fn a_redirect_is_not_followed_with_the_key() {
    let failure = answer(302, "").error;
    assert!(matches!(failure, ProviderError::Malformed { .. }));
}

#[test]
fn nested_parameters_are_sent_in_brackets() {
    let params: &Params<'_> = &[
        ("metadata[transaction_id]", "txn-1 & more"),
        ("expand[]", "latest_charge"),
    ];
    let call = Client::new().post("http://localhost").form(params);
    let call = call.build().unwrap();
    assert_eq!(
        call.body().unwrap().as_bytes().unwrap(),
        b"metadata%5Btransaction_id%5D=txn-1+%26+more&expand%5B%5D=latest_charge"
    );
    assert_eq!(
        call.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
}
