//! The bridge against services that run in process.

mod batch;
mod decimals;
mod encodings;
mod fake;

use axum::body::Body;
use axum::response::Response;
use billing_proto::v1;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use rstest::rstest;
use tonic::{Code, Status};

use self::fake::{Fake, decimal};
use crate::error::{ApiError, ErrorCode};

const MAX_BODY_BYTES: usize = 1024;

async fn text(response: Response) -> (StatusCode, String) {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The code and the fields at fault of an error body, whose shape it checks.
fn code_and_fields(body: &str) -> (String, Vec<String>) {
    assert!(body.starts_with(r#"{"error":""#), "{body}");
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    let fields = json["details"].as_array().unwrap().iter();
    let fields = fields.map(|detail| detail["field"].as_str().unwrap().to_owned());
    (json["code"].as_str().unwrap().to_owned(), fields.collect())
}

#[tokio::test]
async fn stats_are_the_documented_bytes() {
    let (status, body) = Fake::default().get("/v1/billing/stats").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        r#"{"current_month_cost":45.50,"current_month_tokens":1250000,"subscription_plan":"pro","#
            .to_owned()
            + r#""tokens_quota":1000000,"tokens_used":750000,"tokens_remaining":250000,"#
            + r#""total_cost":245.50}"#
    );
}

#[tokio::test]
async fn only_the_named_headers_and_all_extensions_reach_the_call() {
    let fake = Fake::default();
    let mut request = Request::get("/v1/billing/stats")
        .header("authorization", "Bearer abc")
        .header("x-request-id", "req-1")
        .header("grpc-timeout", "1S")
        .header("cookie", "secret")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert("an extension");
    fake.answer(request).await;
    assert_eq!(
        *fake.forwarded.lock().unwrap(),
        [
            "authorization",
            "x-request-id",
            "grpc-timeout",
            "an extension"
        ]
    );
}

#[tokio::test]
async fn plans_start_with_the_documented_fields_and_have_all_others() {
    let (_, body) = Fake::default().get("/v1/billing/plans").await;
    assert_eq!(
        body,
        r#"{"plans":[{"id":"plan-basic","name":"Basic","monthly_quota":100000,"#.to_owned()
            + r#""monthly_price":9.99,"extra_token_price":0.00002,"features":["Email support"],"#
            + r#""description":"","support_level":"","max_concurrent_req":0,"#
            + r#""rate_limit_per_min":0,"is_active":true,"display_order":0,"#
            + r#""created_at":"2024-11-01T00:00:00Z","updated_at":null,"#
            + r#""usage_pricing":"included","overage_discount_rate":1}]}"#
    );
    let (_, body) = Fake::default()
        .get("/v1/billing/plans?include_inactive=true")
        .await;
    assert_eq!(body, r#"{"plans":[]}"#);
}

#[tokio::test]
async fn integers_beyond_floats_and_tiny_amounts_keep_every_digit() {
    let fake = Fake::default();
    for tokens in [
        "9007199254740993",
        "\"9007199254740993\"",
        "9007199254740993.0",
        "9007199254740.993e3",
    ] {
        let body = format!(r#"{{"request_id":"r","model":"m","promptTokens":{tokens}}}"#);
        let (status, body) = fake.post("/v1/billing/usage?user_id=u%2B1", body).await;
        assert_eq!(status, StatusCode::OK);
        for part in [
            r#""user_id":"u+1""#,
            r#""prompt_tokens":9007199254740993"#,
            r#""final_cost":0.000000000000001"#,
            r#""status":"completed""#,
            r#""cost_usd":null"#,
        ] {
            assert!(body.contains(part), "{part} in {body}");
        }
    }
    assert_eq!(fake.usage_recorded.lock().unwrap()[0].total_tokens, None);
}

#[rstest]
#[case::twelve_places("0.000000000123", "0.000000000123", "0.000000000123")]
#[case::fifteen_places(
    "1234567890.123456789012345",
    "1234567890.123456789012345",
    "1234567890.123456789012345"
)]
#[case::string("\"0.0015\"", "0.0015", "0.0015")]
#[case::trailing_zeros("50.00", "50.00", "50")]
#[case::exponent("15e-4", "0.0015", "0.0015")]
#[case::negative("-2.50", "-2.50", "-2.5")]
#[tokio::test]
async fn decimals_round_trip(#[case] sent: &str, #[case] seen: &str, #[case] answered: &str) {
    let fake = Fake::default();
    let body = format!(r#"{{"model_id":"m","prompt_price_per_k":{sent}}}"#);
    let (_, body) = fake.post("/v1/billing/prices", body).await;
    let prices = fake.prices_set.lock().unwrap();
    assert_eq!(prices[0].prompt_price_per_k, Some(decimal(seen)));
    assert!(
        body.contains(&format!(r#""prompt_price_per_k":{answered},"#)),
        "{body}"
    );
    assert!(body.contains(r#""completion_price_per_k":null"#), "{body}");
}

#[rstest]
#[case("2024-11-01T00:00:00Z", "2024-11-01T00:00:00Z")]
#[case("2024-11-01T01:00:00.5%2B01:00", "2024-11-01T00:00:00.500000Z")]
#[case("2024-11-01T00:00:00.123456789Z", "2024-11-01T00:00:00.123456Z")]
#[tokio::test]
async fn times_are_utc_to_the_microsecond(#[case] sent: &str, #[case] answered: &str) {
    let (_, body) = Fake::default()
        .get(&format!("/v1/billing/prices/gpt-4?at={sent}"))
        .await;
    assert!(
        body.contains(&format!(r#""effective_from":"{answered}""#)),
        "{body}"
    );
}

#[rstest]
#[case::slash("meta/llama-3/70b", "meta/llama-3/70b")]
#[case::encoded_slash("meta%2Fllama", "meta/llama")]
#[case::double_slash("a//b", "a//b")]
#[case::colon_and_at("anthropic.claude:0@latest", "anthropic.claude:0@latest")]
#[case::percent("50%25-off", "50%-off")]
#[case::space("my%20model", "my model")]
#[case::plus_is_no_space("a+b", "a+b")]
#[case::chinese("%E6%A8%A1%E5%9E%8B", "模型")]
#[tokio::test]
async fn model_ids_survive_the_path(#[case] path: &str, #[case] model: &str) {
    let (status, body) = Fake::default()
        .get(&format!("/v1/billing/prices/{path}"))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.starts_with(&format!(r#"{{"model_id":"{model}","#)),
        "{body}"
    );
}

const GOOD: &str = r#""request_id":"r","model":"m""#;

#[rstest]
#[case::fraction(r#"{"prompt_tokens":1000.5}"#, "INVALID_FIELD", &["prompt_tokens"])]
#[case::small_exponent(r#"{"prompt_tokens":1e-3}"#, "INVALID_FIELD", &["prompt_tokens"])]
#[case::bool(r#"{"prompt_tokens":true}"#, "INVALID_FIELD", &["prompt_tokens"])]
#[case::too_big(r#"{"prompt_tokens":9223372036854775808}"#, "INVALID_FIELD", &["prompt_tokens"])]
#[case::number_as_text(r#"{"model":5}"#, "INVALID_FIELD", &["model"])]
#[case::bad_time(r#"{"created_at":"yesterday"}"#, "INVALID_FIELD", &["created_at"])]
#[case::leap_second(r#"{"created_at":"2016-12-31T23:59:60Z"}"#, "INVALID_FIELD", &["created_at"])]
#[case::both_names(r#"{"user_id":"a","userId":"a"}"#, "INVALID_FIELD", &["user_id"])]
#[case::unknown(r#"{"colour":"red"}"#, "UNKNOWN_FIELD", &["colour"])]
#[case::reserved(r#"{"labels":{}}"#, "UNKNOWN_FIELD", &["labels"])]
#[case::all_at_once(
    r#"{"model":1,"colour":2,"prompt_tokens":null,"completion_tokens":"x"}"#,
    "UNKNOWN_FIELD",
    &["model", "colour", "completion_tokens"]
)]
#[case::cut("{", "INVALID_JSON", &[])]
#[case::trailing("{} x", "INVALID_JSON", &[])]
#[case::duplicate(r#"{"model":"a","model":"b"}"#, "INVALID_JSON", &[])]
#[case::inner_duplicate(r#"{"x":{"a":1,"\u0061":2}}"#, "INVALID_JSON", &[])]
#[case::list("[]", "INVALID_JSON", &[])]
#[case::null("null", "INVALID_JSON", &[])]
#[case::surrogate(r#"{"model":"\ud800"}"#, "INVALID_JSON", &[])]
#[case::blank(" ", "INVALID_JSON", &[])]
#[tokio::test]
async fn bad_bodies_are_refused(#[case] body: &str, #[case] code: &str, #[case] fields: &[&str]) {
    let (status, answer) = Fake::default()
        .post("/v1/billing/usage", body.to_owned())
        .await;
    let (answered_code, answered_fields) = code_and_fields(&answer);
    assert_eq!(
        (status, answered_code.as_str()),
        (StatusCode::BAD_REQUEST, code),
        "{answer}"
    );
    assert_eq!(answered_fields, fields, "{answer}");
}

#[rstest]
#[case::not_utf8(b"{\"model\":\"\xff\"}".to_vec())]
#[case::deep(format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200)).into_bytes())]
#[tokio::test]
async fn bodies_that_cannot_be_read_are_no_json(#[case] body: Vec<u8>) {
    let (_, answer) = Fake::default().post("/v1/billing/usage", body).await;
    assert_eq!(code_and_fields(&answer).0, "INVALID_JSON");
}

#[rstest]
#[case::in_lists(
    r#"{"prices":[{},{"model_id":1},null,{"x":1}]}"#,
    &["prices[1].model_id", "prices[2]", "prices[3].x"]
)]
#[case::no_list(r#"{"prices":{},"x":1}"#, &["prices", "x"])]
#[tokio::test]
async fn faults_are_named_by_their_path(#[case] body: &str, #[case] fields: &[&str]) {
    let (_, answer) = Fake::default()
        .post("/v1/billing/prices-import", body.to_owned())
        .await;
    assert_eq!(
        code_and_fields(&answer),
        (
            "UNKNOWN_FIELD".into(),
            fields.iter().map(|&f| f.into()).collect()
        )
    );
}

#[rstest]
#[case("/v1/billing/usage?page_size=x", "INVALID_FIELD", "page_size")]
#[case("/v1/billing/usage?model=%FF", "INVALID_FIELD", "model")]
#[case("/v1/billing/usage?colour=red", "UNKNOWN_FIELD", "colour")]
#[case("/v1/billing/usage?model=a&model=b", "INVALID_FIELD", "model")]
#[case(
    "/v1/billing/usage?start_time.seconds=1",
    "UNKNOWN_FIELD",
    "start_time.seconds"
)]
#[case("/v1/billing/usage/rec-1?id=rec-2", "INVALID_FIELD", "id")]
#[case("/v1/billing/usage/%FF", "INVALID_FIELD", "id")]
#[case(
    "/v1/billing/plans?include_inactive=1",
    "INVALID_FIELD",
    "include_inactive"
)]
#[tokio::test]
async fn bad_parameters_are_refused(#[case] path: &str, #[case] code: &str, #[case] field: &str) {
    let (status, answer) = Fake::default().get(path).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(code_and_fields(&answer), (code.into(), vec![field.into()]));
}

#[tokio::test]
async fn query_parameters_fill_the_message_and_empty_ones_leave_it_unset() {
    let fake = Fake::default();
    let query = "model=a%2Fb+c&page_size=7&page_token=&start_time=&userId=u&user_id=u";
    let (status, body) = fake.get(&format!("/v1/billing/usage?{query}")).await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, r#"{"records":[],"next_page_token":""}"#)
    );
    let expected = v1::ListUsageRecordsRequest {
        user_id: "u".into(),
        model: "a/b c".into(),
        page_size: 7,
        ..v1::ListUsageRecordsRequest::default()
    };
    assert_eq!(*fake.usage_listed.lock().unwrap(), [expected]);
}

#[rstest]
#[case::same_user("?user_id=u", r#","user_id":"u""#, None)]
#[case::other_user("?user_id=u", r#","user_id":"v""#, Some(("INVALID_FIELD", "user_id")))]
#[case::other_parameter("?model=m", "", Some(("UNKNOWN_FIELD", "model")))]
#[tokio::test]
async fn beside_a_body_only_the_user_may_be_named(
    #[case] query: &str,
    #[case] more: &str,
    #[case] refused: Option<(&str, &str)>,
) {
    let path = format!("/v1/billing/usage{query}");
    let (status, body) = Fake::default()
        .post(&path, format!("{{{GOOD}{more}}}"))
        .await;
    match refused {
        None => assert_eq!(status, StatusCode::OK),
        Some((code, field)) => {
            assert_eq!(code_and_fields(&body), (code.into(), vec![field.into()]));
        }
    }
}

#[tokio::test]
async fn the_user_cannot_be_named_where_the_call_has_none() {
    let (_, body) = Fake::default()
        .post("/v1/billing/prices?user_id=u", "{}")
        .await;
    assert_eq!(code_and_fields(&body).0, "UNKNOWN_FIELD");
}

#[rstest]
#[case::no_type(None, "{}", 415)]
#[case::form(Some("application/x-www-form-urlencoded"), "a=b", 415)]
#[case::charset(Some("Application/JSON; charset=utf-8"), "{}", 200)]
#[case::empty(None, "", 200)]
#[tokio::test]
async fn only_json_bodies_are_read(
    #[case] content_type: Option<&str>,
    #[case] body: &'static str,
    #[case] status: u16,
) {
    let mut request = Request::post("/v1/billing/usage");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let request = request.body(Body::from(body)).unwrap();
    let (answered, body) = text(Fake::default().answer(request).await).await;
    assert_eq!(answered.as_u16(), status);
    assert_eq!(status == 415, body.contains("UNSUPPORTED_MEDIA_TYPE"));
}

#[rstest]
#[case::declared(Some(MAX_BODY_BYTES + 1), "{}".into())]
#[case::sent(None, " ".repeat(MAX_BODY_BYTES + 1))]
#[tokio::test]
async fn a_body_over_the_limit_is_refused(#[case] declared: Option<usize>, #[case] body: String) {
    let mut request = Request::post("/v1/billing/usage").header("content-type", "application/json");
    if let Some(length) = declared {
        request = request.header("content-length", length);
    }
    let request = request.body(Body::from(body)).unwrap();
    let (status, body) = text(Fake::default().answer(request).await).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code_and_fields(&body).0, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn a_wrong_method_learns_the_right_ones() {
    let request = Request::delete("/v1/billing/prices");
    let response = Fake::default()
        .answer(request.body(Body::empty()).unwrap())
        .await;
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    let (status, body) = text(response).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(code_and_fields(&body).0, "METHOD_NOT_ALLOWED");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[rstest]
#[case("/")]
#[case("/v1/billing/nothing")]
#[case("/v1/billing/stats/")]
#[case("/v1/billing/prices/")]
#[tokio::test]
async fn an_unknown_path_is_a_json_404(#[case] path: &str) {
    let (status, body) = Fake::default().get(path).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        body,
        r#"{"error":"no such path","code":"ROUTE_NOT_FOUND","details":[]}"#
    );
}

#[rstest]
#[case::served("/billing.v1.StatsService/GetStats", None)]
#[case::unknown("/billing.v1.NoService/Get", Some("12"))]
#[tokio::test]
async fn grpc_calls_pass_by(#[case] path: &str, #[case] grpc_status: Option<&str>) {
    let request = Request::post(path).header("content-type", "application/grpc");
    let body = Body::from(vec![0; 5]);
    let response = Fake::default().answer(request.body(body).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let status = response.headers().get("grpc-status");
    assert_eq!(status.map(|status| status.to_str().unwrap()), grpc_status);
}

#[rstest]
#[case("POST", Some("application/json"), 415)]
#[case("POST", Some("application/grpc-web+proto"), 415)]
#[case("POST", Some("application/grpc+json"), 415)]
#[case("POST", Some("application/grpcx"), 415)]
#[case("POST", None, 415)]
#[case("GET", None, 405)]
#[case("GET", Some("application/grpc"), 405)]
#[case("POST", Some("application/grpc"), 200)]
#[case("POST", Some("application/grpc+proto"), 200)]
#[case("POST", Some("Application/gRPC; x=y"), 200)]
#[tokio::test]
async fn a_grpc_path_refuses_what_is_no_grpc(
    #[case] verb: &str,
    #[case] content_type: Option<&str>,
    #[case] status: u16,
) {
    let path = "/billing.v1.StatsService/GetStats";
    let mut request = Request::builder().method(verb).uri(path);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let request = request.body(Body::from(vec![0; 5])).unwrap();
    let response = Fake::default().answer(request).await;
    assert_eq!(response.status(), status);
    let code = match status {
        200 => return assert_eq!(response.headers()["content-type"], "application/grpc"),
        405 => "METHOD_NOT_ALLOWED",
        _ => "UNSUPPORTED_MEDIA_TYPE",
    };
    assert_eq!(
        response.headers().get("allow").is_some(),
        status == 405,
        "{response:?}"
    );
    assert_eq!(code_and_fields(&text(response).await.1).0, code);
}

#[rstest]
#[case(ApiError::new(ErrorCode::TokenMissing, "m").into(), 401, "TOKEN_MISSING", "m")]
#[case(ApiError::new(ErrorCode::OtherUser, "m").into(), 403, "OTHER_USER", "m")]
#[case(ApiError::new(ErrorCode::ModelNotFound, "m").into(), 404, "MODEL_NOT_FOUND", "m")]
#[case(ApiError::new(ErrorCode::UsageConflict, "m").into(), 409, "USAGE_CONFLICT", "m")]
#[case(ApiError::new(ErrorCode::Internal, "secret").into(), 500, "INTERNAL", "internal error")]
#[case(Status::invalid_argument("m"), 400, "INVALID_FIELD", "m")]
#[case(Status::out_of_range("m"), 400, "INVALID_FIELD", "m")]
#[case(Status::unauthenticated("m"), 401, "TOKEN_INVALID", "m")]
#[case(Status::unimplemented("m"), 501, "ROUTE_NOT_FOUND", "m")]
#[case(Status::resource_exhausted("m"), 429, "OVERLOADED", "m")]
#[case(Status::unavailable("m"), 503, "DATABASE_UNAVAILABLE", "m")]
#[case(Status::deadline_exceeded("m"), 504, "DATABASE_UNAVAILABLE", "m")]
#[case(Status::unknown("secret"), 500, "INTERNAL", "internal error")]
#[case(Status::data_loss("secret"), 500, "INTERNAL", "internal error")]
#[tokio::test]
async fn failures_become_http(
    #[case] failure: Status,
    #[case] status: u16,
    #[case] code: &str,
    #[case] message: &str,
) {
    let fake = Fake {
        failure: Some(failure),
        ..Fake::default()
    };
    let (answered, body) = fake.get("/v1/billing/stats").await;
    assert_eq!(answered.as_u16(), status);
    assert_eq!(
        body,
        format!(r#"{{"error":"{message}","code":"{code}","details":[]}}"#)
    );
}

#[rstest]
#[case(1_001, "2")]
#[case(3_000, "3")]
#[tokio::test]
async fn a_delay_is_rounded_up_to_seconds(#[case] millis: u64, #[case] seconds: &str) {
    let delay = std::time::Duration::from_millis(millis);
    let failure = ApiError::new(ErrorCode::Overloaded, "busy").retry_after(delay);
    let response = super::reply::error(&failure.into());
    assert_eq!(response.headers()["retry-after"], seconds);
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_reason_from_a_newer_service_is_passed_on() {
    use tonic_types::{ErrorDetails, StatusExt};
    let details = ErrorDetails::with_error_info("MOON_IS_FULL", "billing.v1", []);
    let status = Status::with_error_details(Code::FailedPrecondition, "wait", details);
    let (status, body) = text(super::reply::error(&status)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(code_and_fields(&body).0, "MOON_IS_FULL");
}

#[tokio::test]
async fn an_answer_without_a_json_form_is_an_internal_error() {
    let (status, body) = Fake::default().post("/v1/billing/cost", "{}").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        body,
        r#"{"error":"internal error","code":"INTERNAL","details":[]}"#
    );
}
