//! The Rust client against the real server.

use billing_client::{
    BillingClient, CouponType, Error, NewModelPrice, NewSubscription, RetryPolicy,
    SubscriptionStatus, Usage, UsageFilter, UsageStatus,
};
use futures_util::TryStreamExt;
use integration_tests::{Backend, TestServer, on_both_databases};
use rust_decimal::Decimal;
use tonic::Code;

use crate::support::{EVERYTHING, operator};

on_both_databases!(
    usage_is_recorded_once_and_read_back,
    refusals_are_typed,
    a_user_subscribes_redeems_and_is_warned_and_a_record_is_voided,
    prices_and_plans_are_read_and_set,
    a_call_outlives_a_restart_of_the_server,
);

async fn client(server: &TestServer, name: &str, scope: &str) -> BillingClient {
    let token = server.token(name, scope).await;
    let client = BillingClient::builder(server.url()).token(token);
    // A loaded machine may take long to restart a server.
    let client = client.retries(RetryPolicy::default().max_attempts(1_000));
    client.connect().await.expect("the server answers")
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("the text is a number")
}

async fn start(backend: Backend) -> (TestServer, BillingClient) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let client = client(&server, "operator", EVERYTHING).await;
    let price = NewModelPrice::new("gpt-4", decimal("0.03"), decimal("0.06")).provider("openai");
    client.set_model_price(price).await.unwrap();
    (server, client)
}

async fn usage_is_recorded_once_and_read_back(backend: Backend) {
    let (_server, client) = start(backend).await;
    let mut newest_first = Vec::new();
    for tokens in 1..=5 {
        let usage = Usage::for_user("alice", "gpt-4").prompt_tokens(tokens);
        let asked = client.calculate_cost(usage.clone()).await.unwrap();
        let first = client.record_usage(usage.clone()).await.unwrap();
        let again = client.record_usage(usage).await.unwrap();
        assert_eq!((first.duplicate, again.duplicate), (false, true));
        assert_eq!(first.record, again.record);
        assert_eq!(first.record.final_cost, asked.final_cost);
        assert_eq!(first.record.provider, "openai");
        newest_first.insert(0, first.record);
    }
    let filter = UsageFilter::for_user("alice").page_size(2);
    let all: Vec<_> = client
        .all_usage_records(filter)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all, newest_first);
    let one = client.get_usage_record("alice", &all[0].id).await.unwrap();
    assert_eq!(one, all[0]);
    let stats = client.stats("alice").await.unwrap();
    assert_eq!(stats.current_month_cost, decimal("0.00045"));
    assert_eq!(
        (stats.total_cost, stats.current_month_tokens),
        (decimal("0.00045"), 15)
    );
    let report = client.monthly_report("2024-11").await.unwrap();
    assert_eq!(
        (report.record_count, report.total_revenue),
        (5, decimal("0.00045"))
    );
    assert_eq!(report.avg_cost_per_record, decimal("0.00009"));
}

async fn a_user_subscribes_redeems_and_is_warned_and_a_record_is_voided(backend: Backend) {
    let (server, client) = start(backend).await;
    let missing = client.subscription("alice").await.unwrap_err();
    assert_eq!(missing.reason(), "SUBSCRIPTION_NOT_FOUND");
    let new = NewSubscription::new("alice", "plan-basic")
        .yearly()
        .auto_renew(false)
        .trial_days(7)
        .start_time("2024-11-14T00:00:00Z".parse().unwrap());
    let made = client.subscribe(new).await.unwrap();
    assert_eq!(made.status, SubscriptionStatus::Trialing);
    assert!(made.yearly && !made.auto_renew && made.next_billing_date.is_none());
    assert_eq!(client.subscription("alice").await.unwrap(), made);

    let usage = Usage::for_user("alice", "gpt-4").prompt_tokens(100_000);
    let recorded = client.record_usage(usage).await.unwrap().record;
    let warning = client.quota_warning("alice").await.unwrap();
    assert!(warning.quota_warning);
    assert_eq!(warning.message, "Your quota is used up.");
    let correction = client.void_usage("alice", &recorded.id, "wrong").await;
    let correction = correction.unwrap();
    assert_eq!(correction.status, UsageStatus::Correction);
    assert_eq!(correction.corrects_id, recorded.id);
    let voided = client.get_usage_record("alice", &recorded.id).await;
    assert_eq!(voided.unwrap().void_reason, "wrong");
    assert!(!client.quota_warning("alice").await.unwrap().quota_warning);

    let coupon = r#"{"code":"TEN","type":"fixed","value":10}"#;
    let rest = operator(&server).await;
    assert_eq!(rest.post("/v1/billing/coupons", coupon).await.status, 200);
    let applied = client.apply_coupon("alice", "ten", "once").await.unwrap();
    let again = client.apply_coupon("alice", "ten", "once").await.unwrap();
    assert_eq!(applied, again);
    assert_eq!(applied.code, "TEN");
    assert_eq!(applied.coupon_type, CouponType::Fixed);
    assert_eq!(applied.value, decimal("10"));
    assert_eq!(applied.description, "Save 10.00 USD");
}

