//! Who may call what, over gRPC and REST alike.

use std::{fs::File, io::Write, os::unix::fs::OpenOptionsExt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use billing_proto::v1::{
    AdvanceClockRequest, GetStatsRequest, ListPlansRequest, RecordUsageRequest,
    debug_service_client::DebugServiceClient, plan_service_client::PlanServiceClient,
    stats_service_client::StatsServiceClient, usage_service_client::UsageServiceClient,
};
use chrono::Utc;
use integration_tests::{Backend, TestServer, on_both_databases, server::bearer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use crate::support::{
    EVERYTHING, assert_refused, call, digits, operator, record, refusal, set_example_prices, user,
    with,
};

on_both_databases!(
    only_tokens_that_the_server_signed_and_that_are_alive_are_accepted,
    a_user_sees_his_own_account_and_records_nothing,
    an_internal_service_records_for_anyone_and_reads_no_account,
    an_operator_may_do_everything,
    only_an_operator_moves_the_clock_and_only_a_test_clock,
    plans_and_health_need_no_token_but_reflection_does,
    nobody_learns_what_is_wrong_with_a_body_without_a_token,
    a_refused_token_is_told_what_is_wrong_with_it,
);

/// Made for these tests and never used elsewhere.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICP/FPe/dPDwWsJKsBOGqlFQvgupPtc0KYVzHEKjZLC2
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAgfYFBe0v8G8d4uXqvRVo6WOzKzsGeUsNcBz31lfxJBE=
-----END PUBLIC KEY-----
";
const OTHER_PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIKfmQsaz8lTFPQYl+Jcj4sv7FrCOJ5+ZGh3IlTn97vGp
-----END PRIVATE KEY-----
";
const STATS: &str = "/v1/billing/stats";

/// A server whose key the test knows.
async fn with_known_key(backend: Backend) -> (TestServer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known.key");
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    file.write_all(PRIVATE_KEY.as_bytes()).unwrap();
    let path = path.to_str().unwrap();
    let server = TestServer::builder(backend).env("BILLING_JWT_KEY_FILE", path);
    (server.start().await, folder)
}

fn claims(expires_in: i64) -> Value {
    json!({"sub": "alice", "exp": Utc::now().timestamp() + expires_in, "scope": "admin"})
}

fn signed(claims: &Value, key: &str) -> String {
    let key = EncodingKey::from_ed_pem(key.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// The public key taken as a secret: whoever lets the token choose its algorithm accepts it.
fn signed_with_public_key(secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(600), &key).unwrap()
}

fn with_critical_header() -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.crit = Some(vec!["exp".to_owned()]);
    let key = EncodingKey::from_ed_pem(PRIVATE_KEY.as_bytes()).unwrap();
    jsonwebtoken::encode(&header, &claims(600), &key).unwrap()
}

fn forged() -> Vec<(&'static str, String, &'static str)> {
    let good = signed(&claims(600), PRIVATE_KEY);
    let (signed_part, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed_part.split_once('.').unwrap();
    let root = with(claims(600), "sub", "root");
    let changed = format!("{header}.{}.{signature}", part(&root));
    let none = part(&json!({"alg": "none", "typ": "JWT"}));
    let raw = URL_SAFE_NO_PAD
        .decode("gfYFBe0v8G8d4uXqvRVo6WOzKzsGeUsNcBz31lfxJBE")
        .unwrap();
    let mut without_sub = claims(600);
    without_sub.as_object_mut().unwrap().remove("sub");
    let mut without_exp = claims(600);
    without_exp.as_object_mut().unwrap().remove("exp");
    let long = with(claims(600), "padding", "x".repeat(9_000));
    let later = with(claims(600), "nbf", Utc::now().timestamp() + 300);
    let invalid = "TOKEN_INVALID";
    vec![
        (
            "expired",
            signed(&claims(-60), PRIVATE_KEY),
            "TOKEN_EXPIRED",
        ),
        ("changed payload", changed, invalid),
        ("no signature", format!("{signed_part}."), invalid),
        ("two parts", signed_part.to_owned(), invalid),
        (
            "another key",
            signed(&claims(600), OTHER_PRIVATE_KEY),
            invalid,
        ),
        (
            "alg none",
            format!("{none}.{}.", part(&claims(600))),
            invalid,
        ),
        (
            "alg none, signed",
            format!("{none}.{}.{signature}", part(&claims(600))),
            invalid,
        ),
        (
            "public key PEM as secret",
            signed_with_public_key(PUBLIC_KEY.as_bytes()),
            invalid,
        ),
        (
            "public key bytes as secret",
            signed_with_public_key(&raw),
            invalid,
        ),
        ("critical header", with_critical_header(), invalid),
        ("no sub", signed(&without_sub, PRIVATE_KEY), invalid),
        ("no exp", signed(&without_exp, PRIVATE_KEY), invalid),
        (
            "exp as text",
            signed(&with(claims(600), "exp", "2099"), PRIVATE_KEY),
            invalid,
        ),
        (
            "empty sub",
            signed(&with(claims(600), "sub", ""), PRIVATE_KEY),
            invalid,
        ),
        ("not yet valid", signed(&later, PRIVATE_KEY), invalid),
        ("longer than 8 KiB", signed(&long, PRIVATE_KEY), invalid),
        ("no token at all", "x".to_owned(), invalid),
    ]
}

async fn grpc_stats(server: &TestServer, token: &str, user: &str) -> Result<(), Status> {
    let request = GetStatsRequest {
        user_id: user.to_owned(),
    };
    let channel = server.channel().await;
    let answer = if token.is_empty() {
        StatsServiceClient::new(channel).get_stats(request).await
    } else {
        let mut client = StatsServiceClient::with_interceptor(channel, bearer(token));
        client.get_stats(request).await
    };
    answer.map(|_| ())
}

async fn only_tokens_that_the_server_signed_and_that_are_alive_are_accepted(backend: Backend) {
    let (server, _key) = with_known_key(backend).await;
    // 30 seconds of leeway for clocks that differ.
    let fraction = Decimal::new(Utc::now().timestamp_millis() + 600_500, 3).to_string();
    let fraction: Value = serde_json::from_str(&fraction).unwrap();
    let with_fraction = with(claims(600), "exp", fraction);
    for alive in [claims(600), claims(-10), with_fraction] {
        let token = signed(&alive, PRIVATE_KEY);
        assert_eq!(server.rest(&token).get(STATS).await.status, 200);
        grpc_stats(&server, &token, "").await.unwrap();
    }
    let missing = [("none", String::new(), "TOKEN_MISSING")];
    for (what, token, reason) in missing.into_iter().chain(forged()) {
        let answer = server.rest(&token).get(STATS).await;
        assert_refused(&answer, 401, reason, &[]);
        let status = grpc_stats(&server, &token, "").await.expect_err(what);
        let expected = (Code::Unauthenticated, reason.to_owned(), Vec::new());
        assert_eq!(refusal(&status), expected, "{what}");
        assert!(
            !status.message().contains(&token) || token.len() < 2,
            "{what}"
        );
    }
    for authorization in ["Basic YWxpY2U6cHc=", "Bearer", "Bearer ", "token"] {
        let request = server.rest("").request(reqwest::Method::GET, STATS);
        let answer = request
            .header("authorization", authorization)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{authorization}");
        assert!(
            answer.text().await.unwrap().contains("TOKEN_INVALID"),
            "{authorization}"
        );
    }
}

async fn a_refused_token_is_told_what_is_wrong_with_it(backend: Backend) {
    let (server, _key) = with_known_key(backend).await;
    let mut user = claims(600);
    user["scope"] = json!([]);
    let user = signed(&user, PRIVATE_KEY);
    let expired = "Bearer error=\"invalid_token\", error_description=\"the token has expired\"";
    let forged = "Bearer error=\"invalid_token\", error_description=\"the token's signature is \
        not of the key that this server verifies with\"";
    let scope = "Bearer error=\"insufficient_scope\", scope=\"admin\", error_description=\"user_id \
        names another user, which needs a token with the scope admin\"";
    for (token, status, challenge) in [
        (String::new(), 401, "Bearer"),
        (signed(&claims(-60), PRIVATE_KEY), 401, expired),
        (signed(&claims(600), OTHER_PRIVATE_KEY), 401, forged),
        (user.clone(), 403, scope),
    ] {
        let path = format!("{STATS}?user_id=bob");
        let request = server.rest(&token).request(reqwest::Method::GET, &path);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["www-authenticate"], challenge);
        let status = grpc_stats(&server, &token, "bob").await.unwrap_err();
        assert_eq!(
            status.metadata().get("www-authenticate").unwrap(),
            challenge
        );
    }
    let price = server
        .rest(&user)
        .request(reqwest::Method::POST, "/v1/billing/prices");
    let answer = price.send().await.unwrap();
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"admin\", \
        error_description=\"this call needs a token with the scope admin\"";
    assert_eq!(answer.headers()["www-authenticate"], challenge);
}

async fn a_user_sees_his_own_account_and_records_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let alice = user(&server, "alice").await;
    let cost =
        |user: &str| format!(r#"{{"user_id":"{user}","model":"gpt-4","prompt_tokens":1000}}"#);
    for path in [
        STATS,
        "/v1/billing/usage",
        "/v1/billing/prices",
        "/v1/billing/prices/gpt-4",
    ] {
        assert_eq!(alice.get(path).await.status, 200, "{path}");
    }
    assert_eq!(
        alice.get("/v1/billing/stats?user_id=alice").await.status,
        200
    );
    for mine in ["", "alice"] {
        assert_eq!(
            alice.post("/v1/billing/cost", &cost(mine)).await.status,
            200
        );
    }
    for path in [
        "/v1/billing/stats?user_id=bob",
        "/v1/billing/usage?user_id=bob",
        "/v1/billing/usage/rec-1?user_id=bob",
    ] {
        assert_refused(&alice.get(path).await, 403, "OTHER_USER", &[]);
    }
    let others = alice.post("/v1/billing/cost", &cost("bob")).await;
    assert_refused(&others, 403, "OTHER_USER", &[]);
    let usage = call("a", "gpt-4", 1, 1);
    for (path, body) in [
        ("/v1/billing/usage", usage.to_string()),
        ("/v1/billing/usage", with(usage, "user_id", "").to_string()),
        ("/v1/billing/prices", "{}".to_owned()),
        ("/v1/billing/prices-import", "{}".to_owned()),
    ] {
        assert_refused(&alice.post(path, &body).await, 403, "SCOPE_MISSING", &[]);
    }
    for path in [
        "/v1/billing/reports/monthly?month=2024-11",
        "/v1/billing/plans?include_inactive=true",
    ] {
        assert_refused(&alice.get(path).await, 403, "SCOPE_MISSING", &[]);
    }
    let token = server.token("alice", "").await;
    let status = grpc_stats(&server, &token, "bob").await.unwrap_err();
    assert_eq!(refusal(&status).1, "OTHER_USER");
    let mut usage = UsageServiceClient::with_interceptor(server.channel().await, bearer(&token));
    let status = usage
        .record_usage(RecordUsageRequest::default())
        .await
        .unwrap_err();
    let expected = (
        Code::PermissionDenied,
        "SCOPE_MISSING".to_owned(),
        Vec::new(),
    );
    assert_eq!(refusal(&status), expected);
}

async fn an_internal_service_records_for_anyone_and_reads_no_account(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let gateway = server.rest(&server.token("gateway", "usage:write").await);
    record(&gateway, &call("a", "gpt-4", 1_000, 0)).await;
    let own = record(&gateway, &with(call("a", "gpt-4", 1_000, 0), "user_id", "")).await;
    assert_eq!(digits(&own, "user_id"), "\"gateway\"");
    let cost = r#"{"user_id":"alice","model":"gpt-4","prompt_tokens":1000}"#;
    assert_eq!(gateway.post("/v1/billing/cost", cost).await.status, 200);
    for path in [
        "/v1/billing/stats?user_id=alice",
        "/v1/billing/usage?user_id=alice",
    ] {
        assert_refused(&gateway.get(path).await, 403, "OTHER_USER", &[]);
    }
    for path in ["/v1/billing/prices", "/v1/billing/prices-import"] {
        assert_refused(&gateway.post(path, "{}").await, 403, "SCOPE_MISSING", &[]);
    }
    let report = gateway
        .get("/v1/billing/reports/monthly?month=2024-11")
        .await;
    assert_refused(&report, 403, "SCOPE_MISSING", &[]);
}

async fn an_operator_may_do_everything(backend: Backend) {
    let server = TestServer::start(backend).await;
    let admin = server.rest(&server.token("root", "admin").await);
    set_example_prices(&admin).await;
    record(&admin, &call("a", "gpt-4", 1_000, 0)).await;
    // The parameter stands for the body's field.
    let unnamed = r#"{"request_id":"b","model":"gpt-4","prompt_tokens":1000}"#;
    let named = admin.post("/v1/billing/usage?user_id=alice", unnamed).await;
    assert_eq!(digits(&named, "user_id"), "\"alice\"");
    for path in [
        "/v1/billing/stats?user_id=alice",
        "/v1/billing/usage?user_id=alice",
        "/v1/billing/reports/monthly?month=2024-11",
        "/v1/billing/plans?include_inactive=true",
    ] {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
}

async fn only_an_operator_moves_the_clock_and_only_a_test_clock(backend: Backend) {
    for (clock, scope, refused) in [
        (true, "usage:write", Some(Code::PermissionDenied)),
        (true, "admin", None),
        (false, "admin", Some(Code::Unimplemented)),
    ] {
        let mut builder = TestServer::builder(backend);
        if clock {
            builder = builder.clock("2024-11-15T10:30:00Z");
        }
        let server = builder.start().await;
        let token = server.token("operator", scope).await;
        let channel = server.channel().await;
        let mut debug = DebugServiceClient::with_interceptor(channel, bearer(&token));
        let to = Some("2025-01-01T00:00:00Z".parse().unwrap());
        let answer = debug.advance_clock(AdvanceClockRequest { to }).await;
        assert_eq!(answer.err().map(|status| status.code()), refused, "{scope}");
    }
}

async fn services(server: &TestServer, token: &str) -> Result<bool, Status> {
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(list),
    };
    let requests = futures_util::stream::iter([request]);
    let channel = server.channel().await;
    let answers = if token.is_empty() {
        let mut client = ServerReflectionClient::new(channel);
        client.server_reflection_info(requests).await
    } else {
        let mut client = ServerReflectionClient::with_interceptor(channel, bearer(token));
        client.server_reflection_info(requests).await
    };
    let answer = answers?.into_inner().message().await?;
    Ok(format!("{answer:?}").contains("billing.v1.UsageService"))
}

async fn plans_and_health_need_no_token_but_reflection_does(backend: Backend) {
    let server = TestServer::start(backend).await;
    let channel = server.channel().await;
    let mut plans = PlanServiceClient::new(channel.clone());
    let listed = plans.list_plans(ListPlansRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().plans.len(), 3);
    let inactive = ListPlansRequest {
        include_inactive: true,
    };
    let status = plans.list_plans(inactive).await.unwrap_err();
    assert_eq!(refusal(&status).1, "TOKEN_MISSING");
    let health = HealthCheckRequest {
        service: "billing.v1.UsageService".to_owned(),
    };
    let answer = HealthClient::new(channel).check(health).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);

    let status = services(&server, "").await.unwrap_err();
    assert_eq!(refusal(&status).1, "TOKEN_MISSING");
    assert!(
        services(&server, &server.token("alice", EVERYTHING).await)
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_public_when_it_is_said_to_be() {
    let server = TestServer::builder(Backend::Sqlite).env("BILLING_REFLECTION_PUBLIC", "true");
    let server = server.start().await;
    assert!(services(&server, "").await.unwrap());
    let status = grpc_stats(&server, "", "").await.unwrap_err();
    assert_eq!(refusal(&status).1, "TOKEN_MISSING");
}

async fn nobody_learns_what_is_wrong_with_a_body_without_a_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    for body in [r#"{"nope": 1}"#, "[]", "{", &"x".repeat(100_000)] {
        let answer = server.rest("").post("/v1/billing/usage", body).await;
        assert_refused(&answer, 401, "TOKEN_MISSING", &[]);
    }
}
