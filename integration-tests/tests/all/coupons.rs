//! Creating, redeeming and listing coupons.

use billing_proto::v1::{CreateCouponRequest, coupon_service_client::CouponServiceClient};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Answer, Rest, bearer},
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    advance, assert_refused, call, digits, operator, record, refusal, set_example_prices, user,
    walk, with,
};

on_both_databases!(
    coupons_look_as_documented,
    what_is_left_out_of_a_coupon_has_a_default,
    every_violation_is_named_at_once,
    each_faulty_field_is_named,
    a_code_is_taken_in_any_case,
    a_coupon_that_cannot_be_redeemed_is_refused_by_its_own_code,
    looking_at_a_coupon_answers_what_applying_takes_and_changes_nothing,
    a_repeated_call_redeems_once,
    users_keep_to_their_own_coupons,
    coupons_and_redemptions_are_listed_newest_first_page_by_page,
);

const COUPONS: &str = "/v1/billing/coupons";
const APPLY: &str = "/v1/billing/coupons/apply";
const VALIDATE: &str = "/v1/billing/coupons/validate";
const REDEMPTIONS: &str = "/v1/billing/coupons/redemptions";
const SAVE50: &str = r#"{"coupon_code":"SAVE50"}"#;

/// A server, an operator's client and one of `alice`, who has no scope.
async fn start(backend: Backend) -> (TestServer, Rest, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let admin = operator(&server).await;
    let alice = user(&server, "alice").await;
    set_example_prices(&admin).await;
    (server, admin, alice)
}

/// A coupon of 50 %, to which a test adds what it is about.
fn coupon(code: &str) -> Value {
    json!({"code": code, "type": "percentage", "value": 50})
}

async fn create(admin: &Rest, coupon: &Value) -> Answer {
    let answer = admin.post(COUPONS, &coupon.to_string()).await;
    assert_eq!(answer.status, 200, "{coupon}: {}", answer.body);
    answer
}

/// Redeems a coupon, which must succeed.
async fn apply(rest: &Rest, code: &str) -> Answer {
    let answer = rest.post(APPLY, &named(code)).await;
    assert_eq!(answer.status, 200, "{code}: {}", answer.body);
    answer
}

fn named(code: &str) -> String {
    json!({"coupon_code": code}).to_string()
}

/// Asserts that a body is as expected but for the ids in it.
#[track_caller]
fn assert_body(answer: &Answer, expected: &str) {
    let mut body = answer.body.clone();
    for prefix in ["cpn", "red"] {
        let start = format!("\"{prefix}-");
        if let Some((_, rest)) = answer.body.split_once(&start) {
            let (id, _) = rest.split_once('"').expect("the id ends");
            let hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(hex, "{prefix}-{id}");
            body = body.replace(id, "ID");
        }
    }
    assert_eq!((answer.status, body.as_str()), (200, expected));
}

