//! What the tests of several modules share.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    catalog::{Catalog, ModelPrice, PlanTerms, PlanVersion, TokenPrices, UsagePricing},
    coupon::{CouponValue, Redemption},
    ids::{
        CouponId, InvoiceId, ModelId, PlanId, PlanVersionId, PriceId, RedemptionId, SubscriptionId,
    },
    invoice::{Charges, Corrected, Correction, InvoiceLine, LineKind, UsageSum},
    money::{CENTS, Money, Price, Rate},
    month::Month,
    quota_window::Span,
    usage::{Sums, Tokens, WindowRef},
};

/// The month that most tests play in.
pub(crate) const NOVEMBER: &str = "2024-11";
/// What gpt-4 and gpt-3.5-turbo cost in the contract's examples.
pub(crate) const GPT_4: &str = "0.03/0.06";
pub(crate) const GPT_3_5: &str = "0.0015/0.002";

/// Prices by model.
const PRICES: [(&str, &str); 14] = [
    ("gpt-4", GPT_4),
    ("gpt-3.5-turbo", GPT_3_5),
    ("a", GPT_4),
    ("a", GPT_3_5),
    ("b", GPT_3_5),
    ("c", "0.0000123/0.00077"),
    ("m", "0.03/0.06/0.003/0.0375/0.06"),
    ("m", "0.02/0.06"),
    ("m", "0.0049/0"),
    ("m", "0.0075/0"),
    ("m", "1/0"),
    ("gpt-4", "0.03/0.09"),
    // The same prices, set again.
    ("gpt-4", GPT_4),
    ("free", "0/0"),
];

/// Versions of Pro, by what 1,000 tokens beyond its quota cost.
const OVERAGE_PRICES: [&str; 4] = ["0.135", "0.14", "0.2", "0.1"];
/// A version of a plan that covers no prices.
pub(crate) const METERED: PlanVersionId = PlanVersionId::new(9);

