//! Totals: every sum equals the sum of its records.

use std::{collections::BTreeMap, sync::Arc};

use billing_core::{month::Month, rating::Outcome, usage::Usage};
use integration_tests::{Backend, on_both_databases};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use rust_decimal::Decimal;

use super::{MODEL, TestStore, batch, made_at, noon, price, recorded, texts, usage, user};
use crate::load::assert_sums_add_up;

on_both_databases!(
    totals_are_sums_however_the_usage_is_split_into_batches,
    months_and_users_are_told_apart,
);

/// Random traffic per database.
const CASES: usize = 16;
const USERS: usize = 4;

async fn months_and_users_are_told_apart(backend: Backend) {
    let store = TestStore::open(backend).await;
    let october = "2026-10-31T23:59:59.999999Z";
    let november = "2026-11-01T00:00:00Z";
    store
        .commit(&batch([
            made_at(usage("alice", "a", 1_000, 0), october),
            made_at(usage("alice", "b", 2_000, 0), november),
            made_at(usage("bob", "c", 3_000, 0), november),
        ]))
        .await;
    let month = |text: &str| text.parse::<Month>().unwrap();
    let alice = store
        .store
        .user_usage(user("alice"), october.parse().unwrap())
        .await
        .unwrap();
    assert_eq!((alice.month.records, alice.month.tokens), (1, 1_000));
    assert_eq!(alice.month.final_cost.to_string(), "0.03");
    assert_eq!(alice.total_cost.to_string(), "0.09");
    let all = store.store.month_totals(month("2026-11")).await.unwrap();
    assert_eq!(
        (all.records, all.tokens, all.final_cost.to_string()),
        (2, 5_000, "0.15".into())
    );
    let none = store.store.month_totals(month("2026-12")).await.unwrap();
    assert_eq!(
        (none.records, none.tokens, none.final_cost.to_string()),
        (0, 0, "0".into())
    );
}

/// One random call: user, request, tokens and the size of the batch it may begin.
type Shot = (usize, u8, i64, i64, bool);

fn traffic() -> impl Strategy<Value = Vec<Shot>> {
    let tokens = prop_oneof![0..10_i64, 0..=1_000_000_000_i64];
    let shot = (
        0..USERS,
        0..24_u8,
        tokens.clone(),
        tokens,
        prop::bool::weighted(0.2),
    );
    prop::collection::vec(shot, 1..80)
}

async fn totals_are_sums_however_the_usage_is_split_into_batches(backend: Backend) {
    let store = TestStore::open(backend).await;
    // Twelve decimals, so that every digit of the sums is put to use.
    let change = vec![price(MODEL, "0.000000000007", "0.123456789013")];
    let later = Arc::new(|| super::time("2026-11-10T11:00:00Z"));
    assert!(store.store.set_prices(change, later).await.unwrap()[0].is_ok());
    let mut runner = TestRunner::deterministic();
    for case in 0..CASES {
        let shots = traffic().new_tree(&mut runner).unwrap().current();
        check(&store, case, &shots).await;
    }
    if backend == Backend::Postgres {
        assert_sums_add_up(store.url()).await;
    }
}

/// Commits the shots of one case under users of its own and compares with an independent sum.
async fn check(store: &TestStore, case: usize, shots: &[Shot]) {
    let name = |number: usize| format!("case-{case}-user-{number}");
    let mut batches: Vec<Vec<Arc<Usage>>> = vec![Vec::new()];
    for &(number, request, prompt, completion, begins) in shots {
        if begins {
            batches.push(Vec::new());
        }
        let call = usage(&name(number), &format!("{request}"), prompt, completion);
        batches.last_mut().unwrap().push(Arc::new(call));
    }
    let mut outcomes = Vec::new();
    for batch in &batches {
        outcomes.extend(store.commit(batch).await);
    }
    let mut first = BTreeMap::new();
    for (shot, outcome) in shots.iter().zip(&outcomes) {
        let &(number, request, prompt, completion, _) = shot;
        match first.get(&(number, request)) {
            None => {
                recorded(outcome);
                first.insert((number, request), (prompt, completion));
            }
            Some(content) if *content == (prompt, completion) => {
                assert!(
                    matches!(outcome, Outcome::Duplicate(_)),
                    "{shot:?}: {outcome:?}"
                );
            }
            Some(_) => assert_eq!(outcome, &Outcome::Conflict, "{shot:?}"),
        }
    }
    for number in 0..USERS {
        let calls = first.iter().filter(|((owner, _), _)| *owner == number);
        assert_total(store, &name(number), calls.map(|(_, tokens)| *tokens)).await;
    }
}