async fn coupons_look_as_documented(backend: Backend) {
    let (_server, admin, alice) = start(backend).await;
    let made = r#"{"id":"cpn-ID","code":"SAVE50","type":"percentage","value":50,"max_uses":100,"used_count":0,"max_usage_per_user":1,"min_purchase_amount":5.00,"valid_from":"2024-11-01T00:00:00Z","expires_at":"2024-12-01T00:00:00Z","is_active":true,"description":"Save 50%","created_by":"operator","applicable_plans":[],"created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-15T10:30:00Z","duration_months":3}"#;
    let order = r#"{"code":"SAVE50","type":"percentage","value":50.00,"max_uses":100,"min_purchase_amount":5,"valid_from":"2024-11-01T00:00:00Z","expires_at":"2024-12-01T00:00:00Z","duration_months":3}"#;
    let created = admin.post(COUPONS, order).await;
    assert_body(&created, made);
    record(&admin, &call("a", "gpt-4", 1_000_000, 0)).await;

    let looked = r#"{"coupon":{"code":"SAVE50","type":"percentage","value":50},"discount":{"type":"percentage","value":50,"description":"Save 50%"},"taken_at_apply":15.00}"#;
    assert_body(&alice.post(VALIDATE, SAVE50).await, looked);
    let applied = r#"{"message":"coupon applied successfully","coupon":{"code":"SAVE50","type":"percentage","value":50},"discount":{"type":"percentage","value":50,"description":"Save 50%"}}"#;
    assert_body(&alice.post(APPLY, SAVE50).await, applied);

    record(&admin, &call("b", "gpt-4", 1_000, 0)).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let redeemed = r#"{"redemptions":[{"id":"red-ID","user_id":"alice","coupon_id":"cpn-ID","coupon":{"code":"SAVE50","type":"percentage","value":50},"discount_amount":15.015,"taken_at_apply":15.00,"billing_month":"2024-11","created_at":"2024-11-15T10:30:00Z"}],"next_page_token":""}"#;
    assert_body(&alice.get(REDEMPTIONS).await, redeemed);

    let used = made.replace("\"used_count\":0", "\"used_count\":1");
    let listed = format!(r#"{{"coupons":[{used}],"next_page_token":""}}"#);
    assert_body(&admin.get(COUPONS).await, &listed);
    let off = admin
        .post(&format!("{COUPONS}/{id}/deactivate"), "{}")
        .await;
    assert_body(
        &off,
        &used.replace("\"is_active\":true", "\"is_active\":false"),
    );
}

async fn what_is_left_out_of_a_coupon_has_a_default(backend: Backend) {
    let (_server, admin, _) = start(backend).await;
    for (value, kind, sent, description) in [
        ("12.5000", "percentage", "12.5", "Save 12.5%"),
        ("0.0001", "percentage", "0.0001", "Save 0.0001%"),
        ("100", "percentage", "100", "Save 100%"),
        ("10", "fixed", "10", "Save 10.00 USD"),
        ("0.01", "fixed", "0.01", "Save 0.01 USD"),
    ] {
        let code = format!("{kind}_{}", value.replace('.', "-"));
        let order = json!({"code": code, "type": kind, "value": value});
        let made = create(&admin, &order).await;
        assert_eq!(digits(&made, "value"), sent);
        assert_eq!(digits(&made, "min_purchase_amount"), "0.00");
        let made = made.json();
        for (field, expected) in [
            ("code", json!(code)),
            ("description", json!(description)),
            ("max_uses", json!(0)),
            ("max_usage_per_user", json!(1)),
            ("valid_from", json!("2024-11-15T10:30:00Z")),
            ("expires_at", Value::Null),
            ("is_active", json!(true)),
            ("applicable_plans", json!([])),
            ("duration_months", json!(1)),
        ] {
            assert_eq!(made[field], expected, "{field}");
        }
    }
    let mut order = coupon("given");
    order["duration_months"] = json!(0);
    order["description"] = json!("é".repeat(500));
    order["applicable_plans"] = json!(["plan-pro", "plan-basic"]);
    let made = create(&admin, &order).await.json();
    for field in ["duration_months", "description", "applicable_plans"] {
        assert_eq!(made[field], order[field], "{field}");
    }
}

async fn every_violation_is_named_at_once(backend: Backend) {
    let (server, admin, _) = start(backend).await;
    let many = json!({
        "code": "SAVE 50", "type": "percentage", "value": 101, "max_uses": -1,
        "max_usage_per_user": -1, "min_purchase_amount": -1,
        "valid_from": "2024-11-01T00:00:00Z", "expires_at": "2024-11-01T00:00:00Z",
        "description": "two\nlines", "applicable_plans": ["", "p", "p"], "duration_months": 1201,
    });
    let fields = [
        "value",
        "code",
        "max_uses",
        "max_usage_per_user",
        "min_purchase_amount",
        "expires_at",
        "description",
        "applicable_plans[0]",
        "applicable_plans[2]",
        "duration_months",
    ];
    let answer = admin.post(COUPONS, &many.to_string()).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &fields);
    let nothing = admin.post(COUPONS, "{}").await;
    assert_refused(&nothing, 400, "INVALID_FIELD", &["type", "value", "code"]);
    assert_eq!(admin.get(COUPONS).await.json()["coupons"], json!([]));

    let order = json!({"coupon_code": "", "user_id": " ", "request_id": "a\n"});
    let fields = ["coupon_code", "user_id", "request_id"];
    let answer = admin.post(APPLY, &order.to_string()).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &fields);
    let order = json!({"coupon_code": "a b", "user_id": " "});
    let answer = admin.post(VALIDATE, &order.to_string()).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &fields[..2]);
    let pages = "page_size=-1&page_token=x";
    let answer = admin.get(&format!("{COUPONS}?{pages}")).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["page_size", "page_token"]);
    let answer = admin
        .get(&format!("{REDEMPTIONS}?user_id=%20&{pages}"))
        .await;
    let fields = ["page_size", "page_token", "user_id"];
    assert_refused(&answer, 400, "INVALID_FIELD", &fields);
    let answer = admin.post(&format!("{COUPONS}/%20/deactivate"), "{}").await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["id"]);

    let token = server.token("operator", "admin").await;
    let channel = server.channel().await;
    let mut grpc = CouponServiceClient::with_interceptor(channel, bearer(&token));
    let unknown = CreateCouponRequest {
        r#type: 7,
        code: "x".repeat(65),
        ..CreateCouponRequest::default()
    };
    let status = grpc.create_coupon(unknown).await.unwrap_err();
    let fields = ["type", "value", "code"].map(String::from).to_vec();
    let expected = (Code::InvalidArgument, "INVALID_FIELD".to_owned(), fields);
    assert_eq!(refusal(&status), expected);
}

