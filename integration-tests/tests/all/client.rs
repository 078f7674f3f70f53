//! The Rust client against the real server.

use billing_client::{
    BillingClient, Error, ReadDecimal, RetryPolicy, Usage, timestamp,
    v1::{
        ApplyCouponRequest, BillingCycle, CouponType, GenerateInvoiceRequest, GetModelPriceRequest,
        GetMonthlyReportRequest, GetQuotaWarningRequest, GetQuotaWarningResponse,
        GetSubscriptionRequest, GetUsageRecordRequest, ImportModelPricesRequest,
        ListInvoicesRequest, ListModelPricesRequest, ListPlansRequest, ListUsageRecordsRequest,
        SetModelPriceRequest, SubscribeRequest, SubscriptionStatus, UsageRecord, UsageStatus,
        VoidUsageRequest,
    },
};
use futures_util::TryStreamExt;
use integration_tests::{Backend, TestServer, on_both_databases};
use rust_decimal::Decimal;
use tonic::Code;

use crate::support::{EVERYTHING, figures, operator, price};

on_both_databases!(
    usage_is_recorded_once_and_read_back,
    refusals_are_typed,
    a_user_subscribes_redeems_and_is_warned_and_a_record_is_voided,
    prices_and_plans_are_read_and_set,
    numbered_pages_are_listed_to_their_end,
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
    let price = SetModelPriceRequest {
        provider: "openai".to_owned(),
        ..price("gpt-4", decimal("0.03"), decimal("0.06"))
    };
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
        let record = first.record.unwrap();
        assert_eq!(record.final_cost, asked.final_cost);
        assert_eq!(record.provider, "openai");
        newest_first.insert(0, record);
    }
    let list = ListUsageRecordsRequest {
        user_id: "alice".to_owned(),
        page_size: 2,
        ..ListUsageRecordsRequest::default()
    };
    let all: Vec<_> = client.all(list).try_collect().await.unwrap();
    assert_eq!(all, newest_first);
    assert_eq!(read(&client, &all[0].id).await.unwrap(), all[0]);
    let stats = client.get_stats(figures("alice")).await.unwrap();
    assert_eq!(stats.current_month_cost.decimal(), Ok(decimal("0.00045")));
    assert_eq!(stats.total_cost.decimal(), Ok(decimal("0.00045")));
    assert_eq!(stats.current_month_tokens, 15);
    let report = client.get_monthly_report(november()).await.unwrap();
    assert_eq!(report.record_count, 5);
    assert_eq!(report.total_revenue.decimal(), Ok(decimal("0.00045")));
    assert_eq!(report.avg_cost_per_record.decimal(), Ok(decimal("0.00009")));
}

/// A record of `alice`.
async fn read(client: &BillingClient, id: &str) -> Result<UsageRecord, Error> {
    let request = GetUsageRecordRequest {
        user_id: "alice".to_owned(),
        id: id.to_owned(),
    };
    client.get_usage_record(request).await
}

fn november() -> GetMonthlyReportRequest {
    GetMonthlyReportRequest {
        month: "2024-11".to_owned(),
    }
}

async fn quota_warning(client: &BillingClient) -> GetQuotaWarningResponse {
    let request = GetQuotaWarningRequest {
        user_id: "alice".to_owned(),
    };
    client.get_quota_warning(request).await.unwrap()
}

