//! Rating against the contract's rules; its worked examples and properties stand beside.

mod examples;
mod properties;
mod rules;

use super::*;
use crate::{
    account::{Account, Discount},
    ids::PlanId,
    plan::PlanTerms,
    pricing::TokenPrices,
    subscription::{BillingCycle, Standing, Subscription},
    window::{Counters, Span},
};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(date: &str) -> DateTime<Utc> {
    time(&format!("{date}T09:30:00Z"))
}

fn now() -> DateTime<Utc> {
    time("2024-11-28T12:00:00Z")
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn price(model: &str, prompt: &str, completion: &str) -> ModelPrice {
    ModelPrice {
        model_id: ModelId::parse(model).unwrap(),
        provider: "openai".into(),
        prices: TokenPrices {
            prompt: prompt.parse().unwrap(),
            completion: completion.parse().unwrap(),
            cached_prompt: None,
            cache_write: None,
            reasoning: None,
        },
        effective_from: DateTime::UNIX_EPOCH,
        created_at: DateTime::UNIX_EPOCH,
    }
}

/// The prices of the worked examples, and a model that is free.
fn catalog() -> Catalog {
    Catalog::new(
        1,
        [
            price("gpt-4", "0.03", "0.06"),
            price("gpt-3.5-turbo", "0.0015", "0.002"),
            price("free", "0", "0"),
        ],
    )
}

fn user(rate: &str, subscription: Option<Subscription>) -> User {
    let mut account = Account::new(UserId::parse("user-1").unwrap());
    account.discount.rate = rate.parse().unwrap();
    account.subscription = subscription;
    // What is announced is of no interest here.
    account.alerts.enabled = false;
    User::new(account)
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
    Subscription {
        id: SubscriptionId::parse("sub-1").unwrap(),
        plan_id: PlanId::parse("plan-pro").unwrap(),
        standing: Standing::Active,
        cycle: BillingCycle::Monthly,
        window: Window::new(november, &terms),
        terms,
        anchor: november.start,
        period: november,
        next_plan_id: None,
        created_at: november.start,
        cancelled_at: None,
    }
}

fn counters(user: &User) -> Counters {
    let live = user.account.subscription.as_ref();
    live.map_or(Counters::default(), |live| live.window.counters)
}

/// A call whose record id and fingerprint follow from its request id.
fn usage(request: &str, model: &str, created_at: DateTime<Utc>, tokens: [i64; 2]) -> Usage {
    let [prompt, completion] = tokens;
    Usage {
        record_id: RecordId::parse(format!("record-of-{request}")).unwrap(),
        user_id: UserId::parse("user-1").unwrap(),
        request_id: RequestId::parse(request).unwrap(),
        model: ModelId::parse(model).unwrap(),
        provider: String::new(),
        tokens: Tokens {
            prompt,
            completion,
            ..Tokens::default()
        },
        created_at,
        received_at: now(),
        fingerprint: Fingerprint([1; 32]),
    }
}

fn rate(user: &mut User, calls: &[Usage]) -> Vec<Outcome> {
    rate_again(user, &HashMap::new(), calls)
}

fn rate_again(
    user: &mut User,
    recorded: &HashMap<RequestId, UsageRecord>,
    calls: &[Usage],
) -> Vec<Outcome> {
    rate_batch(&catalog(), user, recorded, calls, now()).unwrap()
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

fn rate_call(user: &mut User, call: Usage) -> UsageRecord {
    recorded(rate(user, &[call])).remove(0)
}