async fn each_faulty_field_is_named(backend: Backend) {
    let (_server, admin, _) = start(backend).await;
    let fixed = |value: &str| json!({"code": "c", "type": "fixed", "value": value});
    for (field, values) in [
        (
            "code",
            json!(["", " ", "a b", "é", "a.b", "a\u{0}", "x".repeat(65)]),
        ),
        ("type", json!(["x", 1, "unspecified", null])),
        (
            "value",
            json!([0, -1, 100.0001, "0.00001", "x", "1e30", null]),
        ),
        ("max_uses", json!([-1, "9223372036854775808", 0.5])),
        ("max_usage_per_user", json!([-1, 2_147_483_648_i64])),
        (
            "min_purchase_amount",
            json!(["-0.01", "0.0000000000000001", "1000000000.01", "x"]),
        ),
        ("valid_from", json!(["x", 5])),
        (
            "expires_at",
            json!(["x", "2024-11-15T10:30:00Z", "2024-01-01T00:00:00Z"]),
        ),
        (
            "description",
            json!(["x".repeat(501), "a\u{0}b", "a\u{85}b"]),
        ),
        ("duration_months", json!([-1, 1_201])),
    ] {
        for value in values.as_array().unwrap() {
            let faulty = with(coupon("c"), field, value.clone());
            let answer = admin.post(COUPONS, &faulty.to_string()).await;
            assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
        }
    }
    for value in ["0", "-1", "0.001", "1000000000.01", "x"] {
        let answer = admin.post(COUPONS, &fixed(value).to_string()).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["value"]);
    }
    assert_eq!(admin.get(COUPONS).await.json()["coupons"], json!([]));
    create(&admin, &fixed("1000000000.00")).await;
}

async fn a_code_is_taken_in_any_case(backend: Backend) {
    let (_server, admin, alice) = start(backend).await;
    create(&admin, &coupon("Save-50_x")).await;
    for code in ["Save-50_x", "SAVE-50_X"] {
        let answer = admin.post(COUPONS, &coupon(code).to_string()).await;
        assert_refused(&answer, 409, "COUPON_EXISTS", &[]);
    }
    let applied = apply(&alice, "sAVE-50_X").await.json();
    assert_eq!(applied["coupon"]["code"], "Save-50_x");
}

/// Coupons that `alice` cannot redeem in December, each for one reason.
async fn create_unusable(server: &TestServer, admin: &Rest, alice: &Rest) {
    let id = create(admin, &coupon("INACTIVE")).await.json()["id"].clone();
    let path = format!("{COUPONS}/{}/deactivate", id.as_str().unwrap());
    assert_eq!(admin.post(&path, "{}").await.status, 200);
    for (code, field, value) in [
        ("EARLY", "valid_from", json!("2024-12-15T10:30:00.000001Z")),
        ("EXPIRED", "expires_at", json!("2024-12-15T10:30:00Z")),
        ("USED", "max_uses", json!(1)),
        ("ONCE", "max_usage_per_user", json!(1)),
        ("PRO", "applicable_plans", json!(["plan-pro"])),
        ("MINIMUM", "min_purchase_amount", json!("30.01")),
        ("LIVE", "max_usage_per_user", json!(2)),
    ] {
        create(admin, &with(coupon(code), field, value)).await;
    }
    apply(&user(server, "bob").await, "USED").await;
    apply(alice, "ONCE").await;
    advance(server, "2024-12-15T10:30:00Z").await;
    let live = json!({"coupon_code": "LIVE", "request_id": "live"});
    assert_eq!(alice.post(APPLY, &live.to_string()).await.status, 200);
    record(admin, &call("december", "gpt-4", 1_000_000, 0)).await;
}

