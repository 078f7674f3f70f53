//! Making, changing and rotating the endpoints that events are sent to.

use billing_proto::v1::{
    CreateWebhookEndpointRequest, UpdateWebhookEndpointRequest, WebhookDisabledReason,
    webhook_service_client::WebhookServiceClient,
};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Answer, Rest, bearer},
};
use prost_types::FieldMask;
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{advance, assert_refused, operator, refusal, user, walk};

on_both_databases!(
    endpoints_look_as_documented,
    secrets_are_shown_once,
    a_change_sets_what_it_names,
    a_mask_empties_what_it_only_names,
    an_endpoint_is_switched_off_and_on,
    a_deleted_endpoint_is_gone,
    each_faulty_field_is_named,
    every_violation_is_named_at_once,
    addresses_that_not_everybody_reaches_are_refused_when_they_are_set,
    an_operator_may_allow_other_addresses,
    only_operators_see_endpoints,
    endpoints_are_listed_newest_first_page_by_page,
    over_grpc_the_same_is_answered,
);

const ENDPOINTS: &str = "/v1/billing/webhook-endpoints";
const URL: &str = "https://example.com/hook";
const NOW: &str = "2024-11-15T10:30:00Z";
const LATER: &str = "2024-11-15T11:30:00Z";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock(NOW).start().await;
    let admin = operator(&server).await;
    (server, admin)
}

/// An endpoint that must be made, and its secret.
async fn create(admin: &Rest, order: &Value) -> (Value, String) {
    let answer = admin.post(ENDPOINTS, &order.to_string()).await;
    assert_eq!(answer.status, 200, "{order}: {}", answer.body);
    shown(&answer)
}

/// The endpoint of an answer, and the secret that it shows.
fn shown(answer: &Answer) -> (Value, String) {
    let body = answer.json();
    let secret = body["secret"].as_str().expect("a secret is shown");
    let encoded = secret.strip_prefix("whsec_").expect(secret);
    assert_eq!(encoded.len(), 44, "{secret}");
    (body["endpoint"].clone(), secret.to_owned())
}

fn path(endpoint: &Value) -> String {
    let id = endpoint["id"].as_str().expect("an endpoint has an id");
    format!("{ENDPOINTS}/{id}")
}

/// The one endpoint there is.
async fn only(admin: &Rest) -> Value {
    let list = admin.get(ENDPOINTS).await.json();
    let endpoints = list["endpoints"].as_array().expect("endpoints are listed");
    assert_eq!(endpoints.len(), 1, "{list}");
    endpoints[0].clone()
}

async fn delete(rest: &Rest, path: &str) -> Answer {
    let response = rest.request(Method::DELETE, path).send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        body: response.text().await.unwrap(),
    }
}

