//! Rating against the contract's rules; its worked examples and properties stand beside.

mod examples;
mod properties;
mod rules;

use super::*;
use crate::{
    account::{AccountState, Discount},
    catalog::{PlanTerms, UsagePricing},
    ids::{ModelId, RecordId, UserId},
    quota_window::{Counters, Span},
    subscription::{BillingCycle, Subscription, SubscriptionState},
    testing::{model_price, money, month, plan_version, time, uuid},
    usage::Fingerprint,
};

/// Half past nine on a date.
fn day(date: &str) -> DateTime<Utc> {
    time(&format!("{date}T09:30:00Z"))
}

fn now() -> DateTime<Utc> {
    time("2024-11-28T12:00:00Z")
}

/// The prices of the worked examples, and a model that is free.
fn catalog() -> Catalog {
    Catalog::new(
        1,
        [
            model_price(1, "gpt-4", "0.03/0.06"),
            model_price(2, "gpt-3.5-turbo", "0.0015/0.002"),
            model_price(3, "free", "0/0"),
        ],
    )
}

fn account(rate: &str, subscription: Option<Subscription>) -> Account {
    let mut state = AccountState::new(UserId::parse("user-1").unwrap());
    state.discount.rate = rate.parse().unwrap();
    state.subscription = subscription;
    // What is announced is of no interest here.
    state.alerts.enabled = false;
    Account::new(state)
}

/// Pro with a quota of its own, for November.
fn pro(quota: i64) -> Subscription {
    subscription(UsagePricing::Included, quota)
}

fn metered(quota: i64) -> Subscription {
    subscription(UsagePricing::Metered, quota)
}

fn subscription(usage_pricing: UsagePricing, monthly_quota: i64) -> Subscription {
    let terms = PlanTerms {
        usage_pricing,
        monthly_quota,
        monthly_price: money("99.99"),
        extra_token_price: "0.00015".parse().unwrap(),
        overage_discount_rate: "0.9".parse().unwrap(),
    };
    let november = Span {
        start: month("2024-11").start(),
        end: month("2024-12").start(),
    };
    let version = plan_version(1, "plan-pro", "Pro", terms);
    Subscription {
        id: SubscriptionId::new(uuid("sub-1")),
        state: SubscriptionState::Active,
        cycle: BillingCycle::Monthly,
        anchor: november.start,
        period: november,
        window: QuotaWindow::new(november, Arc::new(version)),
        next_plan_id: None,
        next_cycle: None,
        created_at: november.start,
        cancelled_at: None,
    }
}

fn counters(account: &Account) -> Counters {
    let live = account.state.subscription.as_ref();
    live.map_or(Counters::default(), |live| live.window.counters)
}

/// A call whose record id and fingerprint follow from its request id.
fn usage(request: &str, model: &str, created_at: DateTime<Utc>, tokens: [i64; 2]) -> Usage {
    let [prompt, completion] = tokens;
    Usage {
        record_id: RecordId::new(uuid(request)),
        user_id: UserId::parse("user-1").unwrap(),
        call: Call {
            request_id: RequestId::parse(request).unwrap(),
            model: ModelId::parse(model).unwrap(),
            provider: String::new(),
            tokens: Tokens {
                prompt,
                completion,
                ..Tokens::default()
            },
            created_at,
            fingerprint: Fingerprint([1; 32]),
        },
        received_at: now(),
    }
}

fn rate(account: &mut Account, calls: &[Usage]) -> Vec<Outcome> {
    rate_again(account, &HashMap::new(), calls)
}

fn rate_again(
    account: &mut Account,
    recorded: &HashMap<RequestId, UsageRecord>,
    calls: &[Usage],
) -> Vec<Outcome> {
    account
        .rate_batch(&catalog(), recorded, calls, now())
        .unwrap()
}

fn recorded(outcomes: Vec<Outcome>) -> Vec<UsageRecord> {
    outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Recorded(record) => record,
            other => panic!("not recorded: {other:?}"),
        })
        .collect()
}

fn rate_call(account: &mut Account, call: Usage) -> UsageRecord {
    recorded(rate(account, &[call])).remove(0)
}
