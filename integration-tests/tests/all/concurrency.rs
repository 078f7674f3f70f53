//! Many callers at once, on one server and on two.

use std::{collections::BTreeSet, time::Duration};

use billing_client::BillingClient;
use billing_proto::{
    google::r#type::Decimal as Percent,
    v1::{ApplyCouponRequest, CouponType, CreateCouponRequest, SubscribeRequest},
};
use integration_tests::{Backend, TestServer, on_both_databases, postgres::connect};
use rust_decimal::Decimal;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    load::{self, Answer, MODEL, assert_counted_once, assert_sums_add_up, calls, send},
    support::price,
    wire::Wire,
};

const PATIENCE: Duration = Duration::from_secs(30);

on_both_databases!(
    every_total_is_the_sum_of_its_records,
    a_request_sent_by_many_callers_is_charged_once,
);

async fn every_total_is_the_sum_of_its_records(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 600, 7);
    let answers = send(client.clone(), calls.clone(), 64, &Semaphore::new(0)).await;
    assert!(
        answers
            .iter()
            .all(|a| a.as_ref().is_ok_and(|a| !a.duplicate))
    );
    assert_counted_once(&client, &calls).await;
}

async fn a_request_sent_by_many_callers_is_charged_once(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let call = calls("call", 1, 1);
    let same = vec![call[0].clone(); 64];
    let answers = send(client.clone(), same, 64, &Semaphore::new(0)).await;
    assert_eq!(charged(&answers), 1);
    let ids: BTreeSet<_> = answers
        .iter()
        .flatten()
        .map(|a| &a.record.as_ref().unwrap().id)
        .collect();
    assert_eq!(ids.len(), 1);
    assert_counted_once(&client, &call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_share_transactions() {
    let server = load::server(Backend::Postgres).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 2_000, 16);
    let answers = send(client.clone(), calls.clone(), 64, &Semaphore::new(0)).await;
    assert_eq!(charged(&answers), 2_000);
    // PostgreSQL's own count of commits lags by seconds; each row tells who inserted it at once.
    let transactions = connect(server.database_url())
        .await
        .query_one(
            "SELECT count(DISTINCT xmin::text) FROM billing_records",
            &[],
        )
        .await
        .unwrap()
        .get::<_, i64>(0);
    assert!(transactions < 1_000, "{transactions} transactions");
    assert_sums_add_up(server.database_url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_looks_rows_up_even_with_plans_made_while_tables_were_empty() {
    let mut server = load::server(Backend::Postgres).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let mut operator = Wire::operator(&server).await;
    let coupon = CreateCouponRequest {
        code: "HALF".into(),
        r#type: CouponType::Percentage.into(),
        value: Some(Percent { value: "50".into() }),
        ..CreateCouponRequest::default()
    };
    operator.coupons.create_coupon(coupon).await.unwrap();
    for user in 0..16 {
        let user_id = format!("user-{user}");
        let plan = SubscribeRequest {
            user_id: user_id.clone(),
            plan_id: "plan-pro".into(),
            ..SubscribeRequest::default()
        };
        client.subscribe(plan).await.unwrap();
        let coupon = ApplyCouponRequest {
            coupon_code: "HALF".into(),
            user_id,
            ..ApplyCouponRequest::default()
        };
        client.apply_coupon(coupon).await.unwrap();
    }
    let sent = send(client, calls("call", 400, 16), 4, &Semaphore::new(0)).await;
    assert_eq!(charged(&sent), 400);
    // A session tells what it did at its end.
    server.terminate().await;
    let database = connect(server.database_url()).await;
    let read_by_scans = "SELECT sum(n_tup_ins)::bigint, sum(seq_tup_read)::bigint \
        FROM pg_stat_user_tables WHERE relname IN ('billing_records', 'accounts', \
        'usage_rollups', 'coupons', 'coupon_usages', 'subscriptions', 'subscription_periods')";
    let scanned = timeout(PATIENCE, async {
        loop {
            let row = database.query_one(read_by_scans, &[]).await.unwrap();
            if row.get::<_, i64>(0) >= 400 {
                return row.get::<_, i64>(1);
            }
        }
    });
    assert_eq!(scanned.await.expect("the sessions have ended"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_charge_the_price_of_the_moment_and_each_request_once() {
    // Both run on the real clock, because prices change while usage arrives.
    let one = TestServer::start(Backend::Postgres).await;
    let url = one.database_url();
    let builder = TestServer::builder(Backend::Postgres).database_url(url);
    let other = builder.start().await;
    let (a, b) = (load::client(&one).await, load::client(&other).await);
    load::set_price(&a).await;
    let shared = calls("shared", 600, 5);
    let mut for_a = calls("only-a", 600, 5);
    let mut for_b = calls("only-b", 600, 5);
    for_a.extend(shared.clone());
    for_b.extend(shared);
    let answered = Semaphore::new(0);
    let (to_a, to_b, ()) = tokio::join!(
        send(a.clone(), for_a, 32, &answered),
        send(b.clone(), for_b, 32, &answered),
        change_prices(&a, &answered),
    );
    assert_eq!((to_a.len(), to_b.len()), (1_200, 1_200));
    assert!(to_a.iter().chain(&to_b).all(Result::is_ok));
    assert_eq!(charged(&to_a) + charged(&to_b), 1_800);
    assert_sums_add_up(url).await;
    assert_priced_by_time(url).await;
}

fn charged(answers: &[Answer]) -> usize {
    let recorded = |answer: &&Answer| answer.as_ref().is_ok_and(|answer| !answer.duplicate);
    answers.iter().filter(recorded).count()
}

/// Raises the price each time that another few hundred calls were answered.
async fn change_prices(client: &BillingClient, answered: &Semaphore) {
    for cents in 4..8 {
        let some = timeout(PATIENCE, answered.acquire_many(400)).await;
        some.expect("calls are answered").unwrap().forget();
        let price = price(MODEL, Decimal::new(cents, 2), Decimal::new(cents, 2));
        client.set_model_price(price).await.unwrap();
    }
}

/// Each record costs what was in force when it was rated, and each price was in force for some.
async fn assert_priced_by_time(url: &str) {
    let query = "SELECT count(*) FILTER (WHERE r.cost_usd <> 0.001 \
            * (r.prompt_tokens * p.prompt_price_per_k \
                + r.completion_tokens * p.completion_price_per_k)), \
            count(DISTINCT p.effective_from) \
        FROM billing_records r CROSS JOIN LATERAL (SELECT * FROM model_prices p \
            WHERE p.model_id = r.model AND p.effective_from <= coalesce(r.rated_at, r.created_at) \
            ORDER BY p.effective_from DESC, p.id DESC LIMIT 1) AS p";
    let row = connect(url).await.query_one(query, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 5));
}