async fn a_coupon_that_cannot_be_redeemed_is_refused_by_its_own_code(backend: Backend) {
    let (server, admin, alice) = start(backend).await;
    create_unusable(&server, &admin, &alice).await;
    let before = (alice.get(REDEMPTIONS).await, admin.get(COUPONS).await);
    for (code, status, reason) in [
        ("NONE", 404, "COUPON_NOT_FOUND"),
        ("INACTIVE", 400, "COUPON_INACTIVE"),
        ("EARLY", 400, "COUPON_NOT_YET_VALID"),
        ("EXPIRED", 400, "COUPON_EXPIRED"),
        ("LIVE", 409, "COUPON_ALREADY_ACTIVE"),
        ("USED", 400, "COUPON_USED_UP"),
        ("ONCE", 400, "COUPON_USER_LIMIT"),
        ("PRO", 400, "COUPON_PLAN_NOT_ALLOWED"),
        ("MINIMUM", 400, "COUPON_MINIMUM_NOT_REACHED"),
    ] {
        for path in [VALIDATE, APPLY] {
            assert_refused(&alice.post(path, &named(code)).await, status, reason, &[]);
        }
    }
    let other = json!({"coupon_code": "EARLY", "request_id": "live"});
    let answer = alice.post(APPLY, &other.to_string()).await;
    assert_refused(&answer, 409, "COUPON_REQUEST_CONFLICT", &[]);
    let unknown = admin
        .post(&format!("{COUPONS}/cpn-none/deactivate"), "{}")
        .await;
    assert_refused(&unknown, 404, "COUPON_NOT_FOUND", &[]);
    let after = (alice.get(REDEMPTIONS).await, admin.get(COUPONS).await);
    assert_eq!(after, before);
}

async fn looking_at_a_coupon_answers_what_applying_takes_and_changes_nothing(backend: Backend) {
    let (_server, admin, alice) = start(backend).await;
    record(&admin, &call("a", "gpt-4", 1_000_000, 0)).await;
    create(&admin, &coupon("SAVE50")).await;
    create(
        &admin,
        &json!({"code": "TEN", "type": "fixed", "value": 10}),
    )
    .await;
    for (code, taken, cost) in [("SAVE50", "15.00", "15.00"), ("TEN", "10.00", "5.00")] {
        let stats = alice.get("/v1/billing/stats").await;
        let (redemptions, coupons) = (alice.get(REDEMPTIONS).await, admin.get(COUPONS).await);
        let looked = alice.post(VALIDATE, &named(code)).await;
        assert_eq!(digits(&looked, "taken_at_apply"), taken, "{code}");
        assert_eq!(alice.get("/v1/billing/stats").await, stats);
        assert_eq!(alice.get(REDEMPTIONS).await, redemptions);
        assert_eq!(admin.get(COUPONS).await, coupons);

        let applied = apply(&alice, code).await.json();
        assert_eq!(applied["coupon"], looked.json()["coupon"]);
        assert_eq!(applied["discount"], looked.json()["discount"]);
        let newest = alice.get(REDEMPTIONS).await;
        assert_eq!(digits(&newest, "taken_at_apply"), taken, "{code}");
        let stats = alice.get("/v1/billing/stats").await;
        assert_eq!(digits(&stats, "current_month_cost"), cost, "{code}");
    }
}