async fn refusals_are_typed(backend: Backend) {
    let (server, client) = start(backend).await;
    let usage = Usage::new("alice", "a", "gpt-4").prompt_tokens(1);
    client.record_usage(usage.clone()).await.unwrap();
    let refused = |error: Error, code, reason: &str| {
        assert_eq!(
            (error.code(), error.reason()),
            (Some(code), reason),
            "{error}"
        );
        assert!(!error.is_retryable(), "{error}");
    };
    let conflict = client
        .record_usage(usage.prompt_tokens(2))
        .await
        .unwrap_err();
    refused(conflict, Code::AlreadyExists, "USAGE_CONFLICT");
    let unknown = client
        .calculate_cost(Usage::for_user("alice", "gpt-5"))
        .await
        .unwrap_err();
    refused(unknown, Code::NotFound, "MODEL_NOT_FOUND");
    let missing = client.get_usage_record("alice", "rec-1").await.unwrap_err();
    refused(missing, Code::NotFound, "USAGE_NOT_FOUND");

    let wrong = Usage::new("alice", "", "gpt-4").prompt_tokens(-1);
    let wrong = client.record_usage(wrong).await.unwrap_err();
    let Error::Api { violations, .. } = &wrong else {
        panic!("{wrong}");
    };
    let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["prompt_tokens", "request_id"]);
    refused(wrong, Code::InvalidArgument, "INVALID_FIELD");

    let alice = self::client(&server, "alice", "").await;
    alice.stats("").await.unwrap();
    let other = alice.stats("bob").await.unwrap_err();
    refused(other, Code::PermissionDenied, "OTHER_USER");
    let scope = alice.monthly_report("2024-11").await.unwrap_err();
    refused(scope, Code::PermissionDenied, "SCOPE_MISSING");
    let stranger = BillingClient::builder(server.url()).token("forged");
    let stranger = stranger.connect().await.unwrap();
    refused(
        stranger.stats("").await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
    let nobody = BillingClient::builder(server.url())
        .connect()
        .await
        .unwrap();
    refused(
        nobody.stats("").await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_MISSING",
    );
    assert_eq!(nobody.plans().await.unwrap().len(), 3);
}

async fn prices_and_plans_are_read_and_set(backend: Backend) {
    let (_server, client) = start(backend).await;
    let new = |model: &str, price: &str| {
        NewModelPrice::new(model, decimal(price), decimal("0.000000000001"))
    };
    let import = [
        new("a/b", "1").cached_prompt_price_per_k(decimal("0.5")),
        new("模型", "10000"),
        new("dear", "10000.1"),
        new("gpt-4", "1").effective_from("2024-01-01T00:00:00Z".parse().unwrap()),
    ];
    let answer = client.import_model_prices(import.clone()).await.unwrap();
    assert_eq!(
        (answer.imported, answer.unchanged, answer.rejected),
        (2, 0, 2)
    );
    let fields: Vec<_> = answer.problems.iter().map(|p| p.field.as_str()).collect();
    assert_eq!(
        fields,
        ["prices[2].prompt_price_per_k", "prices[3].effective_from"]
    );
    let again = client.import_model_prices(import).await.unwrap();
    assert_eq!((again.imported, again.unchanged), (0, 2));

    let listed = client.list_model_prices().await.unwrap();
    let models: Vec<_> = listed.iter().map(|price| price.model_id.as_str()).collect();
    assert_eq!(models, ["a/b", "gpt-4", "模型"]);
    assert_eq!(client.model_price("a/b", None).await.unwrap(), listed[0]);
    assert_eq!(listed[0].cached_prompt_price_per_k, Some(decimal("0.5")));
    assert_eq!(listed[0].completion_price_per_k, decimal("0.000000000001"));
    let plans = client.plans().await.unwrap();
    assert_eq!(plans[1].overage_discount_rate, decimal("0.9"));
}

async fn a_call_outlives_a_restart_of_the_server(backend: Backend) {
    let (mut server, client) = start(backend).await;
    server.kill9().await;
    let usage = Usage::for_user("alice", "gpt-4").prompt_tokens(1_000);
    let (recorded, ()) = tokio::join!(client.record_usage(usage), server.restart());
    assert!(!recorded.unwrap().duplicate);
    let stats = client.stats("alice").await.unwrap();
    assert_eq!(stats.total_cost, decimal("0.03"));
}
