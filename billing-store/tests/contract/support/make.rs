//! Short ways to make what stores are given.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use billing_core::{
    account::Tax,
    catalog::{PlanChange, PriceChange, TokenPrices},
    coupon::{Coupon, CouponValue, RedeemOrder},
    ids::{
        CouponId, InvoiceId, ModelId, PaymentMethodId, PlanId, RecordId, RedemptionId, RequestId,
        SubscriptionId, UserId,
    },
    money::Money,
    month::Month,
    payment::{PaymentMethod, Provider},
    subscription::{BillingCycle, NewSubscription, PlanChoice, SubscriptionOrder},
    usage::{Call, Fingerprint, Outcome, Tokens, Usage, UsageRecord},
};
use billing_store::NewInvoiceId;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::NOON;

pub(crate) const MODEL: &str = "gpt-4";

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn plan(id: &str) -> PlanId {
    PlanId::parse(id).unwrap()
}

/// A card that a user has saved at the provider.
pub(crate) fn card(user_id: &str, reference: &str) -> PaymentMethod {
    PaymentMethod {
        id: PaymentMethodId::new(unique()),
        user_id: user(user_id),
        provider: Provider::Stripe,
        is_live: false,
        customer_id: "cus_1".into(),
        reference: reference.into(),
        brand: "visa".into(),
        last4: "4242".into(),
        expiry: Some((8, 2030)),
        is_default: false,
        topup_consent: None,
        collect_consent: None,
        created_at: time(NOON),
    }
}

pub(crate) fn request(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

/// A tax that is owed.
pub(crate) fn taxed(rate: &str) -> Tax {
    Tax {
        rate: rate.parse().unwrap(),
        exemption: None,
    }
}

/// A value that no other call answers, greater than those before.
pub(crate) fn unique() -> Uuid {
    static VALUES: AtomicU64 = AtomicU64::new(1);
    // Far apart, for an id may be followed by the next one.
    Uuid::from_u128(u128::from(VALUES.fetch_add(1, Ordering::Relaxed)) << 32)
}

pub(crate) fn new_invoice_ids() -> NewInvoiceId {
    Arc::new(|| InvoiceId::new(unique()))
}

pub(crate) fn price(model: &str, prompt: &str, completion: &str) -> PriceChange {
    PriceChange {
        model_id: ModelId::parse(model).unwrap(),
        provider: "openai".to_owned(),
        prices: TokenPrices {
            prompt: prompt.parse().unwrap(),
            completion: completion.parse().unwrap(),
            cached_prompt: None,
            cache_write: None,
            reasoning: None,
        },
        effective_from: None,
        allow_backdate: false,
        created_by: "operator".to_owned(),
    }
}

/// A call of [`MODEL`] at noon whose content is its counts.
pub(crate) fn usage(user_id: &str, request_id: &str, prompt: i64, completion: i64) -> Usage {
    let mut fingerprint = [0; 32];
    fingerprint[..8].copy_from_slice(&prompt.to_be_bytes());
    fingerprint[8..16].copy_from_slice(&completion.to_be_bytes());
    Usage {
        record_id: RecordId::new(unique()),
        user_id: user(user_id),
        call: Call {
            request_id: request(request_id),
            model: ModelId::parse(MODEL).unwrap(),
            provider: String::new(),
            tokens: Tokens {
                prompt,
                completion,
                ..Tokens::default()
            },
            created_at: time(NOON),
            fingerprint: Fingerprint(fingerprint),
        },
        received_at: time(NOON),
    }
}

pub(crate) fn of_model(mut usage: Usage, model: &str) -> Usage {
    usage.call.model = ModelId::parse(model).unwrap();
    usage
}

pub(crate) fn made_at(mut usage: Usage, created_at: &str) -> Usage {
    usage.call.created_at = time(created_at);
    usage
}

/// A call that reached the server at a time, whenever it was made.
pub(crate) fn received(mut usage: Usage, at: &str) -> Usage {
    usage.received_at = time(at);
    usage
}

pub(crate) fn batch(usages: impl IntoIterator<Item = Usage>) -> Vec<Arc<Usage>> {
    usages.into_iter().map(Arc::new).collect()
}

pub(crate) fn recorded(outcome: &Outcome) -> &UsageRecord {
    match outcome {
        Outcome::Recorded(record) => record,
        other => panic!("not recorded: {other:?}"),
    }
}

pub(crate) fn change_plan(plan_id: &str) -> SubscriptionOrder {
    SubscriptionOrder::ChangePlan(PlanChoice {
        plan_id: plan(plan_id),
        cycle: None,
    })
}

pub(crate) fn subscribe_to(plan_id: &str) -> SubscriptionOrder {
    SubscriptionOrder::Subscribe(NewSubscription {
        id: SubscriptionId::new(unique()),
        plan_id: plan(plan_id),
        cycle: BillingCycle::Monthly,
        auto_renew: true,
        trial_days: 0,
        start: None,
    })
}

/// A coupon that everybody may redeem once, from long ago on and for good.
pub(crate) fn coupon(code: &str, value: CouponValue) -> Coupon {
    Coupon {
        id: CouponId::new(unique()),
        code: code.to_owned(),
        value,
        max_uses: 0,
        used_count: 0,
        max_usage_per_user: 1,
        min_purchase_amount: Money::ZERO,
        valid_from: time("2020-01-01T00:00:00Z"),
        expires_at: None,
        is_active: true,
        description: String::new(),
        created_by: "operator".to_owned(),
        applicable_plans: Vec::new(),
        duration_months: 0,
        created_at: time(NOON),
        updated_at: time(NOON),
    }
}

pub(crate) fn redeem(user_id: &str, code: &str) -> RedeemOrder {
    RedeemOrder {
        user_id: user(user_id),
        code: code.to_owned(),
        redemption_id: RedemptionId::new(unique()),
        request_id: None,
    }
}

/// A plan with a quota, and the name "Plan".
pub(crate) fn plan_with_quota(tokens: i64) -> PlanChange {
    PlanChange {
        name: Some("Plan".to_owned()),
        monthly_quota: Some(tokens),
        ..PlanChange::default()
    }
}

/// `{"2026-11": "1.5"}` for comparisons.
pub(crate) fn texts<K: ToString, V: ToString>(map: &BTreeMap<K, V>) -> BTreeMap<String, String> {
    let pairs = map.iter();
    pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}