async fn a_repeated_call_redeems_once(backend: Backend) {
    let (mut server, admin, alice) = start(backend).await;
    record(&admin, &call("a", "gpt-4", 1_000_000, 0)).await;
    let twice = with(coupon("SAVE50"), "max_usage_per_user", 2);
    create(&admin, &twice).await;
    let order = json!({"coupon_code": "save50", "request_id": "req-1"}).to_string();
    let first = alice.post(APPLY, &order).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let redeemed = alice.get(REDEMPTIONS).await;
    for restarted in [false, true] {
        if restarted {
            server.restart().await;
        }
        assert_eq!(alice.post(APPLY, &order).await, first);
        assert_eq!(alice.get(REDEMPTIONS).await, redeemed);
    }
    assert_eq!(digits(&admin.get(COUPONS).await, "used_count"), "1");
    let stats = alice.get("/v1/billing/stats").await;
    assert_eq!(digits(&stats, "current_month_cost"), "15.00");
    // Another user's request ids are his own.
    let bob = user(&server, "bob").await;
    assert_eq!(bob.post(APPLY, &order).await.body, first.body);
    assert_eq!(digits(&admin.get(COUPONS).await, "used_count"), "2");
}

async fn users_keep_to_their_own_coupons(backend: Backend) {
    let (server, admin, alice) = start(backend).await;
    let made = create(&admin, &coupon("SAVE50")).await.json();
    let deactivate = format!("{COUPONS}/{}/deactivate", made["id"].as_str().unwrap());
    let order = coupon("MINE").to_string();
    let of_bob = r#"{"coupon_code":"SAVE50","user_id":"bob"}"#;
    let gateway = server.rest(&server.token("gateway", "usage:write").await);
    let nobody = server.rest("");
    let no_token = Some((401, "TOKEN_MISSING"));
    for (caller, refused) in [(&nobody, no_token), (&alice, None), (&gateway, None)] {
        let (status, code) = refused.unwrap_or((403, "SCOPE_MISSING"));
        for answer in [
            caller.post(COUPONS, &order).await,
            caller.get(COUPONS).await,
            caller.post(&deactivate, "{}").await,
        ] {
            assert_refused(&answer, status, code, &[]);
        }
        let (status, code) = refused.unwrap_or((403, "OTHER_USER"));
        for answer in [
            caller.post(VALIDATE, of_bob).await,
            caller.post(APPLY, of_bob).await,
            caller.get(&format!("{REDEMPTIONS}?user_id=bob")).await,
        ] {
            assert_refused(&answer, status, code, &[]);
        }
    }
    assert_eq!(alice.post(VALIDATE, SAVE50).await.status, 200);
    assert_eq!(admin.post(APPLY, of_bob).await.status, 200);
    let of_bob = admin.get(&format!("{REDEMPTIONS}?user_id=bob")).await;
    assert_eq!(digits(&of_bob, "user_id"), "\"bob\"");
    assert_eq!(
        alice.get(REDEMPTIONS).await.json()["redemptions"],
        json!([])
    );
}

async fn coupons_and_redemptions_are_listed_newest_first_page_by_page(backend: Backend) {
    let (server, admin, alice) = start(backend).await;
    let codes = ["E", "D", "C", "B", "A"];
    for code in codes.iter().rev() {
        create(&admin, &coupon(code)).await;
        apply(&alice, code).await;
    }
    for (size, pages) in [(0, vec![5]), (1, vec![1; 5]), (2, vec![2, 2, 1])] {
        for (rest, path, entries) in [
            (&admin, COUPONS, "coupons"),
            (&alice, REDEMPTIONS, "redemptions"),
        ] {
            let path = format!("{path}?page_size={size}");
            let (listed, sizes) = walk(rest, &path, entries).await;
            let code = |entry: &Value| {
                let coupon = entry.get("coupon").unwrap_or(entry);
                coupon["code"].as_str().unwrap().to_owned()
            };
            let listed: Vec<_> = listed.iter().map(code).collect();
            assert_eq!(
                (listed, sizes),
                (codes.map(String::from).to_vec(), pages.clone())
            );
        }
    }
    let first = alice.get(&format!("{REDEMPTIONS}?page_size=1")).await;
    let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
    let bob = user(&server, "bob").await;
    for (rest, path) in [(&bob, REDEMPTIONS), (&admin, COUPONS)] {
        let answer = rest.get(&format!("{path}?page_token={token}")).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["page_token"]);
    }
}