async fn a_user_subscribes_redeems_and_is_warned_and_a_record_is_voided(backend: Backend) {
    let (server, client) = start(backend).await;
    let alice = || "alice".to_owned();
    let get = GetSubscriptionRequest { user_id: alice() };
    let missing = client.get_subscription(get.clone()).await.unwrap_err();
    assert_eq!(missing.reason(), "SUBSCRIPTION_NOT_FOUND");
    let new = SubscribeRequest {
        user_id: alice(),
        plan_id: "plan-basic".to_owned(),
        billing_cycle: BillingCycle::Yearly.into(),
        auto_renew: Some(false),
        trial_days: 7,
        start_time: Some(timestamp("2024-11-14T00:00:00Z".parse().unwrap())),
    };
    let made = client.subscribe(new).await.unwrap();
    assert_eq!(made.status(), SubscriptionStatus::Trialing);
    assert_eq!(made.billing_cycle(), BillingCycle::Yearly);
    assert!(!made.auto_renew && made.next_billing_date.is_none());
    assert_eq!(client.get_subscription(get).await.unwrap(), made);

    let usage = Usage::for_user("alice", "gpt-4").prompt_tokens(100_000);
    let recorded = client.record_usage(usage).await.unwrap().record.unwrap();
    let warning = quota_warning(&client).await;
    assert!(warning.quota_warning);
    assert_eq!(warning.message, "Your quota is used up.");
    let void = VoidUsageRequest {
        user_id: alice(),
        id: recorded.id.clone(),
        reason: "wrong".to_owned(),
    };
    let correction = client.void_usage(void).await.unwrap();
    assert_eq!(correction.status(), UsageStatus::Correction);
    assert_eq!(correction.corrects_id, recorded.id);
    let voided = read(&client, &recorded.id).await;
    assert_eq!(voided.unwrap().void_reason, "wrong");
    assert!(!quota_warning(&client).await.quota_warning);

    let coupon = r#"{"code":"TEN","type":"fixed","value":10}"#;
    let rest = operator(&server).await;
    assert_eq!(rest.post("/v1/billing/coupons", coupon).await.status, 200);
    let apply = ApplyCouponRequest {
        coupon_code: "ten".to_owned(),
        user_id: alice(),
        request_id: "once".to_owned(),
    };
    let applied = client.apply_coupon(apply.clone()).await.unwrap();
    assert_eq!(client.apply_coupon(apply).await.unwrap(), applied);
    let coupon = applied.coupon.unwrap();
    assert_eq!(
        (coupon.code.as_str(), coupon.r#type()),
        ("TEN", CouponType::Fixed)
    );
    assert_eq!(coupon.value.decimal(), Ok(decimal("10")));
    assert_eq!(applied.discount.unwrap().description, "Save 10.00 USD");
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
    let missing = read(&client, "rec-1").await.unwrap_err();
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
    alice.get_stats(figures("")).await.unwrap();
    let other = alice.get_stats(figures("bob")).await.unwrap_err();
    refused(other, Code::PermissionDenied, "OTHER_USER");
    let scope = alice.get_monthly_report(november()).await.unwrap_err();
    refused(scope, Code::PermissionDenied, "SCOPE_MISSING");
    let stranger = BillingClient::builder(server.url()).token("forged");
    let stranger = stranger.connect().await.unwrap();
    refused(
        stranger.get_stats(figures("")).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
    let nobody = BillingClient::builder(server.url())
        .connect()
        .await
        .unwrap();
    refused(
        nobody.get_stats(figures("")).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_MISSING",
    );
    let plans = nobody.list_plans(ListPlansRequest::default()).await;
    assert_eq!(plans.unwrap().plans.len(), 3);
}

async fn prices_and_plans_are_read_and_set(backend: Backend) {
    let (_server, client) = start(backend).await;
    let new = |model: &str, prompt: &str| price(model, decimal(prompt), decimal("0.000000000001"));
    let mut prices = vec![
        new("a/b", "1"),
        new("模型", "10000"),
        new("dear", "10000.1"),
        new("gpt-4", "1"),
    ];
    prices[0].cached_prompt_price_per_k = Some(decimal("0.5").into());
    let january = "2024-01-01T00:00:00Z".parse().unwrap();
    prices[3].effective_from = Some(timestamp(january));
    let import = ImportModelPricesRequest { prices };
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

    let list = ListModelPricesRequest {
        page_size: 2,
        ..ListModelPricesRequest::default()
    };
    let listed: Vec<_> = client.all(list).try_collect().await.unwrap();
    let models: Vec<_> = listed.iter().map(|price| price.model_id.as_str()).collect();
    assert_eq!(models, ["a/b", "gpt-4", "模型"]);
    let get = GetModelPriceRequest {
        model_id: "a/b".to_owned(),
        at: None,
    };
    assert_eq!(client.get_model_price(get).await.unwrap(), listed[0]);
    let cached = &listed[0].cached_prompt_price_per_k;
    assert_eq!(cached.decimal(), Ok(decimal("0.5")));
    let completion = &listed[0].completion_price_per_k;
    assert_eq!(completion.decimal(), Ok(decimal("0.000000000001")));
    let plans = client.list_plans(ListPlansRequest::default()).await;
    let rate = &plans.unwrap().plans[1].overage_discount_rate;
    assert_eq!(rate.decimal(), Ok(decimal("0.9")));
}

async fn numbered_pages_are_listed_to_their_end(backend: Backend) {
    let (_server, client) = start(backend).await;
    let months = ["2024-10", "2024-09", "2024-08"];
    for month in months.into_iter().rev() {
        let made = format!("{month}-15T00:00:00Z").parse().unwrap();
        let usage = Usage::for_user("alice", "gpt-4").prompt_tokens(1_000);
        client.record_usage(usage.created_at(made)).await.unwrap();
        let month = GenerateInvoiceRequest {
            billing_month: month.to_owned(),
            user_id: "alice".to_owned(),
            ..GenerateInvoiceRequest::default()
        };
        client.generate_invoice(month).await.unwrap();
    }
    for page_size in [1, 2, 3, 4] {
        let list = ListInvoicesRequest {
            user_id: "alice".to_owned(),
            page_size,
            ..ListInvoicesRequest::default()
        };
        let all: Vec<_> = client.all(list).try_collect().await.unwrap();
        let listed: Vec<_> = all.iter().map(|i| i.billing_month.as_str()).collect();
        assert_eq!(listed, months, "{page_size} to a page");
    }
}

async fn a_call_outlives_a_restart_of_the_server(backend: Backend) {
    let (mut server, client) = start(backend).await;
    server.kill9().await;
    let usage = Usage::for_user("alice", "gpt-4").prompt_tokens(1_000);
    let (recorded, ()) = tokio::join!(client.record_usage(usage), server.restart());
    assert!(!recorded.unwrap().duplicate);
    let stats = client.get_stats(figures("alice")).await.unwrap();
    assert_eq!(stats.total_cost.decimal(), Ok(decimal("0.03")));
}
