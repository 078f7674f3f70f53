//! Totals: every sum equals the sum of its records.

use std::{collections::BTreeMap, sync::Arc};

use billing_core::{
    catalog::PlanChange,
    refusal::Refusal,
    subscription::SubscriptionOrder,
    usage::{Outcome, Sums, Usage},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use rust_decimal::Decimal;
use test_postgres::{Backend, on_both_databases};

use crate::support::{
    MODEL, Source, TestStore, batch, by_key, made_at, month, plan, plan_with_quota, recorded,
    subscribe_to, texts, time, usage, user,
};

on_both_databases!(
    totals_are_sums_however_the_usage_is_split_into_batches,
    months_and_users_are_told_apart,
    sums_tell_covered_usage_from_overage,
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
    store.clock.set(october);
    let alice = store.store.user_usage(user("alice")).await.unwrap();
    assert_eq!((alice.month.records, alice.month.tokens), (1, 1_000));
    assert_eq!(alice.month.final_cost.to_string(), "0.03");
    assert_eq!(alice.total_cost.to_string(), "0.09");
    let all = store.store.month_figures(month("2026-11")).await;
    let all = all.unwrap().usage;
    assert_eq!(
        (all.records, all.tokens, all.final_cost.to_string()),
        (2, 5_000, "0.15".into())
    );
    let none = store.store.month_figures(month("2026-12")).await;
    let none = none.unwrap().usage;
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
    store
        .set_price(MODEL, "0.000000000007", "0.123456789013")
        .await;
    let mut runner = TestRunner::deterministic();
    for case in 0..CASES {
        let shots = traffic().new_tree(&mut runner).unwrap().current();
        check(&store, case, &shots).await;
    }
    assert_sums_add_up(&store).await;
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
            Some(_) => assert_eq!(outcome, &conflict(), "{shot:?}"),
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
    let used = store.store.user_usage(user(name)).await.unwrap();
    assert_eq!(
        (used.month.records, used.month.tokens),
        (records, tokens),
        "{name}"
    );
    assert_eq!(used.month.final_cost.to_decimal().unwrap(), cost, "{name}");
    assert_eq!(used.total_cost, used.month.final_cost, "{name}");
    let owed: Vec<_> = texts(&used.account.state.uninvoiced)
        .into_values()
        .collect();
    let expected = if records > 0 {
        vec![cost.normalize().to_string()]
    } else {
        vec![]
    };
    assert_eq!(owed, expected, "{name}");
}

fn conflict() -> Outcome {
    Outcome::Refused(Refusal::UsageConflict)
}

/// Looks behind the store's back: what readers sum up is what the records add up to, and so is
/// what the account owes.
async fn assert_sums_add_up(store: &TestStore) {
    let records = store.sums(Source::Records).await;
    assert_eq!(store.sums(Source::Totals).await, records);
    let logged = store.logged(Source::Records).await;
    let owed = by_key(&logged, |row| {
        (row.key.user_id.clone(), row.key.invoice_month)
    });
    for ((user_id, month), sums) in owed {
        let account = store.store.account(user_id.clone()).await.unwrap();
        let uninvoiced = account.state.uninvoiced_in(month);
        assert_eq!(uninvoiced, sums.net().unwrap(), "{user_id} {month}");
    }
}

/// A plan with a quota of 5,000 tokens, beyond which one costs 0.000135 USD.
async fn subscribe_to_small_plan(store: &TestStore, name: &str) {
    let small = PlanChange {
        extra_token_price: Some("0.00015".parse().unwrap()),
        overage_discount_rate: Some("0.9".parse().unwrap()),
        ..plan_with_quota(5_000)
    };
    let created = store.store.create_plan(plan("small"), small).await;
    created.unwrap();
    let SubscriptionOrder::Subscribe(mut order) = subscribe_to("small") else {
        panic!("the order subscribes");
    };
    order.start = Some(time("2026-11-10T00:00:00Z"));
    let order = SubscriptionOrder::Subscribe(order);
    let ordered = store.store.order_subscription(user(name), order);
    ordered.await.unwrap();
}

async fn sums_tell_covered_usage_from_overage(backend: Backend) {
    let store = TestStore::open(backend).await;
    store
        .commit(&batch([usage("alice", "before", 1_000, 0)]))
        .await;
    subscribe_to_small_plan(&store, "alice").await;
    let (rate, from) = ("0.9".parse().unwrap(), time("2026-11-01T00:00:00Z"));
    let discounted = store
        .store
        .set_discount_rate(user("alice"), rate, Some(from));
    discounted.await.unwrap();
    store
        .texts("UPDATE accounts SET topup_balance = 1000 RETURNING user_id")
        .await;
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
    let account = store.store.account(user("alice")).await.unwrap().state;
    let window = account.subscription.unwrap().window;
    let counters = window.counters;
    assert_eq!((counters.tokens_used, counters.quota_used), (8_000, 5_000));
    assert_eq!((account.topup_balance, counters.overage_tokens), (0, 2_000));
    let in_window = by_key(&store.logged(Source::Totals).await, |row| row.key.window);
    let sums: Sums = in_window[&Some(window.reference_at(window.span.start))];
    assert_eq!((sums.tokens.prompt, sums.overage_tokens), (8_000, 2_000));
    let amounts = [sums.covered_amount, sums.overage_cost, sums.cost_usd];
    let amounts = amounts.map(|amount| amount.to_string());
    assert_eq!(amounts, ["0.216", "0.27", "0.24"]);
    assert_sums_add_up(&store).await;
}
