//! What months are invoiced at, and what becomes of invoices.

mod bills;
mod lifecycle;
mod moves;

use chrono::{DateTime, Utc};

use super::*;
use crate::{
    account::Account,
    coupon::{CouponValue, Redemption},
    ids::{CouponId, ModelId, PlanId, RedemptionId, SubscriptionId},
    money::Rate,
    plan::{PlanTerms, PlanVersion, UsagePricing},
    pricing::Catalog,
    terms::Terms,
    usage::Tokens,
    user::{InvoiceLine, LineKind, User},
};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn day(date: &str) -> DateTime<Utc> {
    format!("{date}T00:00:00Z").parse().unwrap()
}

const NOVEMBER: &str = "2024-11";
/// What gpt-4 and gpt-3.5-turbo cost in the contract's examples.
const GPT_4: &str = "0.03/0.06";
const GPT_3_5: &str = "0.0015/0.002";

fn catalog() -> Catalog {
    let version = |id: &str, name: &str| PlanVersion {
        plan_id: PlanId::trusted(id.into()),
        effective_from: day("2024-01-01"),
        name: name.to_owned(),
        terms: PlanTerms {
            usage_pricing: UsagePricing::Included,
            monthly_quota: 0,
            monthly_price: Money::ZERO,
            extra_token_price: "0".parse().unwrap(),
            overage_discount_rate: Rate::ONE,
        },
    };
    let plans = [("plan-basic", "Basic"), ("plan-pro", "Pro")];
    Catalog::new(1, []).with_plans(plans.map(|(id, name)| (true, version(id, name))))
}

/// Usage of November, what it costs by its terms, at a rate.
fn usage(model: &str, terms: &str, tokens: [i64; 2], at_rate: &str) -> UsageSum {
    let tokens = Tokens {
        prompt: tokens[0],
        completion: tokens[1],
        ..Tokens::default()
    };
    let terms: Terms = terms.parse().unwrap();
    let Terms::Priced { prices, window } = &terms else {
        panic!("{terms} are no prices");
    };
    let cost_usd = prices.cost(&tokens).unwrap();
    let owed = cost_usd.at_rate(rate(at_rate)).unwrap();
    let covered = if window.is_some() { owed } else { Money::ZERO };
    UsageSum {
        model: ModelId::trusted(model.into()),
        billing_month: month(NOVEMBER),
        cost_usd,
        covered_amount: covered,
        final_cost: owed.minus(covered).unwrap(),
        tokens,
        terms,
        overage_tokens: 0,
        overage_cost: Money::ZERO,
        discount_amount: Money::ZERO,
    }
}

fn with_overage(mut sum: UsageSum, tokens: i64, cost: &str) -> UsageSum {
    sum.overage_tokens = tokens;
    sum.overage_cost = money(cost);
    sum.final_cost = sum.final_cost.plus(money(cost)).unwrap();
    sum
}

/// A record of an invoiced month that is taken back.
fn reversal(model: &str, tokens: i64, final_cost: &str) -> UsageSum {
    UsageSum {
        model: ModelId::trusted(model.into()),
        billing_month: month("2024-10"),
        terms: Terms::Reversal,
        tokens: Tokens {
            prompt: tokens,
            ..Tokens::default()
        },
        overage_tokens: 0,
        cost_usd: money(final_cost),
        covered_amount: Money::ZERO,
        overage_cost: Money::ZERO,
        discount_amount: Money::ZERO,
        final_cost: money(final_cost),
    }
}

fn line(sequence: i64, kind: LineKind, description: &str, amount: &str) -> InvoiceLine {
    InvoiceLine {
        sequence,
        month: month(NOVEMBER),
        kind,
        description: description.to_owned(),
        amount: money(amount),
        subscription_id: SubscriptionId::trusted("sub-1".into()),
    }
}

fn percentage(percent: &str) -> CouponValue {
    CouponValue::Percentage(rate(percent))
}

fn fixed(value: &str) -> CouponValue {
    CouponValue::Fixed(money(value))
}

/// Users who redeemed coupons for good in November.
fn user(coupons: impl IntoIterator<Item = CouponValue>) -> User {
    let mut user = User::new(Account::new(UserId::trusted("alice".into())));
    let numbered = coupons.into_iter().enumerate();
    user.redemptions = numbered
        .map(|(number, value)| Redemption {
            id: RedemptionId::trusted(format!("red-{number}")),
            coupon_id: CouponId::trusted(format!("coupon-{number}")),
            code: format!("CODE{number}"),
            value,
            duration_months: 0,
            month: month(NOVEMBER),
            saved: Money::ZERO,
            open: std::collections::BTreeMap::new(),
            taken_at_apply: Money::ZERO,
            request_id: None,
            created_at: day("2024-11-15"),
            changed: false,
        })
        .collect();
    user
}

fn charges(
    usage: impl IntoIterator<Item = UsageSum>,
    lines: impl IntoIterator<Item = InvoiceLine>,
) -> Charges {
    Charges {
        usage: usage.into_iter().collect(),
        lines: lines.into_iter().collect(),
    }
}

fn bill(user: &User, charges: &Charges, tax: &str) -> Bill {
    let bill = user.bill(month(NOVEMBER), charges, &catalog(), rate(tax));
    bill.unwrap().unwrap()
}

/// Description, quantity, unit price and amount of each item.
fn shown(bill: &Bill) -> Vec<(String, i64, String, String)> {
    let items = bill.items.iter();
    items
        .map(|item| {
            let (price, amount) = (item.unit_price.to_string(), item.amount.digits(2));
            (item.description.clone(), item.quantity, price, amount)
        })
        .collect()
}

/// Amount, discount, tax and total.
fn totals(bill: &Bill) -> [String; 4] {
    [
        bill.amount,
        bill.discount_amount,
        bill.tax_amount,
        bill.final_amount,
    ]
    .map(|amount| amount.digits(2))
}

fn item(
    description: &str,
    quantity: i64,
    price: &str,
    amount: &str,
) -> (String, i64, String, String) {
    (
        description.to_owned(),
        quantity,
        price.to_owned(),
        amount.to_owned(),
    )
}
