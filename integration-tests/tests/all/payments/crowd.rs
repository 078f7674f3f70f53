//! Many users at once: everybody who crosses the threshold is charged once, and a month end is
//! collected whoever declines.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::Rest,
    stripe::{Behaviour, FakeStripe, SECRET_KEY, WEBHOOK_SECRET},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::world::NOW;
use crate::support::{advance, call, operator, record, set_example_prices, user, walk, with};

on_both_databases!(
    everybody_who_crosses_the_threshold_at_once_is_charged_once,
    a_month_end_is_collected_whoever_declines,
);

/// How many users there are; more of them when run by hand.
const USERS: &str = "BILLING_PAYING_USERS";
const FEW_USERS: usize = 40;
/// How many calls are made at once.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(50);

struct Crowd {
    servers: Vec<TestServer>,
    operators: Vec<Rest>,
    stripe: FakeStripe,
    users: usize,
}

impl Crowd {
    /// Users with a card that does what `behaviour` says, and both consents.
    async fn gather(backend: Backend, behaviour: fn(usize) -> Behaviour) -> Self {
        let users = std::env::var(USERS).map_or(FEW_USERS, |number| number.parse().unwrap());
        let now: DateTime<Utc> = NOW.parse().unwrap();
        let stripe = FakeStripe::start(now.timestamp()).await;
        let builder = || {
            TestServer::builder(backend)
                .clock(NOW)
                .env("BILLING_STRIPE_SECRET_KEY", SECRET_KEY)
                .env("BILLING_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
                .flag("--stripe-api-base", &stripe.api_base())
        };
        let mut servers = vec![builder().start().await];
        if backend == Backend::Postgres {
            let same = servers[0].database_url().to_owned();
            servers.push(builder().database_url(&same).start().await);
        }
        let mut operators = Vec::new();
        for server in &servers {
            operators.push(operator(server).await);
        }
        set_example_prices(&operators[0]).await;
        let crowd = Self {
            servers,
            operators,
            stripe,
            users,
        };
        let saved = (0..users).map(|number| crowd.join(number, behaviour(number)));
        stream::iter(saved)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        crowd
    }

    async fn join(&self, number: usize, behaviour: Behaviour) {
        let rest = user(&self.servers[0], &name(number)).await;
        let settings = r#"{"auto_topup_threshold":10000,"auto_topup_amount":100}"#;
        assert_eq!(rest.put("/v1/billing/settings", settings).await.status, 200);
        let body = json!({
            "return_url": "https://example.com/",
            "topup_consent": true,
            "collect_consent": true,
        });
        let setup = post(&rest, "payments/setup", &body).await;
        let id = setup["setup_id"].as_str().unwrap();
        let reference = self.stripe.finish_setup(id, behaviour);
        let body = json!({"provider_method_id": reference});
        post(&rest, "payments/methods", &body).await;
    }

    /// Does something for every user, spread over the servers.
    async fn each<F: Future<Output = ()>>(&self, act: impl Fn(Rest, usize) -> F) {
        let acts = (0..self.users).map(|number| {
            let operator = &self.operators[number % self.operators.len()];
            act(operator.clone(), number)
        });
        stream::iter(acts)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
    }

    async fn transactions(&self, query: &str) -> Vec<Value> {
        let path = format!("/v1/billing/payments/transactions?user_id=-&page_size=1000{query}");
        walk(&self.operators[0], &path, "transactions").await.0
    }

    /// Waits until `count` transactions were begun and none is pending but so many.
    async fn until(&self, count: usize, pending: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let all = self.transactions("").await;
            let waits = all.iter().filter(|of| of["status"] == "pending").count();
            if all.len() == count && waits == pending {
                return all;
            }
            let stand = format!("{} of {count}, {waits} pending", all.len());
            assert!(begun.elapsed() < PATIENCE, "{stand}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn advance(&self, to: &str) {
        for server in &self.servers {
            advance(server, to).await;
        }
    }

    fn charged(&self, transactions: &[Value]) -> i64 {
        let succeeded = transactions.iter().filter(|of| of["status"] == "succeeded");
        let amounts = succeeded.map(|of| of["amount"].to_string().parse::<Decimal>().unwrap());
        let sum: Decimal = amounts.sum();
        assert_eq!(
            Decimal::from(self.stripe.charged()),
            sum * Decimal::ONE_HUNDRED
        );
        self.stripe.charged()
    }
}

fn name(number: usize) -> String {
    format!("user-{number}")
}

async fn post(rest: &Rest, path: &str, body: &Value) -> Value {
    let path = format!("/v1/billing/{path}");
    let answer = rest.post(&path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

async fn everybody_who_crosses_the_threshold_at_once_is_charged_once(backend: Backend) {
    let crowd = Crowd::gather(backend, |_| Behaviour::Pays).await;
    crowd
        .each(|operator, number| async move {
            let body = json!({"user_id": name(number), "plan_id": "plan-pro"});
            post(&operator, "subscription", &body).await;
        })
        .await;
    let begun = Instant::now();
    // Each crosses with the first of three records, which two servers record.
    for part in 0..3 {
        crowd
            .each(|operator, number| async move {
                let usage = call(&format!("r-{part}"), "gpt-4", 995_000 - part, 0);
                let usage = if part == 0 {
                    usage
                } else {
                    with(usage, "prompt_tokens", 1)
                };
                record(&operator, &with(usage, "user_id", name(number))).await;
            })
            .await;
    }
    let all = crowd.until(crowd.users, 0).await;
    println!(
        "{backend:?}: {} top-ups in {:?}",
        all.len(),
        begun.elapsed()
    );
    let payers: HashMap<&str, &Value> = all
        .iter()
        .map(|of| (of["user_id"].as_str().unwrap(), &of["status"]))
        .collect();
    assert_eq!(payers.len(), crowd.users);
    assert!(payers.values().all(|status| **status == "succeeded"));
    let expected = i64::try_from(crowd.users).unwrap() * 10_000;
    assert_eq!(crowd.charged(&all), expected);
}

/// One of ten declines, one of twenty is slow.
fn behaviour(number: usize) -> Behaviour {
    match number % 20 {
        3 | 13 => Behaviour::declines("insufficient_funds"),
        7 => Behaviour::PaysLater,
        _ => Behaviour::Pays,
    }
}

async fn a_month_end_is_collected_whoever_declines(backend: Backend) {
    let crowd = Crowd::gather(backend, behaviour).await;
    crowd
        .each(|operator, number| async move {
            let usage = call("october", "gpt-4", 100_000, 0);
            let usage = with(usage, "created_at", "2024-10-20T00:00:00Z");
            record(&operator, &with(usage, "user_id", name(number))).await;
        })
        .await;
    let of_kind = |wanted: fn(&Behaviour) -> bool| {
        let all = (0..crowd.users).map(behaviour);
        all.filter(wanted).count()
    };
    let slow = of_kind(|behaviour| matches!(behaviour, Behaviour::PaysLater));
    let prompt = of_kind(|behaviour| matches!(behaviour, Behaviour::Pays));
    let declining = crowd.users - slow - prompt;
    let begun = Instant::now();
    let closed = crowd.servers[0]
        .cli(&["invoices", "close", "--month", "2024-10"])
        .await;
    assert!(closed.status.success());
    let all = crowd.until(crowd.users, slow).await;
    let elapsed = begun.elapsed();
    println!(
        "{backend:?}: {} invoices closed and charged in {elapsed:?}",
        all.len()
    );
    for pending in all.iter().filter(|of| of["status"] == "pending") {
        let reference = pending["provider_reference"].as_str().unwrap();
        crowd.stripe.settle(reference);
    }
    let mut begun_so_far = crowd.users;
    for day in ["16", "19", "26"] {
        crowd.advance(&format!("2024-11-{day}T10:40:00Z")).await;
        begun_so_far += declining;
        crowd.until(begun_so_far, 0).await;
    }
    let all = crowd.until(begun_so_far, 0).await;
    let paid = i64::try_from(prompt + slow).unwrap();
    assert_eq!(crowd.charged(&all), paid * 300);
    let invoices = |status: &'static str| {
        let operator = &crowd.operators[0];
        async move {
            let path = format!("/v1/billing/invoices?user_id=-&page_size=1&status={status}");
            operator.get(&path).await.json()["total"].as_i64().unwrap()
        }
    };
    assert_eq!(invoices("paid").await, paid);
    assert_eq!(invoices("issued").await, i64::try_from(declining).unwrap());
    assert!(all.iter().all(|of| of["attention"] == ""), "{all:?}");
}
