//! Rating against the contract's rules; its worked examples and properties stand beside.

mod examples;
mod properties;
mod rules;

use super::*;
use crate::{
    account::{Discount, Subscription},
    ids::PlanId,
    money::Price,
    pricing::TokenPrices,
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

fn account(rate: &str, subscription: Option<Subscription>) -> Account {
    let mut account = Account::new(UserId::parse("user-1").unwrap());
    account.discount.rate = rate.parse().unwrap();
    account.subscription = subscription;
    account
}

/// Pro with a quota of its own, for November.
fn pro(quota: i64) -> Subscription {
    Subscription {
        id: SubscriptionId::parse("sub-1").unwrap(),
        plan_id: PlanId::parse("plan-pro").unwrap(),
        usage_pricing: UsagePricing::Included,
        quota,
        extra_token_price: "0.00015".parse::<Price>().unwrap(),
        overage_discount_rate: "0.9".parse().unwrap(),
        window_start: month("2024-11").start(),
        window_end: month("2024-12").start(),
    }
}

fn metered(quota: i64) -> Subscription {
    Subscription {
        usage_pricing: UsagePricing::Metered,
        ..pro(quota)
    }
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

fn rate(account: &mut Account, calls: &[Usage]) -> Vec<Outcome> {
    rate_batch(&catalog(), account, &Children::default(), calls, now())
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
