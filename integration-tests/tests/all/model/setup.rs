//! Makes models, plans and coupons on the server as the reference has them.

use billing_proto::{
    google::r#type::Decimal,
    v1::{
        Amount, CouponType, CreateCouponRequest, CreatePlanRequest, SetModelPriceRequest,
        UpdatePlanRequest, UsagePricing,
    },
};

use integration_tests::Random;

use super::{
    calendar::{DAY, HOUR, Micros, month_of, month_start, timestamp},
    choices,
    compare::accepted,
    coupons::{Coupon, Value},
    driver::{Driver, Names},
    money::{USD, amount, decimal},
    plans::{Price, Terms},
    reference::Reference,
};
use crate::wire::Wire;

/// A number in units of its last possible decimal.
pub(super) fn number(value: i128, decimals: usize) -> Option<Decimal> {
    let value = decimal(value, decimals);
    Some(Decimal { value })
}

pub(super) fn money(value: i128) -> Option<Amount> {
    let value = amount(value);
    Some(Amount { value })
}

fn pricing(terms: &Terms) -> UsagePricing {
    if terms.metered {
        UsagePricing::Metered
    } else {
        UsagePricing::Included
    }
}

impl Driver {
    /// Begins a while after `now`, often at the end of a month, where anchors are hard to keep.
    pub(super) async fn set_up(wire: Wire, seed: u64, now: Micros, random: &mut Random) -> Self {
        let begin = if random.percent(50) {
            month_start(month_of(now) + 1) + DAY * random.range(28, 30)
        } else {
            now + random.range(1, 20 * DAY)
        };
        let reference = Reference::new(now, choices::models(random), choices::plans(random));
        let names = Names::new(seed);
        let mut driver = Self {
            wire,
            names,
            reference,
        };
        let made = driver
            .make(begin + random.range(0, 20 * HOUR), seed, random)
            .await;
        made.unwrap_or_else(|error| panic!("seed {seed} cannot be set up: {error}"));
        driver
    }

    async fn make(&mut self, begin: Micros, seed: u64, random: &mut Random) -> Result<(), String> {
        self.reference.began = begin;
        self.advance(begin).await?;
        // From now on there is an account.
        self.set_tax(choices::tax_rate(random), random.percent(20))
            .await?;
        for model in 0..self.reference.models.len() {
            let price = self.reference.models[model].at(begin).clone();
            let request = self.price(model, &price, None);
            let set = accepted(self.wire.prices.set_model_price(request).await)?;
            self.reference.models[model].name(set.id);
        }
        for plan in 0..self.reference.plans.len() {
            let request = self.plan(self.reference.plans[plan].at(begin));
            accepted(self.wire.plans.create_plan(request).await)?;
        }
        for mut coupon in choices::coupons(random, seed, begin) {
            let request = self.coupon(&coupon);
            let made = self.wire.coupons.create_coupon(request).await;
            coupon.id = accepted(made)?.id;
            self.reference.coupons.push(coupon);
        }
        Ok(())
    }

    pub(super) fn price(
        &self,
        model: usize,
        price: &Price,
        from: Option<Micros>,
    ) -> SetModelPriceRequest {
        SetModelPriceRequest {
            model_id: self.names.model(model),
            prompt_price_per_k: number(price.prompt, 12),
            completion_price_per_k: number(price.completion, 12),
            effective_from: from.map(timestamp),
            ..SetModelPriceRequest::default()
        }
    }

    fn plan(&self, terms: &Terms) -> CreatePlanRequest {
        CreatePlanRequest {
            id: self.names.plan(terms.plan),
            name: format!("Plan {}", terms.plan),
            monthly_quota: terms.monthly_quota,
            monthly_price: money(terms.monthly_price),
            extra_token_price: number(terms.extra_price, 12),
            overage_discount_rate: number(terms.overage_rate, 4),
            usage_pricing: pricing(terms).into(),
            ..CreatePlanRequest::default()
        }
    }

    pub(super) async fn update_plan(&mut self, terms: Terms) -> Result<(), String> {
        let request = UpdatePlanRequest {
            id: self.names.plan(terms.plan),
            monthly_quota: Some(terms.monthly_quota),
            monthly_price: money(terms.monthly_price),
            extra_token_price: number(terms.extra_price, 12),
            overage_discount_rate: number(terms.overage_rate, 4),
            usage_pricing: Some(pricing(&terms).into()),
            ..UpdatePlanRequest::default()
        };
        let now = self.reference.now;
        self.reference.plans[terms.plan].change(now, terms);
        accepted(self.wire.plans.update_plan(request).await).map(|_| ())
    }

    fn coupon(&self, coupon: &Coupon) -> CreateCouponRequest {
        let (kind, value, months) = match coupon.value {
            Value::Percentage { value, months } => (
                CouponType::Percentage,
                number(value, 4),
                Some(i32::try_from(months).expect("few months")),
            ),
            Value::Fixed(value) => (CouponType::Fixed, number(value / (USD / 100), 2), None),
        };
        let plans = coupon.plans.iter().map(|plan| self.names.plan(*plan));
        CreateCouponRequest {
            code: coupon.code.clone(),
            r#type: kind.into(),
            value,
            max_uses: coupon.max_uses,
            max_usage_per_user: i32::try_from(coupon.max_usage_per_user).expect("few uses"),
            min_purchase_amount: money(coupon.minimum),
            valid_from: Some(timestamp(coupon.valid_from)),
            expires_at: coupon.expires_at.map(timestamp),
            description: String::new(),
            applicable_plans: plans.collect(),
            duration_months: months,
        }
    }
}
