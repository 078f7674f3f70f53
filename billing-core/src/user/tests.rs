//! Subscriptions, coupons and voids as they change a user.

mod subscriptions;
mod voids;

use chrono::TimeDelta;

use super::*;
use crate::{
    ids::{CouponId, ModelId, PlanId, RecordId, RedemptionId, RequestId},
    plan::{PlanTerms, PlanVersion, UsagePricing},
    pricing::{Catalog, ModelPrice, TokenPrices},
    rating::{Outcome, UsageRecord, rate_batch},
    subscription::{BillingCycle, NewSubscription, SubscriptionOrder, SubscriptionRefusal},
    usage::{Fingerprint, Tokens, Usage},
};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(date: &str) -> DateTime<Utc> {
    time(&format!("{date}T00:00:00Z"))
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn plan(id: &str, from: &str, quota: i64, price: &str, extra: &str) -> (bool, PlanVersion) {
    let terms = PlanTerms {
        usage_pricing: UsagePricing::Included,
        monthly_quota: quota,
        monthly_price: money(price),
        extra_token_price: extra.parse().unwrap(),
        overage_discount_rate: Rate::ONE,
    };
    let version = PlanVersion {
        plan_id: PlanId::trusted(id.into()),
        effective_from: day(from),
        name: id[..1].to_uppercase() + &id[1..],
        terms,
    };
    (id != "gone", version)
}

/// The guide's plans, one that gets dearer in 2025, and one that is off the offer.
fn catalog() -> Catalog {
    let price = ModelPrice {
        model_id: ModelId::trusted("gpt-4".into()),
        provider: String::new(),
        prices: TokenPrices {
            prompt: "0.03".parse().unwrap(),
            completion: "0.06".parse().unwrap(),
            cached_prompt: None,
            cache_write: None,
            reasoning: None,
        },
        effective_from: DateTime::UNIX_EPOCH,
        created_at: DateTime::UNIX_EPOCH,
    };
    Catalog::new(1, [price]).with_plans([
        plan("basic", "2024-01-01", 100_000, "9.99", "0.00002"),
        plan("pro", "2024-01-01", 1_000_000, "99.99", "0.00015"),
        plan("rising", "2024-01-01", 500, "10", "0.001"),
        plan("rising", "2025-01-15", 700, "30", "0.002"),
        plan("gone", "2024-01-01", 5, "1", "1"),
    ])
}

fn user() -> User {
    User::new(Account::new(UserId::trusted("user-1".into())))
}

fn new(plan: &str) -> NewSubscription {
    NewSubscription {
        id: SubscriptionId::trusted(format!("sub-{plan}")),
        plan_id: PlanId::trusted(plan.into()),
        cycle: BillingCycle::Monthly,
        auto_renew: true,
        trial_days: 0,
        start: None,
    }
}

fn order(
    user: &mut User,
    order: SubscriptionOrder,
    at: DateTime<Utc>,
) -> Result<(), SubscriptionRefusal> {
    user.roll(&catalog(), at).unwrap();
    user.order(order, &catalog(), at).map(drop)
}

fn subscribe(user: &mut User, plan: &str, at: DateTime<Utc>) {
    order(user, SubscriptionOrder::Subscribe(new(plan)), at).unwrap();
}

fn change_plan(plan: &str) -> SubscriptionOrder {
    SubscriptionOrder::ChangePlan(PlanId::trusted(plan.into()))
}

/// Month, words and amount of every line.
fn lines(user: &User) -> Vec<(String, String, String)> {
    let lines = user.effects.lines.iter();
    lines
        .map(|line| {
            let amount = line.amount.digits(2);
            (line.month.to_string(), line.description.clone(), amount)
        })
        .collect()
}

fn expected(lines: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let own = |&(month, words, amount): &(&str, &str, &str)| {
        (month.to_owned(), words.to_owned(), amount.to_owned())
    };
    lines.iter().map(own).collect()
}

fn rate(
    user: &mut User,
    request: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
    tokens: i64,
) -> UsageRecord {
    let usage = Usage {
        record_id: RecordId::trusted(format!("rec-{request}")),
        user_id: user.id().clone(),
        request_id: RequestId::trusted(request.into()),
        model: ModelId::trusted("gpt-4".into()),
        provider: String::new(),
        tokens: Tokens {
            prompt: tokens,
            ..Tokens::default()
        },
        created_at: at,
        received_at: now,
        fingerprint: Fingerprint([1; 32]),
    };
    let recorded = std::collections::HashMap::new();
    let outcomes = rate_batch(&catalog(), user, &recorded, [&usage], now).unwrap();
    match outcomes.into_iter().next() {
        Some(Outcome::Recorded(record)) => record,
        other => panic!("not recorded: {other:?}"),
    }
}

fn after(at: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    at + TimeDelta::days(days)
}
