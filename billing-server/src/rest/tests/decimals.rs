//! Decimals as strings, for callers whose JSON numbers are floats.

use axum::body::Body;
use http::Request;
use rstest::rstest;

use super::code_and_fields;
use super::fake::Fake;

const STRINGS: &str = "application/json;decimals=string";

/// The content type and the body of an answer to a path under an `Accept` header.
async fn get(path: &str, accept: &str) -> (String, String) {
    let mut request = Request::get(path);
    if !accept.is_empty() {
        request = request.header("accept", accept);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = Fake::default().answer(request).await;
    let content_type = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (content_type, String::from_utf8(body.to_vec()).unwrap())
}

#[rstest]
#[case::parameter("?decimals=string", "", true)]
#[case::header("", STRINGS, true)]
#[case::spaced("", "text/html, application/json; Decimals=\"string\"; q=0.9", true)]
#[case::both("?decimals=string", STRINGS, true)]
#[case::neither("", "", false)]
#[case::any("", "*/*", false)]
#[case::plain("", "application/json", false)]
#[case::another_type("", "text/csv;decimals=string", false)]
#[tokio::test]
async fn amounts_are_strings_where_it_is_asked_for(
    #[case] query: &str,
    #[case] accept: &str,
    #[case] strings: bool,
) {
    let (content_type, body) = get(&format!("/v1/billing/stats{query}"), accept).await;
    let amounts = if strings {
        [
            r#""current_month_cost":"45.50","#,
            r#""total_cost":"245.50"}"#,
        ]
    } else {
        [r#""current_month_cost":45.50,"#, r#""total_cost":245.50}"#]
    };
    for amount in amounts {
        assert!(body.contains(amount), "{body}");
    }
    assert!(
        body.contains(r#""current_month_tokens":1250000,"#),
        "{body}"
    );
    assert_eq!(
        content_type,
        if strings { STRINGS } else { "application/json" }
    );
}

#[tokio::test]
async fn prices_and_rates_are_strings_too_and_null_stays_null() {
    let (_, body) = get("/v1/billing/plans?decimals=string", "").await;
    for part in [
        r#""monthly_price":"9.99","extra_token_price":"0.00002","#,
        r#""updated_at":null,"usage_pricing":"included","overage_discount_rate":"1"}"#,
    ] {
        assert!(body.contains(part), "{body}");
    }
}

#[rstest]
#[case("?decimals=number", "")]
#[case("?decimals=", "")]
#[case("", "application/json;decimals=float")]
#[case("?decimals=string", "application/json;decimals=float")]
#[tokio::test]
async fn another_form_is_refused(#[case] query: &str, #[case] accept: &str) {
    let (content_type, body) = get(&format!("/v1/billing/stats{query}"), accept).await;
    let fields = vec!["decimals".to_owned()];
    assert_eq!(code_and_fields(&body), ("INVALID_FIELD".to_owned(), fields));
    assert_eq!(content_type, "application/json");
}