/// An id with a name, in the order of the names' bytes.
pub(crate) fn uuid(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

pub(crate) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The first moment of a date.
pub(crate) fn day(date: &str) -> DateTime<Utc> {
    time(&format!("{date}T00:00:00Z"))
}

pub(crate) fn token_prices(text: &str) -> TokenPrices {
    let prices: Vec<Price> = text
        .split('/')
        .map(|price| price.parse().unwrap())
        .collect();
    TokenPrices {
        prompt: prices[0],
        completion: prices[1],
        cached_prompt: prices.get(2).copied(),
        cache_write: prices.get(3).copied(),
        reasoning: prices.get(4).copied(),
    }
}

pub(crate) fn model_price(id: i32, model: &str, prices: &str) -> ModelPrice {
    ModelPrice {
        id: PriceId::new(id),
        model_id: ModelId::parse(model).unwrap(),
        provider: "openai".into(),
        prices: token_prices(prices),
        effective_from: DateTime::UNIX_EPOCH,
        created_at: DateTime::UNIX_EPOCH,
        created_by: "operator".into(),
    }
}

pub(crate) fn plan_version(id: i32, plan: &str, name: &str, terms: PlanTerms) -> PlanVersion {
    PlanVersion {
        id: PlanVersionId::new(id),
        plan_id: PlanId::parse(plan).unwrap(),
        name: name.to_owned(),
        terms,
        effective_from: day("2024-01-01"),
        created_at: day("2024-01-01"),
    }
}

/// What a version of Pro asks for; `overage` is the price of 1,000 tokens beyond the quota.
fn pro(usage_pricing: UsagePricing, overage: &str) -> PlanTerms {
    let per_token = money(overage).divided(1_000, 12).unwrap();
    PlanTerms {
        usage_pricing,
        monthly_quota: 0,
        monthly_price: Money::ZERO,
        extra_token_price: per_token.to_string().parse().unwrap(),
        overage_discount_rate: Rate::ONE,
    }
}

/// What the charges of these tests name: prices, and versions of Pro.
pub(crate) fn billed_catalog() -> Catalog {
    let prices = PRICES.iter().zip(1..);
    let prices = prices.map(|(&(model, prices), id)| model_price(id, model, prices));
    let versions = OVERAGE_PRICES.iter().zip(1..).map(|(price, id)| {
        let terms = pro(UsagePricing::Included, price);
        (true, plan_version(id, "plan-pro", "Pro", terms))
    });
    let terms = pro(UsagePricing::Metered, "0.135");
    let metered = plan_version(METERED.number(), "plan-metered", "Metered", terms);
    Catalog::new(1, prices).with_plans(versions.chain([(true, metered)]))
}

/// Usage of November by a model's prices, of which the user pays a rate.
pub(crate) fn usage(model: &str, prices: &str, tokens: [i64; 2], at_rate: &str) -> UsageSum {
    let mut rows = PRICES.iter().zip(1..);
    let (_, id) = rows.find(|(row, _)| **row == (model, prices)).unwrap();
    let tokens = Tokens {
        prompt: tokens[0],
        completion: tokens[1],
        ..Tokens::default()
    };
    let cost_usd = token_prices(prices).cost(&tokens).unwrap();
    UsageSum {
        price_id: PriceId::new(id),
        window: None,
        billing_month: month(NOVEMBER),
        is_reversal: false,
        sums: Sums {
            records: 1,
            tokens,
            cost_usd,
            final_cost: cost_usd.at_rate(rate(at_rate)).unwrap(),
            ..Sums::default()
        },
    }
}

/// The same usage in a window of Pro, of which 1,000 tokens beyond the quota cost `overage`.
pub(crate) fn covered(mut usage: UsageSum, overage: &str, from: &str) -> UsageSum {
    let mut versions = OVERAGE_PRICES.iter().zip(1..);
    let (_, id) = versions.find(|(price, _)| **price == overage).unwrap();
    usage.window = Some(WindowRef {
        plan_version_id: PlanVersionId::new(id),
        start: day(from),
    });
    usage.sums.covered_amount = usage.sums.final_cost;
    usage.sums.final_cost = Money::ZERO;
    usage
}

pub(crate) fn with_overage(mut usage: UsageSum, tokens: i64, cost: &str) -> UsageSum {
    let sums = &mut usage.sums;
    sums.overage_tokens = tokens;
    sums.overage_cost = money(cost);
    sums.final_cost = sums.final_cost.plus(money(cost)).unwrap();
    usage
}

/// What an invoice of October, at a rate of tax, gives back.
pub(crate) fn correction(tokens: i64, amount: &str, tax_rate: &str) -> Correction {
    let (amount, tax_rate) = (money(amount), rate(tax_rate));
    Correction {
        sequence: 1,
        month: month("2024-11"),
        invoice_id: InvoiceId::new(uuid("october")),
        of: Corrected::Usage {
            month: month("2024-10"),
            model: ModelId::trusted("gpt-4".into()),
            tokens,
        },
        amount,
        tax_rate,
        tax_amount: amount.at_rate(tax_rate).unwrap().rounded(CENTS).unwrap(),
    }
}

pub(crate) fn line(sequence: i64, kind: LineKind, description: &str, amount: &str) -> InvoiceLine {
    InvoiceLine {
        sequence,
        month: month(NOVEMBER),
        kind,
        description: description.to_owned(),
        amount: money(amount),
        period: Span {
            start: time("2024-11-01T00:00:00Z"),
            end: time("2024-12-01T00:00:00Z"),
        },
        subscription_id: SubscriptionId::new(uuid("sub-1")),
    }
}

pub(crate) fn charges(
    usage: impl IntoIterator<Item = UsageSum>,
    lines: impl IntoIterator<Item = InvoiceLine>,
) -> Charges {
    Charges {
        usage: usage.into_iter().collect(),
        lines: lines.into_iter().collect(),
        corrections: Vec::new(),
    }
}

pub(crate) fn percentage(percent: &str) -> CouponValue {
    CouponValue::Percentage(rate(percent))
}

pub(crate) fn fixed(value: &str) -> CouponValue {
    CouponValue::Fixed(money(value))
}

/// Coupons that were redeemed for good in November.
pub(crate) fn redeemed(coupons: impl IntoIterator<Item = CouponValue>) -> Vec<Redemption> {
    let numbered = coupons.into_iter().enumerate();
    numbered
        .map(|(number, value)| Redemption {
            id: RedemptionId::new(uuid(&format!("red-{number}"))),
            coupon_id: CouponId::new(uuid(&format!("coupon-{number}"))),
            code: format!("CODE{number}"),
            value,
            duration_months: 0,
            month: month(NOVEMBER),
            saved: Money::ZERO,
            open: BTreeMap::new(),
            taken_at_apply: Money::ZERO,
            request_id: None,
            created_at: day("2024-11-15"),
        })
        .collect()
}
