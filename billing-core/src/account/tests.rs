//! Subscriptions, coupons, voids and settings as they change an account.

mod automation;
mod changes;
mod histories;
mod redemptions;
mod settings;
mod subscriptions;
mod voids;

use chrono::TimeDelta;

use super::*;
use crate::{
    catalog::{Catalog, PlanTerms, PlanVersion, UsagePricing},
    coupon::Coupon,
    ids::{CouponId, ModelId, PlanId, RecordId, RedemptionId, RequestId, SubscriptionId},
    money::Rate,
    refusal::Refusal,
    subscription::{BillingCycle, NewSubscription, PlanChoice, SubscriptionOrder},
    testing::{day, model_price, money, month, percentage, plan_version, time, uuid},
    usage::{Call, Fingerprint, Outcome, Tokens, Usage, UsageRecord},
};

fn plan(
    number: i32,
    id: &str,
    from: &str,
    quota: i64,
    price: &str,
    extra: &str,
) -> (bool, PlanVersion) {
    let terms = PlanTerms {
        usage_pricing: UsagePricing::Included,
        monthly_quota: quota,
        monthly_price: money(price),
        extra_token_price: extra.parse().unwrap(),
        overage_discount_rate: Rate::ONE,
    };
    let name = id[..1].to_uppercase() + &id[1..];
    let version = PlanVersion {
        effective_from: day(from),
        ..plan_version(number, id, &name, terms)
    };
    (id != "gone", version)
}

/// The guide's plans, one that gets dearer in 2025, and one that is off the offer.
fn catalog() -> Catalog {
    let price = model_price(1, "gpt-4", "0.03/0.06");
    Catalog::new(1, [price]).with_plans([
        plan(1, "basic", "2024-01-01", 100_000, "9.99", "0.00002"),
        plan(2, "pro", "2024-01-01", 1_000_000, "99.99", "0.00015"),
        plan(3, "rising", "2024-01-01", 500, "10", "0.001"),
        plan(4, "rising", "2025-01-15", 700, "30", "0.002"),
        plan(5, "gone", "2024-01-01", 5, "1", "1"),
    ])
}

fn account() -> Account {
    Account::new(AccountState::new(UserId::trusted("user-1".into())))
}

fn new(plan: &str) -> NewSubscription {
    NewSubscription {
        id: SubscriptionId::new(uuid(&format!("sub-{plan}"))),
        plan_id: PlanId::trusted(plan.into()),
        cycle: BillingCycle::Monthly,
        auto_renew: true,
        trial_days: 0,
        start: None,
    }
}

fn order(
    account: &mut Account,
    order: SubscriptionOrder,
    at: DateTime<Utc>,
) -> Result<(), Refusal> {
    account.advance_to(&catalog(), at).unwrap();
    account.order(order, None, &catalog(), at).map(drop)
}

fn subscribe(account: &mut Account, plan: &str, at: DateTime<Utc>) {
    order(account, SubscriptionOrder::Subscribe(new(plan)), at).unwrap();
}

fn choose(plan: &str, cycle: BillingCycle) -> SubscriptionOrder {
    SubscriptionOrder::ChangePlan(PlanChoice {
        plan_id: PlanId::trusted(plan.into()),
        cycle: Some(cycle),
    })
}

fn change_plan(plan: &str) -> SubscriptionOrder {
    SubscriptionOrder::ChangePlan(PlanChoice {
        plan_id: PlanId::trusted(plan.into()),
        cycle: None,
    })
}

/// Month, words and amount of every line.
fn lines(account: &Account) -> Vec<(String, String, String)> {
    let lines = account.pending.lines.iter();
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
    account: &mut Account,
    request: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
    tokens: i64,
) -> UsageRecord {
    let usage = Usage {
        record_id: RecordId::new(uuid(&format!("rec-{request}"))),
        user_id: account.id().clone(),
        call: Call {
            request_id: RequestId::trusted(request.into()),
            model: ModelId::trusted("gpt-4".into()),
            provider: String::new(),
            tokens: Tokens {
                prompt: tokens,
                ..Tokens::default()
            },
            created_at: at,
            fingerprint: Fingerprint([1; 32]),
        },
        received_at: now,
    };
    let recorded = std::collections::HashMap::new();
    let outcomes = account
        .rate_batch(&catalog(), &recorded, [&usage], now)
        .unwrap();
    match outcomes.into_iter().next() {
        Some(Outcome::Recorded(record)) => record,
        other => panic!("not recorded: {other:?}"),
    }
}

fn after(at: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    at + TimeDelta::days(days)
}

/// A fifth off, for a month.
fn coupon(at: DateTime<Utc>) -> Coupon {
    Coupon {
        id: CouponId::new(uuid("cpn-1")),
        code: "SAVE".into(),
        value: percentage("20"),
        max_uses: 0,
        used_count: 0,
        max_usage_per_user: 1,
        min_purchase_amount: Money::ZERO,
        valid_from: at,
        expires_at: None,
        is_active: true,
        description: String::new(),
        created_by: String::new(),
        applicable_plans: Vec::new(),
        duration_months: 1,
        created_at: at,
        updated_at: at,
    }
}