async fn assert_total(store: &TestStore, name: &str, calls: impl Iterator<Item = (i64, i64)>) {
    let (mut records, mut tokens, mut cost) = (0, 0, Decimal::ZERO);
    for (prompt, completion) in calls {
        records += 1;
        tokens += prompt + completion;
        cost += Decimal::from(prompt) * Decimal::new(7, 15);
        cost += Decimal::from(completion) * Decimal::new(123_456_789_013, 15);
    }
    let used = store.store.user_usage(user(name), noon()).await.unwrap();
    assert_eq!(
        (used.month.records, used.month.tokens),
        (records, tokens),
        "{name}"
    );
    assert_eq!(used.month.final_cost.to_decimal().unwrap(), cost, "{name}");
    assert_eq!(used.total_cost, used.month.final_cost, "{name}");
    let owed: Vec<_> = texts(&used.account.uninvoiced).into_values().collect();
    let expected = if records > 0 {
        vec![cost.normalize().to_string()]
    } else {
        vec![]
    };
    assert_eq!(owed, expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_tell_covered_usage_from_overage() {
    let store = TestStore::open(Backend::Postgres).await;
    store
        .commit(&batch([usage("alice", "before", 1_000, 0)]))
        .await;
    let subscribe = "UPDATE accounts SET subscription_id = 'sub-1', plan_id = 'plan-pro', \
        subscription_status = 'active', billing_cycle = 'monthly', subscribed_at = '2026-11-10', \
        usage_pricing = 'included', monthly_price = 99.99, monthly_quota = 5000, \
        extra_token_price = 0.00015, overage_discount_rate = 0.9, period_anchor = '2026-11-10', \
        period_start = '2026-11-10', period_end = '2026-12-10', window_start = '2026-11-10', \
        window_end = '2026-12-10', window_quota = 5000, topup_balance = 1000, discount_rate = 0.9";
    let database = store.postgres().await;
    database.batch_execute(subscribe).await.unwrap();
    let outcomes = store
        .commit(&batch([
            usage("alice", "covered", 4_000, 0),
            usage("alice", "partly", 4_000, 0),
            made_at(usage("alice", "earlier", 1_000, 0), "2026-11-09T23:59:59Z"),
        ]))
        .await;
    let partly = recorded(&outcomes[1]);
    let taken = partly.charge.taken;
    assert_eq!(
        (taken.quota, taken.topup, taken.overage),
        (1_000, 1_000, 2_000)
    );
    assert_eq!(partly.charge.final_cost.to_string(), "0.27");
    let earlier = recorded(&outcomes[2]);
    assert_eq!(earlier.charge.subscription_id, None);
    assert_eq!(earlier.charge.final_cost.to_string(), "0.027");
    let query = "SELECT tokens_used, quota_used, topup_balance, overage_tokens FROM accounts";
    let row = database.query_one(query, &[]).await.unwrap();
    let counters: [i64; 4] = std::array::from_fn(|column| row.get(column));
    assert_eq!(counters, [8_000, 5_000, 0, 2_000]);
    let query = "SELECT prompt_tokens, overage_tokens, covered_amount::text, overage_cost::text, \
        cost_usd::text FROM usage_rollups \
        WHERE day = '2026-11-10' AND terms LIKE '% 2026-11-10T00:00:00Z 0.135 plan-pro'";
    let row = database.query_one(query, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (8_000, 2_000));
    let amounts: [&str; 3] = std::array::from_fn(|column| row.get(column + 2));
    let amounts = amounts.map(|amount| amount.parse::<Decimal>().unwrap());
    let expected = ["0.216", "0.27", "0.24"].map(|amount| amount.parse::<Decimal>().unwrap());
    assert_eq!(amounts, expected);
    assert_sums_add_up(store.url()).await;
}