async fn endpoints_look_as_documented(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let order = json!({
        "url": URL, "event_types": ["invoice.issued", "usage.quota_warning"],
        "user_ids": ["bob", "alice"], "description": "the shop",
    });
    let answer = admin.post(ENDPOINTS, &order.to_string()).await;
    let (endpoint, secret) = shown(&answer);
    let id = endpoint["id"].as_str().unwrap();
    let digits = id.strip_prefix("whe-").expect(id);
    assert!(digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let expected = format!(
        r#"{{"id":"{id}","url":"https://example.com/hook","description":"the shop","event_types":["invoice.issued","usage.quota_warning"],"user_ids":["bob","alice"],"enabled":true,"disabled_reason":null,"disabled_at":null,"failures_in_row":0,"failing_since":null,"last_success_at":null,"created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-15T10:30:00Z"}}"#
    );
    assert_eq!(
        answer.body,
        format!(r#"{{"endpoint":{expected},"secret":"{secret}"}}"#)
    );
    let listed = admin.get(ENDPOINTS).await;
    let expected = format!(r#"{{"endpoints":[{expected}],"next_page_token":""}}"#);
    assert_eq!(listed.body, expected);
}

async fn secrets_are_shown_once(backend: Backend) {
    let (server, admin) = start(backend).await;
    let (endpoint, first) = create(&admin, &json!({"url": URL})).await;
    let rotate = format!("{}/rotate-secret", path(&endpoint));
    let mut secrets = vec![first];
    for body in ["{}", r#"{"revoke_old":true}"#] {
        advance(&server, LATER).await;
        let answer = admin.post(&rotate, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let (rotated, secret) = shown(&answer);
        assert_eq!(rotated["updated_at"], LATER);
        assert!(!secrets.contains(&secret));
        secrets.push(secret);
    }
    let list = admin.get(ENDPOINTS).await.body;
    let changed = admin
        .patch(&path(&endpoint), r#"{"description":"new"}"#)
        .await;
    let deleted = delete(&admin, &path(&endpoint)).await;
    assert_eq!((changed.status, deleted.status), (200, 200));
    for text in [list, changed.body, deleted.body, server.log()] {
        assert!(!text.contains("whsec_"), "{text}");
    }
}

async fn a_change_sets_what_it_names(backend: Backend) {
    let (server, admin) = start(backend).await;
    let order = json!({"url": URL, "event_types": ["plan.changed"], "user_ids": ["alice"]});
    let (mut expected, _) = create(&admin, &order).await;
    advance(&server, LATER).await;
    expected["updated_at"] = LATER.into();
    for (field, value) in [
        ("url", json!("https://example.org/")),
        ("event_types", json!(["price.changed", "plan.changed"])),
        ("user_ids", json!(["bob"])),
        ("description", json!("é".repeat(500))),
        ("description", json!("")),
    ] {
        let change = json!({field: value}).to_string();
        let answer = admin.patch(&path(&expected), &change).await;
        expected[field] = value;
        assert_eq!(answer.json(), expected, "{field}");
        assert_eq!(only(&admin).await, expected, "{field}");
    }
    assert_eq!(admin.patch(&path(&expected), "{}").await.json(), expected);
}

async fn a_mask_empties_what_it_only_names(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let order = json!({
        "url": URL, "event_types": ["plan.changed"], "user_ids": ["alice"], "description": "one",
    });
    let (mut expected, _) = create(&admin, &order).await;
    let change = json!({
        "update_mask": "event_types, userIds",
        "user_ids": ["bob"], "description": "not named",
    });
    let changed = admin.patch(&path(&expected), &change.to_string()).await;
    expected["event_types"] = json!([]);
    expected["user_ids"] = json!(["bob"]);
    assert_eq!(changed.json(), expected);
    for (mask, field) in [
        (json!("url"), "url"),
        (json!("secret"), "update_mask"),
        (json!({"paths": ["enabled"]}), "update_mask"),
    ] {
        let change = json!({"update_mask": mask}).to_string();
        let answer = admin.patch(&path(&expected), &change).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
    }
    assert_eq!(only(&admin).await, expected);
}

async fn an_endpoint_is_switched_off_and_on(backend: Backend) {
    let (server, admin) = start(backend).await;
    let (made, _) = create(&admin, &json!({"url": URL})).await;
    let off = admin.patch(&path(&made), r#"{"enabled":false}"#).await;
    let mut expected = made.clone();
    expected["enabled"] = false.into();
    expected["disabled_reason"] = "operator".into();
    expected["disabled_at"] = NOW.into();
    assert_eq!(off.json(), expected);
    advance(&server, LATER).await;
    let again = admin.patch(&path(&made), r#"{"enabled":false}"#).await;
    expected["updated_at"] = LATER.into();
    assert_eq!(again.json(), expected);
    let on = admin.patch(&path(&made), r#"{"enabled":true}"#).await;
    let mut expected = made;
    expected["updated_at"] = LATER.into();
    assert_eq!(on.json(), expected);
}

async fn a_deleted_endpoint_is_gone(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let (endpoint, _) = create(&admin, &json!({"url": URL})).await;
    let path = path(&endpoint);
    let deleted = delete(&admin, &path).await;
    assert_eq!((deleted.status, deleted.json()), (200, endpoint));
    for path in [path.as_str(), &format!("{ENDPOINTS}/none")] {
        for answer in [
            delete(&admin, path).await,
            admin.patch(path, "{}").await,
            admin.post(&format!("{path}/rotate-secret"), "{}").await,
        ] {
            assert_refused(&answer, 404, "WEBHOOK_ENDPOINT_NOT_FOUND", &[]);
        }
    }
    assert_eq!(admin.get(ENDPOINTS).await.json()["endpoints"], json!([]));
}

/// What is refused, by the field that is named.
fn faulty() -> Vec<(&'static str, Value, &'static str)> {
    let users = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    vec![
        ("url", json!(""), "url"),
        ("url", json!("example.com"), "url"),
        ("url", json!("http://example.com/"), "url"),
        ("url", json!("https://user:password@example.com/"), "url"),
        ("url", json!("https://example.com/#part"), "url"),
        ("url", json!("https://example.com/ "), "url"),
        (
            "url",
            json!(format!("https://example.com/{}", "a".repeat(2_048))),
            "url",
        ),
        ("event_types", json!(["invoice"]), "event_types[0]"),
        (
            "event_types",
            json!(["plan.changed", "invoice.*"]),
            "event_types[1]",
        ),
        (
            "event_types",
            json!(["plan.changed", "plan.changed"]),
            "event_types",
        ),
        ("user_ids", json!(["alice", ""]), "user_ids[1]"),
        ("user_ids", json!(["-"]), "user_ids[0]"),
        ("user_ids", json!(["alice", "alice"]), "user_ids"),
        ("user_ids", json!(users(1_001)), "user_ids"),
        ("description", json!("two\nlines"), "description"),
        ("description", json!("é".repeat(501)), "description"),
    ]
}

async fn each_faulty_field_is_named(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let (endpoint, _) = create(&admin, &json!({"url": URL})).await;
    for (field, value, named) in faulty() {
        let mut order = json!({"url": URL});
        order[field] = value.clone();
        let answer = admin.post(ENDPOINTS, &order.to_string()).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &[named]);
        let change = json!({field: value}).to_string();
        let answer = admin.patch(&path(&endpoint), &change).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &[named]);
    }
    assert_eq!(only(&admin).await, endpoint);
}

async fn every_violation_is_named_at_once(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let order = json!({
        "url": "ftp://example.com/", "event_types": ["all"], "user_ids": ["-"],
        "description": "a\tb",
    });
    let answer = admin.post(ENDPOINTS, &order.to_string()).await;
    let fields = ["url", "description", "event_types[0]", "user_ids[0]"];
    assert_refused(&answer, 400, "INVALID_FIELD", &fields);
    assert_eq!(admin.get(ENDPOINTS).await.json()["endpoints"], json!([]));
}

async fn addresses_that_not_everybody_reaches_are_refused_when_they_are_set(backend: Backend) {
    let (_server, admin) = start(backend).await;
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1:8443/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:192.168.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[fd00::1]/",
    ] {
        let answer = admin
            .post(ENDPOINTS, &json!({"url": url}).to_string())
            .await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["url"]);
        let told = answer.json();
        let told = told["details"][0]["description"].as_str().unwrap();
        assert!(told.starts_with("must not lead to "), "{url}: {told}");
    }
    for url in ["https://8.8.8.8/", "https://[2606:4700:4700::1111]:8443/"] {
        create(&admin, &json!({"url": url})).await;
    }
}

async fn an_operator_may_allow_other_addresses(backend: Backend) {
    let server = TestServer::builder(backend)
        .clock(NOW)
        .env("BILLING_WEBHOOK_ALLOW_HTTP", "true")
        .flag("--webhook-allow-cidr", "127.0.0.0/8,fd00::/64");
    let server = server.start().await;
    let admin = operator(&server).await;
    for url in [
        "http://127.0.0.1:9/",
        "https://[fd00::1]/",
        "http://example.com/",
    ] {
        create(&admin, &json!({"url": url})).await;
    }
    for url in [
        "http://10.0.0.1/",
        "https://[fd00:0:0:1::1]/",
        "ftp://127.0.0.1/",
    ] {
        let answer = admin
            .post(ENDPOINTS, &json!({"url": url}).to_string())
            .await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["url"]);
    }
}

async fn only_operators_see_endpoints(backend: Backend) {
    let (server, admin) = start(backend).await;
    let (endpoint, _) = create(&admin, &json!({"url": URL})).await;
    let path = path(&endpoint);
    let gateway = server.rest(&server.token("gateway", "usage:write").await);
    for rest in [user(&server, "alice").await, gateway] {
        for answer in [
            rest.get(ENDPOINTS).await,
            rest.post(ENDPOINTS, &json!({"url": URL}).to_string()).await,
            rest.patch(&path, r#"{"enabled":false}"#).await,
            rest.post(&format!("{path}/rotate-secret"), "{}").await,
            delete(&rest, &path).await,
        ] {
            assert_refused(&answer, 403, "SCOPE_MISSING", &[]);
        }
    }
    assert_eq!(only(&admin).await, endpoint);
}

async fn endpoints_are_listed_newest_first_page_by_page(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let mut made = Vec::new();
    for number in 0..5 {
        let order = json!({"url": format!("{URL}/{number}")});
        made.push(create(&admin, &order).await.0);
    }
    made.reverse();
    let (listed, sizes) = walk(&admin, &format!("{ENDPOINTS}?page_size=2"), "endpoints").await;
    assert_eq!((listed, sizes), (made, vec![2, 2, 1]));
    let answer = admin.get(&format!("{ENDPOINTS}?page_size=-1")).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["page_size"]);
}

async fn over_grpc_the_same_is_answered(backend: Backend) {
    let (server, admin) = start(backend).await;
    let token = server.token("operator", "admin").await;
    let mut client = WebhookServiceClient::with_interceptor(server.channel().await, bearer(&token));
    let order = CreateWebhookEndpointRequest {
        url: URL.to_owned(),
        event_types: vec!["invoice.paid".to_owned()],
        ..CreateWebhookEndpointRequest::default()
    };
    let created = client.create_webhook_endpoint(order).await.unwrap();
    let id = created.into_inner().endpoint.unwrap().id;
    assert_eq!(only(&admin).await["id"], json!(id));
    let change = UpdateWebhookEndpointRequest {
        id: id.clone(),
        enabled: Some(false),
        update_mask: Some(FieldMask {
            paths: vec!["enabled".to_owned(), "event_types".to_owned()],
        }),
        ..UpdateWebhookEndpointRequest::default()
    };
    let changed = client
        .update_webhook_endpoint(change.clone())
        .await
        .unwrap();
    let changed = changed.into_inner();
    assert!(!changed.enabled && changed.event_types.is_empty());
    let reason = WebhookDisabledReason::Operator;
    assert_eq!(changed.disabled_reason(), reason);
    let nobodys = UpdateWebhookEndpointRequest {
        id: format!("whe-{}", "0".repeat(32)),
        ..change
    };
    let status = client.update_webhook_endpoint(nobodys).await.unwrap_err();
    let expected = (
        Code::NotFound,
        "WEBHOOK_ENDPOINT_NOT_FOUND".to_owned(),
        Vec::new(),
    );
    assert_eq!(refusal(&status), expected);
}
