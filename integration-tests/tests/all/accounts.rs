//! Accounts: what users pay of list prices, and tax.

use billing_proto::{
    google::r#type::Decimal,
    v1::{self, account_service_client::AccountServiceClient},
};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Rest, bearer},
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    advance, assert_refused, call, digits, operator, record, refusal, set_price, user,
};

on_both_databases!(
    an_account_looks_as_documented,
    a_discount_rate_counts_from_its_time_on,
    faulty_rates_are_refused_and_name_every_field,
    users_read_their_own_account_and_operators_change_all,
    accounts_are_kept_over_grpc,
);

const ALICE: &str = "/v1/billing/accounts/alice";
const DISCOUNT: &str = "/v1/billing/accounts/alice/discount";
const TAX: &str = "/v1/billing/accounts/alice/tax";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    (server, rest)
}

async fn an_account_looks_as_documented(backend: Backend) {
    let (server, rest) = start(backend).await;
    let alice = user(&server, "alice").await;
    let fresh = r#"{"user_id":"alice","discount_rate":1,"next_discount_rate":null,"next_discount_from":null,"tax_rate":0,"tax_exempt":false,"credit_balance":0.00,"topup_balance":0,"uninvoiced_amount":0.00,"trial_used":false,"exemption":null}"#;
    let seen = alice.get(ALICE).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, fresh));

    let set = rest.put(DISCOUNT, r#"{"discount_rate":0.90}"#).await;
    let expected = fresh.replace(r#""discount_rate":1"#, r#""discount_rate":0.9"#);
    assert_eq!((set.status, set.body), (200, expected));
    set_price(&rest, "m", "1", "0").await;
    record(&rest, &call("a", "m", 1_500, 0)).await;
    let announced = r#"{"discount_rate":"0.8","effective_from":"2024-12-01T00:00:00Z"}"#;
    rest.put(DISCOUNT, announced).await;
    let expected = r#"{"user_id":"alice","discount_rate":0.9,"next_discount_rate":0.8,"next_discount_from":"2024-12-01T00:00:00Z","tax_rate":0.0825,"tax_exempt":true,"credit_balance":0.00,"topup_balance":0,"uninvoiced_amount":1.35,"trial_used":false,"exemption":"exempt"}"#;
    let set = rest.put(TAX, r#"{"tax_rate":0.0825,"exempt":true}"#).await;
    assert_eq!((set.status, set.body.as_str()), (200, expected));
    assert_eq!(alice.get(ALICE).await.body, expected);
    // The last write wins, and what it leaves out is nothing.
    let set = rest.put(TAX, "{}").await;
    assert_eq!(
        (digits(&set, "tax_rate"), digits(&set, "tax_exempt")),
        ("0", "false")
    );
}

async fn a_discount_rate_counts_from_its_time_on(backend: Backend) {
    let (server, rest) = start(backend).await;
    set_price(&rest, "m", "1", "0").await;
    let first = record(&rest, &call("list price", "m", 1_000, 0)).await;
    assert_eq!(digits(&first, "final_cost"), "1.00");
    let rates = async |rate: &str, from: Option<&str>| {
        let body = json!({"discount_rate": rate, "effective_from": from});
        let set = rest.put(DISCOUNT, &body.to_string()).await;
        let seen = set.json();
        assert_eq!(set, rest.get(ALICE).await);
        ["discount_rate", "next_discount_rate"].map(|field| seen[field].as_f64())
    };
    assert_eq!(
        rates("0.5", Some("2024-12-01T00:00:00Z")).await,
        [Some(1.0), Some(0.5)]
    );
    assert_eq!(rates("0.9", None).await, [Some(0.9), Some(0.5)]);
    assert_eq!(
        rates("0.95", Some("2000-01-01T00:00:00Z")).await,
        [Some(0.9), Some(0.5)]
    );
    assert_eq!(
        rates("0.6", Some("2024-12-01T00:00:00Z")).await,
        [Some(0.9), Some(0.6)]
    );
    let second = record(&rest, &call("discounted", "m", 1_000, 0)).await;
    assert_eq!(digits(&second, "final_cost"), "0.90");
    // What is recorded stays as it is.
    let stats = rest.get("/v1/billing/stats?user_id=alice").await;
    assert_eq!(digits(&stats, "total_cost"), "1.90");

    for (now, rate, next) in [
        ("2024-11-30T23:59:59.999999Z", "0.9", "0.6"),
        ("2024-12-01T00:00:00Z", "0.6", "null"),
    ] {
        advance(&server, now).await;
        let seen = rest.get(ALICE).await;
        assert_eq!(digits(&seen, "discount_rate"), rate, "{now}");
        assert_eq!(digits(&seen, "next_discount_rate"), next, "{now}");
    }
}

async fn faulty_rates_are_refused_and_name_every_field(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let faulty = [
        "-0.1", "1.0001", "0.00001", "1e400", "true", "[]", "{}", r#""10%""#, r#""""#, r#""NaN""#,
    ];
    for rate in faulty {
        let body = format!(r#"{{"discount_rate":{rate}}}"#);
        let answer = rest.put(DISCOUNT, &body).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["discount_rate"]);
        let body = format!(r#"{{"tax_rate":{rate}}}"#);
        let answer = rest.put(TAX, &body).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["tax_rate"]);
    }
    let times = r#"["1999-12-31T23:59:59.999999Z", "yesterday", 5]"#;
    for time in serde_json::from_str::<Vec<Value>>(times).unwrap() {
        let body = json!({"discount_rate": 1, "effective_from": time}).to_string();
        let answer = rest.put(DISCOUNT, &body).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["effective_from"]);
    }
    let missing = rest.put("/v1/billing/accounts/%20/discount", "{}").await;
    assert_refused(
        &missing,
        400,
        "INVALID_FIELD",
        &["user_id", "discount_rate"],
    );
    let exempt = rest.put(TAX, r#"{"exempt":"yes"}"#).await;
    assert_refused(&exempt, 400, "INVALID_FIELD", &["exempt"]);
    let seen = rest.get(ALICE).await;
    assert_eq!(
        (digits(&seen, "discount_rate"), digits(&seen, "tax_rate")),
        ("1", "0")
    );
}

async fn users_read_their_own_account_and_operators_change_all(backend: Backend) {
    let (server, rest) = start(backend).await;
    let nobody = server.rest("");
    let alice = user(&server, "alice").await;
    let token = server.token("gateway", "usage:write").await;
    let gateway = server.rest(&token);
    assert_eq!(alice.get(ALICE).await.status, 200);
    assert_refused(&nobody.get(ALICE).await, 401, "TOKEN_MISSING", &[]);
    assert_refused(&gateway.get(ALICE).await, 403, "OTHER_USER", &[]);
    let bob = alice.get("/v1/billing/accounts/bob").await;
    assert_refused(&bob, 403, "OTHER_USER", &[]);
    for (caller, status, code) in [
        (&nobody, 401, "TOKEN_MISSING"),
        (&alice, 403, "SCOPE_MISSING"),
        (&gateway, 403, "SCOPE_MISSING"),
    ] {
        let discount = caller.put(DISCOUNT, r#"{"discount_rate":0}"#).await;
        assert_refused(&discount, status, code, &[]);
        let tax = caller.put(TAX, r#"{"exempt":true}"#).await;
        assert_refused(&tax, status, code, &[]);
    }
    assert_eq!(digits(&rest.get(ALICE).await, "discount_rate"), "1");
    assert_eq!(digits(&rest.get(ALICE).await, "tax_exempt"), "false");
}

async fn accounts_are_kept_over_grpc(backend: Backend) {
    let (server, _rest) = start(backend).await;
    let token = server.token("operator", "admin").await;
    let channel = server.channel().await;
    let mut accounts = AccountServiceClient::with_interceptor(channel, bearer(&token));
    let rate = |value: &str| {
        Some(Decimal {
            value: value.to_owned(),
        })
    };
    let discount = v1::SetDiscountRateRequest {
        user_id: "alice".into(),
        discount_rate: rate("0.90"),
        effective_from: None,
    };
    accounts.set_discount_rate(discount).await.unwrap();
    let tax = v1::SetTaxRequest {
        user_id: "alice".into(),
        tax_rate: rate("0.1"),
        ..v1::SetTaxRequest::default()
    };
    let set = accounts.set_tax(tax).await.unwrap().into_inner();
    assert_eq!(
        (set.discount_rate.clone(), set.tax_rate.clone()),
        (rate("0.9"), rate("0.1"))
    );
    let get = |user: &str| v1::GetAccountRequest {
        user_id: user.into(),
    };
    let seen = accounts.get_account(get("alice")).await.unwrap();
    assert_eq!(seen.into_inner(), set);
    // Nobody named is the caller.
    let own = accounts.get_account(get("")).await.unwrap().into_inner();
    assert_eq!(
        (own.user_id.as_str(), own.discount_rate),
        ("operator", rate("1"))
    );
    let nobody = v1::SetDiscountRateRequest::default();
    let status = accounts.set_discount_rate(nobody).await.unwrap_err();
    let fields = ["user_id", "discount_rate"].map(String::from).to_vec();
    let expected = (Code::InvalidArgument, "INVALID_FIELD".to_owned(), fields);
    assert_eq!(refusal(&status), expected);
}
