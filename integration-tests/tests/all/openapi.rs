//! The description of REST is true to what the server sends, and is served to everybody.

use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Answer, Rest},
};
use jsonschema::Validator;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{assert_refused, operator, user};

on_both_databases!(
    the_description_needs_no_token,
    the_page_needs_no_token_and_nothing_from_elsewhere,
    answers_have_the_described_form,
    refusals_have_the_described_form,
    decimals_are_strings_where_it_is_asked_for,
    every_example_works,
);

const CLOCK: &str = "2024-11-15T10:30:00Z";
const PRICES: &str = "/v1/billing/prices";
const USAGE: &str = "/v1/billing/usage";

async fn start(backend: Backend) -> TestServer {
    TestServer::builder(backend).clock(CLOCK).start().await
}

async fn get(rest: &Rest, path: &str) -> Response {
    let request = rest.request(Method::GET, path);
    request.send().await.expect("the server answers")
}

fn content_type(response: &Response) -> String {
    let value = &response.headers()["content-type"];
    value.to_str().expect("a media type is ASCII").to_owned()
}

async fn the_description_needs_no_token(backend: Backend) {
    let server = start(backend).await;
    let response = get(&server.rest(""), "/openapi.json").await;
    assert_eq!(response.status(), 200);
    assert_eq!(content_type(&response), "application/json");
    let document: Value = response.json().await.expect("the description is JSON");
    let version = document["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1."), "{version}");
    let operation = |path: &str, verb: &str| &document["paths"][path][verb];
    assert_eq!(operation("/v1/billing/plans", "get")["security"], json!([]));
    assert!(operation("/v1/billing/plans", "post")["security"].is_null());
    assert_eq!(document["security"], json!([{ "bearer": [] }]));
}

