//! Traffic for the tests of concurrency and faults, and the proof that all of it was counted once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use billing_client::{
    BillingClient, Error, ReadDecimal, RetryPolicy, Usage,
    v1::{GetMonthlyReportRequest, ListUsageRecordsRequest, RecordUsageResponse},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use integration_tests::{Backend, TestServer, postgres, server::TestServerBuilder};
use rust_decimal::Decimal;
use tokio::sync::Semaphore;

use crate::support::{figures, price};

pub(crate) const MODEL: &str = "gpt-4";
/// Where the clock of most tests stands.
const NOW: &str = "2026-11-10T12:00:00Z";
const MONTH: &str = "2026-11";

pub(crate) type Answer = Result<RecordUsageResponse, Error>;

/// One model call, and what it should cost.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) user: String,
    pub(crate) request_id: String,
    prompt: i64,
    completion: i64,
}

/// Calls of `users` users in turn, whose request ids begin with `name`.
pub(crate) fn calls(name: &str, count: u32, users: u32) -> Vec<Call> {
    (0..count)
        .map(|number| Call {
            user: format!("user-{}", number % users),
            request_id: format!("{name}-{number}"),
            prompt: i64::from(number % 977) + 1,
            completion: i64::from(number % 89),
        })
        .collect()
}

impl Call {
    pub(crate) fn usage(&self) -> Usage {
        Usage::new(&self.user, &self.request_id, MODEL)
            .prompt_tokens(self.prompt)
            .completion_tokens(self.completion)
    }

    fn tokens(&self) -> i64 {
        self.prompt + self.completion
    }

    /// At the prices of [`set_price`].
    pub(crate) fn cost(&self) -> Decimal {
        Decimal::from(self.prompt * 3 + self.completion * 6) / Decimal::from(100_000)
    }
}

/// A server whose clock stands still, so that no month ends in the middle of a test.
pub(crate) fn server(backend: Backend) -> TestServerBuilder {
    TestServer::builder(backend).clock(NOW)
}

/// How long a call may take: an unoptimised server needs seconds for the largest batch, and more
/// beside other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// An operator's client that reports every failure instead of trying again.
pub(crate) async fn client(server: &TestServer) -> BillingClient {
    BillingClient::builder(server.url())
        .token(server.token("operator", "usage:write admin").await)
        .timeout(PATIENCE)
        .deadline(PATIENCE)
        .retries(RetryPolicy::never())
        .connect()
        .await
        .unwrap()
}

pub(crate) async fn set_price(client: &BillingClient) {
    let price = price(MODEL, Decimal::new(3, 2), Decimal::new(6, 2));
    client.set_model_price(price).await.unwrap();
}

/// Sends every call once, `callers` at a time, and answers in their order. Each answer, good or
/// bad, adds a permit to `answered`.
pub(crate) async fn send(
    client: BillingClient,
    calls: Vec<Call>,
    callers: usize,
    answered: &Semaphore,
) -> Vec<Answer> {
    stream::iter(calls)
        .map(|call| {
            let client = client.clone();
            async move {
                let answer = client.record_usage(call.usage()).await;
                answered.add_permits(1);
                answer
            }
        })
        .buffered(callers)
        .collect()
        .await
}

/// Sends every call again: all must be taken, and what was acknowledged must be there already.
pub(crate) async fn resend(client: &BillingClient, calls: &[Call], before: &[Answer]) {
    let again = send(client.clone(), calls.to_vec(), 32, &Semaphore::new(0)).await;
    for ((call, before), again) in calls.iter().zip(before).zip(&again) {
        let again = again.as_ref().unwrap_or_else(|error| {
            panic!("{} is refused the second time: {error}", call.request_id)
        });
        if let Ok(before) = before {
            assert!(again.duplicate, "{} was lost", call.request_id);
            assert_eq!(again.record, before.record);
        }
    }
}