async fn the_page_needs_no_token_and_nothing_from_elsewhere(backend: Backend) {
    let server = start(backend).await;
    let nobody = server.rest("");
    let page = get(&nobody, "/docs").await;
    assert_eq!(page.status(), 200);
    assert!(content_type(&page).starts_with("text/html"));
    let html = page.text().await.unwrap();
    let named = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap().trim_start_matches("./"));
    let assets: Vec<_> = named.collect();
    assert!(assets.contains(&"swagger-initializer.js"), "{assets:?}");
    for asset in assets {
        let response = get(&nobody, &format!("/docs/{asset}")).await;
        assert_eq!(response.status(), 200, "{asset}");
        let kind = match asset.rsplit('.').next() {
            Some("css") => "text/css",
            Some("js") => "text/javascript",
            _ => "image/png",
        };
        assert_eq!(content_type(&response), kind, "{asset}");
    }
    let settings = nobody.get("/docs/swagger-initializer.js").await.body;
    assert!(settings.contains(r#""url": "/openapi.json""#), "{settings}");
    // Without it the page asks a validator elsewhere.
    assert!(settings.contains(r#""validatorUrl": "none""#), "{settings}");
    assert!(!format!("{html}{settings}").contains("://"));
}

/// The description, made strict: nothing that it does not name may be in an answer.
struct Description(Value);

impl Description {
    async fn of(server: &TestServer) -> Self {
        let mut document = server.rest("").get("/openapi.json").await.json();
        let schemas = document["components"]["schemas"].as_object_mut().unwrap();
        for schema in schemas.values_mut() {
            if schema["type"] == "object" {
                schema["additionalProperties"] = json!(false);
            }
        }
        Self(document)
    }

    #[track_caller]
    fn validate(&self, schema: &Value, value: &Value) {
        let mut root = schema.clone();
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        root["components"] = self.0["components"].clone();
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&root);
        let validator: Validator = validator.expect("the description has valid schemas");
        let faults = validator.iter_errors(value);
        let faults: Vec<_> = faults
            .map(|fault| format!("{fault} at {}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:?} in {value}");
    }

    /// Checks the answer of an operation such as `GET /v1/billing/usage/{id}`.
    #[track_caller]
    fn check_answer(&self, operation: &str, answer: &Answer) {
        let responses = &self.operation(operation)["responses"];
        let mut response = &responses[answer.status.to_string()];
        if let Some(reference) = response["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            response = self.0.pointer(pointer).expect("the response is described");
        }
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{operation}: {answer:?}");
        self.validate(schema, &answer.json());
    }

    #[track_caller]
    fn check_body(&self, operation: &str, body: &str) {
        let content = &self.operation(operation)["requestBody"]["content"];
        let body = serde_json::from_str(body).expect("the body is JSON");
        self.validate(&content["application/json"]["schema"], &body);
    }

    #[track_caller]
    fn operation(&self, operation: &str) -> &Value {
        let (verb, path) = operation.split_once(' ').unwrap();
        let found = &self.0["paths"][path][verb.to_lowercase()];
        assert!(found.is_object(), "{operation} is not described");
        found
    }
}

/// Sends a request and checks body and answer; `path` may be empty where it has no variables.
async fn exchange(
    rest: &Rest,
    description: &Description,
    operation: &str,
    path: &str,
    body: &str,
) -> Answer {
    let (verb, template) = operation.split_once(' ').unwrap();
    let path = if path.is_empty() { template } else { path };
    let answer = match verb {
        "GET" => rest.get(path).await,
        "POST" => rest.post(path, body).await,
        "PUT" => rest.put(path, body).await,
        _ => rest.patch(path, body).await,
    };
    description.check_answer(operation, &answer);
    if answer.status == 200 && !body.is_empty() {
        description.check_body(operation, body);
    }
    answer
}

const GPT_4: &str = r#"{"model_id":"openai/gpt-4","provider":"openai","prompt_price_per_k":0.03,"completion_price_per_k":0.06,"cached_prompt_price_per_k":0.015}"#;
const CALL: &str = r#"{"user_id":"alice","request_id":"r-1","model":"openai/gpt-4","prompt_tokens":1000,"completion_tokens":500,"created_at":"2024-11-14T08:00:00.123456Z"}"#;
const COST: &str =
    r#"{"user_id":"alice","model":"openai/gpt-4","prompt_tokens":10,"cached_prompt_tokens":3}"#;
const BATCH: &str = r#"{"records":[{"user_id":"alice","request_id":"r-2","model":"openai/gpt-4"},{"request_id":"r-3","model":"none"}]}"#;
const COUPON: &str = r#"{"code":"SAVE50","type":"percentage","value":50,"min_purchase_amount":0.01,"expires_at":"2025-01-01T00:00:00Z","applicable_plans":[]}"#;
const PLAN: &str = r#"{"id":"plan-team","name":"Team","monthly_quota":5,"monthly_price":1.50,"usage_pricing":"metered"}"#;
const SETTINGS: &str = r#"{"billing_email":"a@example.com","auto_topup_amount":12.5}"#;

/// Operation, path where it has variables or a query, and body.
const EXCHANGES: [(&str, &str, &str); 27] = [
    ("POST /v1/billing/prices", "", GPT_4),
    ("GET /v1/billing/prices", "", ""),
    (
        "GET /v1/billing/prices/{model_id}",
        "/v1/billing/prices/openai/gpt-4?at=2024-11-01T00:00:00Z",
        "",
    ),
    ("POST /v1/billing/usage", "", CALL),
    ("POST /v1/billing/usage/batch", "", BATCH),
    ("POST /v1/billing/cost", "", COST),
    (
        "GET /v1/billing/usage",
        "/v1/billing/usage?user_id=alice&page_size=1",
        "",
    ),
    (
        "GET /v1/billing/stats",
        "/v1/billing/stats?user_id=alice",
        "",
    ),
    ("GET /v1/billing/quota-warning", "", ""),
    ("GET /v1/billing/settings", "", ""),
    (
        "PUT /v1/billing/settings",
        "/v1/billing/settings?update_mask.paths=billing_email&update_mask.paths=tax_id",
        SETTINGS,
    ),
    ("GET /v1/billing/plans", "", ""),
    ("POST /v1/billing/plans", "", PLAN),
    (
        "PATCH /v1/billing/plans/{id}",
        "/v1/billing/plans/plan-team",
        r#"{"display_order":9}"#,
    ),
    ("POST /v1/billing/coupons", "", COUPON),
    ("GET /v1/billing/coupons", "", ""),
    (
        "POST /v1/billing/coupons/apply",
        "",
        r#"{"user_id":"alice","coupon_code":"SAVE50"}"#,
    ),
    (
        "GET /v1/billing/coupons/redemptions",
        "/v1/billing/coupons/redemptions?user_id=alice",
        "",
    ),
    (
        "POST /v1/billing/subscription",
        "",
        r#"{"plan_id":"plan-pro","billing_cycle":"yearly"}"#,
    ),
    (
        "POST /v1/billing/subscription/cancel",
        "",
        r#"{"at_period_end":false}"#,
    ),
    ("GET /v1/billing/subscriptions", "", ""),
    (
        "POST /v1/billing/webhook-endpoints",
        "",
        r#"{"url":"https://example.com/","event_types":["invoice.paid"]}"#,
    ),
    ("GET /v1/billing/webhook-endpoints", "", ""),
    (
        "PUT /v1/billing/accounts/{user_id}/discount",
        "/v1/billing/accounts/alice/discount",
        r#"{"discount_rate":0.9,"effective_from":"2024-12-01T00:00:00Z"}"#,
    ),
    (
        "GET /v1/billing/accounts/{user_id}",
        "/v1/billing/accounts/bob",
        "",
    ),
    (
        "GET /v1/billing/reports/monthly",
        "/v1/billing/reports/monthly?month=2024-11",
        "",
    ),
    (
        "GET /v1/billing/invoices",
        "/v1/billing/invoices?user_id=alice&page=1&page_size=10&status=issued",
        "",
    ),
];

async fn answers_have_the_described_form(backend: Backend) {
    let server = start(backend).await;
    let description = Description::of(&server).await;
    let rest = operator(&server).await;
    for (operation, path, body) in EXCHANGES {
        let answer = exchange(&rest, &description, operation, path, body).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    }
    let records = rest.get("/v1/billing/usage?user_id=alice").await.json();
    let id = records["records"][0]["id"].as_str().unwrap();
    let path = format!("{USAGE}/{id}?user_id=alice");
    exchange(&rest, &description, "GET /v1/billing/usage/{id}", &path, "").await;
    let (operation, path) = (
        "POST /v1/billing/usage/{id}/void",
        format!("{USAGE}/{id}/void?user_id=alice"),
    );
    let body = r#"{"reason":"sent twice"}"#;
    let answer = exchange(&rest, &description, operation, &path, body).await;
    assert_eq!(answer.json()["status"], "correction");
}

/// Every answer with its decimals as strings: the same text but for the quotes, and as described.
async fn decimals_are_strings_where_it_is_asked_for(backend: Backend) {
    const STRINGS: &str = "application/json;decimals=string";
    let server = start(backend).await;
    let description = Description::of(&server).await;
    let rest = operator(&server).await;
    for (path, body) in [
        (PRICES, GPT_4),
        (USAGE, CALL),
        ("/v1/billing/coupons", COUPON),
    ] {
        assert_eq!(rest.post(path, body).await.status, 200, "{path}");
    }
    for (operation, path, ..) in EXCHANGES {
        let (verb, template) = operation.split_once(' ').unwrap();
        let content = &description.operation(operation)["responses"]["200"]["content"];
        let schema = &content[STRINGS]["schema"];
        if verb != "GET" || schema.is_null() {
            continue;
        }
        let path = if path.is_empty() { template } else { path };
        let request = rest.request(Method::GET, path).header("accept", STRINGS);
        let answer = request.send().await.expect("the server answers");
        assert_eq!(content_type(&answer), STRINGS, "{operation}");
        let answer = answer.text().await.unwrap();
        description.validate(schema, &serde_json::from_str(&answer).unwrap());
        let separator = if path.contains('?') { '&' } else { '?' };
        let asked = rest.get(&format!("{path}{separator}decimals=string")).await;
        assert_eq!(asked.body, answer, "{operation}");
    }
    let listed = rest
        .get(&format!("{USAGE}?user_id=alice&decimals=string"))
        .await;
    assert!(
        listed.body.contains(r#""final_cost":"0.06""#),
        "{}",
        listed.body
    );
    assert!(
        listed.body.contains(r#""prompt_tokens":1000,"#),
        "{}",
        listed.body
    );
    let other = rest.get("/v1/billing/stats?decimals=number").await;
    assert_refused(&other, 400, "INVALID_FIELD", &["decimals"]);
}

/// The operations with examples, in an order that works on a new server.
const WITH_EXAMPLES: [&str; 9] = [
    "POST /v1/billing/prices",
    "POST /v1/billing/usage",
    "POST /v1/billing/usage/batch",
    "POST /v1/billing/cost",
    "POST /v1/billing/subscription",
    "POST /v1/billing/coupons",
    "POST /v1/billing/coupons/apply",
    "PUT /v1/billing/settings",
    "POST /v1/billing/invoices/generate",
];

async fn every_example_works(backend: Backend) {
    // Examples must not need a certain day.
    for server in [start(backend).await, TestServer::start(backend).await] {
        let description = Description::of(&server).await;
        let rest = operator(&server).await;
        for operation in WITH_EXAMPLES {
            let body = &description.operation(operation)["requestBody"]["content"];
            let example = body["application/json"]["example"].to_string();
            let answer = exchange(&rest, &description, operation, "", &example).await;
            assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
            assert!(!answer.body.contains("rejected\":1"), "{}", answer.body);
        }
        let document = description.0.to_string();
        let examples = document.matches("\"example\":").count();
        assert_eq!(examples, WITH_EXAMPLES.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_says_where_things_are() {
    let server = TestServer::start(Backend::Sqlite).await;
    let nobody = server.rest("");
    let root = nobody.get("/").await;
    assert_eq!(root.status, 200);
    let root = root.json();
    assert_eq!(root["name"], "billing-server");
    assert!(root["version"].is_string());
    for place in ["docs", "openapi", "health"] {
        let path = root[place].as_str().expect("a path is named");
        assert_eq!(nobody.get(path).await.status, 200, "{path}");
    }
}

async fn refusals_have_the_described_form(backend: Backend) {
    let server = start(backend).await;
    let description = Description::of(&server).await;
    let admin = operator(&server).await;
    let alice = user(&server, "alice").await;
    let (nobody, forger) = (server.rest(""), server.rest("forged"));
    assert_eq!(admin.post(PRICES, GPT_4).await.status, 200);
    assert_eq!(admin.post(USAGE, CALL).await.status, 200);
    let other = CALL.replace("1000", "1001");
    let usage = "POST /v1/billing/usage";
    let stats = "GET /v1/billing/stats";
    for (rest, operation, path, body, status) in [
        (&admin, usage, "", r#"{"prompt_tokens":-1}"#, 400),
        (&admin, usage, "", r#"{"colour":"red"}"#, 400),
        (&admin, usage, "", other.as_str(), 409),
        (&alice, usage, "", CALL, 403),
        (&nobody, stats, "", "", 401),
        (&forger, "GET /v1/billing/plans", "", "", 401),
        (&alice, stats, "/v1/billing/stats?user_id=bob", "", 403),
        (&alice, "GET /v1/billing/subscription", "", "", 404),
        (
            &alice,
            "GET /v1/billing/invoices/{id}",
            "/v1/billing/invoices/inv-none",
            "",
            404,
        ),
        (
            &alice,
            "POST /v1/billing/invoices/generate",
            "",
            r#"{"billing_month":"2024-10"}"#,
            400,
        ),
        (
            &alice,
            "GET /v1/billing/prices/{model_id}",
            "/v1/billing/prices/none",
            "",
            404,
        ),
    ] {
        let answer = exchange(rest, &description, operation, path, body).await;
        assert_eq!(answer.status, status, "{operation}: {}", answer.body);
    }
    let request = admin.request(Method::POST, USAGE).body("request_id=1");
    let response = request.send().await.expect("the server answers");
    let (status, body) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(status, 415);
    description.check_answer(usage, &Answer { status, body });
}