/// Compares records, statistics and report with an independent sum.
pub(crate) async fn assert_counted_once(client: &BillingClient, calls: &[Call]) {
    let mut by_user = BTreeMap::<&str, Vec<&Call>>::new();
    for call in calls {
        by_user.entry(&call.user).or_default().push(call);
    }
    for (user, calls) in by_user {
        let list = ListUsageRecordsRequest {
            user_id: user.to_owned(),
            page_size: 1_000,
            ..ListUsageRecordsRequest::default()
        };
        let records: Vec<_> = client.all(list).try_collect().await.unwrap();
        let costs: BTreeSet<_> = records
            .iter()
            .map(|r| (&r.request_id, r.final_cost.decimal().unwrap()))
            .collect();
        let expected: BTreeSet<_> = calls.iter().map(|c| (&c.request_id, c.cost())).collect();
        assert_eq!(records.len(), calls.len(), "records of {user}");
        assert_eq!(costs, expected, "costs of {user}");
        let stats = client.get_stats(figures(user)).await.unwrap();
        let cost: Decimal = calls.iter().map(|call| call.cost()).sum();
        let tokens: i64 = calls.iter().map(|call| call.tokens()).sum();
        assert_eq!(stats.total_cost.decimal(), Ok(cost), "cost of {user}");
        assert_eq!(
            stats.current_month_cost.decimal(),
            Ok(cost),
            "this month's cost of {user}"
        );
        assert_eq!(stats.current_month_tokens, tokens, "tokens of {user}");
    }
    let month = MONTH.to_owned();
    let report = client.get_monthly_report(GetMonthlyReportRequest { month });
    let report = report.await.unwrap();
    let cost: Decimal = calls.iter().map(Call::cost).sum();
    assert_eq!(report.total_revenue.decimal(), Ok(cost));
    assert_eq!(
        report.total_tokens,
        calls.iter().map(Call::tokens).sum::<i64>()
    );
    assert_eq!(usize::try_from(report.record_count), Ok(calls.len()));
}

/// What records add up to, by the keys and in the columns of `usage_totals`.
const SUMS: &str = "SELECT user_id, \
    to_char(coalesce(rated_at, created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') COLLATE \"C\", model, \
    coalesce(invoice_month, billing_month), price_id, coalesce(plan_version_id, 0), \
    coalesce(window_start, '1970-01-01 00:00:00Z'), status = 3, \
    sum(CASE WHEN status >= 2 THEN -1 ELSE 1 END)::bigint, sum(prompt_tokens)::bigint, \
    sum(completion_tokens)::bigint, sum(coalesce(cached_prompt_tokens, 0))::bigint, \
    sum(coalesce(cache_write_tokens, 0))::bigint, sum(coalesce(reasoning_tokens, 0))::bigint, \
    sum(coalesce(overage_tokens, 0))::bigint, sum(cost_usd), \
    sum(round(cost_usd * coalesce(discount_rate, 1), 15)), sum(coalesce(covered_amount, 0)), \
    sum(coalesce(overage_cost, 0)), sum(coalesce(discount_amount, 0)), sum(final_cost) \
    FROM billing_records GROUP BY 1, 2, 3, 4, 5, 6, 7, 8";
const TOTALS: &str = "SELECT user_id, day, model, invoice_month, price_id, plan_version_id, \
    window_start, reversal, sum(record_count)::bigint, sum(prompt_tokens)::bigint, \
    sum(completion_tokens)::bigint, sum(cached_prompt_tokens)::bigint, \
    sum(cache_write_tokens)::bigint, sum(reasoning_tokens)::bigint, sum(overage_tokens)::bigint, \
    sum(cost_usd), sum(final_cost + discount_amount + covered_amount - overage_cost), \
    sum(covered_amount), sum(overage_cost), sum(discount_amount), sum(final_cost) \
    FROM usage_totals GROUP BY 1, 2, 3, 4, 5, 6, 7, 8";
const OWED: &str = "SELECT user_id, coalesce(invoice_month, billing_month), \
    sum(final_cost + coalesce(discount_amount, 0)) \
    FROM billing_records GROUP BY 1, 2";
const UNINVOICED: &str = "SELECT user_id, month, amount::numeric \
    FROM accounts, json_each_text(uninvoiced::json) AS owed(month, amount)";

/// Looks behind the server's back: in PostgreSQL every sum equals the sum of its records.
pub(crate) async fn assert_sums_add_up(database_url: &str) {
    let database = postgres::connect(database_url).await;
    for (sums, stored) in [(SUMS, TOTALS), (OWED, UNINVOICED)] {
        for (one, other) in [(sums, stored), (stored, sums)] {
            let difference = format!("SELECT count(*) FROM ({one} EXCEPT ALL {other}) AS d");
            let row = database.query_one(&difference, &[]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 0, "{difference}");
        }
    }
}
