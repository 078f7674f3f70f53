//! Sends the calls of a sequence to the server and expects what the reference expects.

use billing_proto::v1::{
    AdvanceClockRequest, ApplyCouponRequest, BillingCycle, CalculateCostRequest,
    CancelSubscriptionRequest, ChangePlanRequest, DeactivateCouponRequest, GetSubscriptionRequest,
    ListRedemptionsRequest, RecordUsageBatchRequest, RecordUsageRequest, ResumeSubscriptionRequest,
    SetDiscountRateRequest, Settings, SubscribeRequest, UpdateSettingsRequest,
    ValidateCouponRequest, VoidUsageRequest,
};

use integration_tests::Random;

use super::{
    calendar::{Micros, timestamp},
    compare::{self, Figures, VOID_REASON, accepted, agree},
    money::decimal,
    operation::Operation,
    plans::Price,
    reference::{Call, Reference},
    script,
    setup::number,
    subscriptions::Order,
};
use crate::wire::Wire;

const CALLS: usize = 40;

/// What a sequence calls its user, models and plans.
pub(super) struct Names {
    seed: u64,
    pub(super) user: String,
}

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        let user = format!("model-{seed}");
        Self { seed, user }
    }

    pub(super) fn model(&self, index: usize) -> String {
        format!("model-{}/{index}", self.seed)
    }

    pub(super) fn plan(&self, index: usize) -> String {
        format!("plan-{}-{index}", self.seed)
    }
}

/// One sequence against the server, with what the reference makes of it.
pub(super) struct Driver {
    pub(super) wire: Wire,
    pub(super) names: Names,
    pub(super) reference: Reference,
}

impl Driver {
    /// Runs a sequence that begins at `now`, and answers when it ended.
    pub(super) async fn run(wire: Wire, seed: u64, now: Micros) -> Micros {
        let again = format!(
            "BILLING_MODEL_SEED={seed} BILLING_MODEL_SEQUENCES=1 BILLING_MODEL_CLOCK={}",
            timestamp(now),
        );
        let mut said = vec![again];
        let mut random = Random::new(seed);
        let mut driver = Self::set_up(wire, seed, now, &mut random).await;
        for _ in 0..CALLS {
            let operation = script::next(&driver.reference, &mut random);
            said.push(format!("{} {operation:?}", timestamp(driver.reference.now)));
            let agreed = driver.step(operation).await;
            driver.demand(agreed, &said);
            let agreed = driver.compare_everything().await;
            driver.demand(agreed, &said);
            driver.demand(driver.reference.check_credit(), &said);
        }
        let agreed = driver.reconcile().await;
        driver.demand(agreed, &said);
        driver.reference.now
    }

    fn demand(&self, agreed: Result<(), String>, said: &[String]) {
        if let Err(difference) = agreed {
            let (said, reference) = (said.join("\n"), &self.reference);
            let state = (&reference.subscriptions, &reference.redemptions);
            let state = (state, &reference.lines, &reference.invoices);
            panic!("{difference}\n{said}\n{state:#?}");
        }
    }

    async fn step(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::Advance(to) => self.advance(to.0).await,
            Operation::Record(call, asked) => self.record(&call, asked).await,
            Operation::Batch(calls) => self.batch(&calls).await,
            Operation::Repeat(index) => self.repeat(index).await,
            Operation::Void(index) => self.void(index).await,
            Operation::SetPrice(model, price, from) => {
                self.set_price(model, price, from.map(|from| from.0)).await
            }
            Operation::SetRate(rate, from) => self.set_rate(rate, from.map(|from| from.0)).await,
            Operation::UpdatePlan(terms) => self.update_plan(terms).await,
            Operation::Subscribe(order) => self.subscribe(&order).await,
            Operation::ChangePlan(plan, yearly) => self.change_plan(plan, yearly).await,
            Operation::Cancel { at_period_end } => self.cancel(at_period_end).await,
            Operation::Resume => self.resume().await,
            Operation::Apply(coupon) => self.apply(coupon).await,
            Operation::Deactivate(coupon) => self.deactivate(coupon).await,
            Operation::AlertAt(tokens) => self.alert_at(tokens).await,
            Operation::SetTax { rate, exempt } => self.set_tax(rate, exempt).await,
            Operation::Generate(month) => self.generate(month).await,
            Operation::VoidInvoice(index) => self.void_invoice(index, false).await,
            Operation::WriteOff(index) => self.void_invoice(index, true).await,
            Operation::Pay(index) => self.pay_invoice(index).await,
            Operation::Credit {
                invoice,
                amount,
                request,
            } => self.credit_invoice(invoice, amount, request).await,
            Operation::CloseMonth(month) => self.close_month(month).await,
            Operation::Look => Ok(()),
        }
    }

    pub(super) async fn advance(&mut self, to: Micros) -> Result<(), String> {
        self.reference.advance(to);
        let to = Some(timestamp(to));
        let moved = self
            .wire
            .debug
            .advance_clock(AdvanceClockRequest { to })
            .await;
        accepted(moved).map(|_| ())
    }

    /// The number of the record that comes next is its request id.
    fn request(&self, call: &Call, number: usize) -> RecordUsageRequest {
        let unknown = || "nobody's/model".to_owned();
        RecordUsageRequest {
            user_id: self.names.user.clone(),
            request_id: format!("call-{number}"),
            model: call
                .model
                .map_or_else(unknown, |model| self.names.model(model)),
            prompt_tokens: call.prompt,
            completion_tokens: call.completion,
            created_at: call.created_at.map(timestamp),
            ..RecordUsageRequest::default()
        }
    }

    async fn record(&mut self, call: &Call, asked: bool) -> Result<(), String> {
        let request = self.request(call, self.reference.records.len());
        let mut cost = None;
        if asked && self.reference.rate(call).is_ok() {
            let question = CalculateCostRequest {
                user_id: request.user_id.clone(),
                model: request.model.clone(),
                prompt_tokens: call.prompt,
                completion_tokens: call.completion,
                created_at: request.created_at,
                ..CalculateCostRequest::default()
            };
            cost = Some(accepted(self.wire.usage.calculate_cost(question).await)?);
        }
        let expected = self.reference.record(call);
        let answered = self.wire.usage.record_usage(request).await;
        let Some((index, answered)) = agree(expected, answered)? else {
            return Ok(());
        };
        let got = answered.record.ok_or("no record is answered")?;
        let mut figures = Figures::default();
        let created_at = call.created_at.unwrap_or(self.reference.now);
        figures.add("duplicate", false, answered.duplicate);
        figures.time("created_at", Some(created_at), got.created_at);
        figures.check("the answer")?;
        self.reference.records[index].id.clone_from(&got.id);
        self.compare_record(index, &got)?;
        cost.map_or(Ok(()), |cost| compare::cost(&cost, &got))
    }

    async fn batch(&mut self, calls: &[Call]) -> Result<(), String> {
        let first = self.reference.records.len();
        let numbered = calls.iter().zip(first..);
        let records = numbered
            .map(|(call, number)| self.request(call, number))
            .collect();
        for call in calls {
            self.reference.record(call)?;
        }
        let request = RecordUsageBatchRequest { records };
        let answered = accepted(self.wire.usage.record_usage_batch(request).await)?;
        let mut figures = Figures::default();
        figures.add("recorded", calls.len(), answered.recorded);
        let records = self.reference.records[first..].iter_mut();
        for (record, result) in records.zip(answered.results) {
            record.id = result.record_id;
            figures.amount(
                "final_cost",
                record.final_cost(),
                result.final_cost.as_ref(),
            );
        }
        figures.check("the batch")
    }

    async fn repeat(&mut self, index: usize) -> Result<(), String> {
        let record = &self.reference.records[index];
        if record.corrects.is_some() {
            return Ok(());
        }
        let request = self.request(&record.call, index);
        let answered = accepted(self.wire.usage.record_usage(request).await)?;
        let got = answered.record.ok_or("no record is answered")?;
        let mut figures = Figures::default();
        figures.add("duplicate", true, answered.duplicate);
        figures.add("id", &record.id, &got.id);
        figures.check("the answer")?;
        self.compare_record(index, &got)
    }

    async fn void(&mut self, index: usize) -> Result<(), String> {
        let request = VoidUsageRequest {
            user_id: self.names.user.clone(),
            id: self.reference.records[index].id.clone(),
            reason: VOID_REASON.to_owned(),
        };
        let expected = self.reference.void(index);
        let answered = self.wire.usage.void_usage(request).await;
        let Some((correction, got)) = agree(expected, answered)? else {
            return Ok(());
        };
        self.reference.records[correction].id.clone_from(&got.id);
        self.compare_record(correction, &got)
    }

    async fn set_price(
        &mut self,
        model: usize,
        price: Price,
        from: Option<Micros>,
    ) -> Result<(), String> {
        let request = self.price(model, &price, from);
        let begins = from.unwrap_or(self.reference.now);
        let set = accepted(self.wire.prices.set_model_price(request).await)?;
        let prices = &mut self.reference.models[model];
        if prices.change(begins, price) {
            prices.name(set.id.clone());
        }
        let mut figures = Figures::default();
        figures.add("id", &prices.at(begins).id, &set.id);
        figures.check("the price")
    }

    async fn set_rate(&mut self, rate: i128, from: Option<Micros>) -> Result<(), String> {
        let request = SetDiscountRateRequest {
            user_id: self.names.user.clone(),
            discount_rate: number(rate, 4),
            effective_from: from.map(timestamp),
        };
        let begins = from.unwrap_or(self.reference.now);
        self.reference.rates.set(begins, rate);
        let account = accepted(self.wire.accounts.set_discount_rate(request).await)?;
        let now = decimal(*self.reference.rates.at(self.reference.now), 4);
        let mut figures = Figures::default();
        figures.add(
            "discount_rate",
            now,
            account.discount_rate.unwrap_or_default().value,
        );
        figures.check("the account")
    }

    async fn subscribe(&mut self, order: &Order) -> Result<(), String> {
        let cycle = if order.yearly {
            BillingCycle::Yearly
        } else {
            BillingCycle::Monthly
        };
        let request = SubscribeRequest {
            user_id: self.names.user.clone(),
            plan_id: self.names.plan(order.plan),
            billing_cycle: cycle.into(),
            auto_renew: Some(order.auto_renew),
            trial_days: i32::try_from(order.trial_days).expect("few days"),
            start_time: order.start.map(timestamp),
        };
        let expected = self.reference.subscribe(order);
        let answered = self.wire.subscriptions.subscribe(request).await;
        let Some(((), got)) = agree(expected, answered)? else {
            return Ok(());
        };
        let new = self.reference.subscriptions.last_mut();
        new.expect("it was made just now").id.clone_from(&got.id);
        self.compare_subscription(&got)
    }

    async fn change_plan(&mut self, plan: usize, yearly: Option<bool>) -> Result<(), String> {
        let request = ChangePlanRequest {
            user_id: self.names.user.clone(),
            plan_id: self.names.plan(plan),
            billing_cycle: yearly.map_or(0, |yearly| 1 + i32::from(yearly)),
        };
        let expected = self.reference.change_plan(plan, yearly);
        let answered = self.wire.subscriptions.change_plan(request).await;
        let both = agree(expected, answered)?;
        both.map_or(Ok(()), |((), got)| self.compare_subscription(&got))
    }

    async fn cancel(&mut self, at_period_end: bool) -> Result<(), String> {
        let request = CancelSubscriptionRequest {
            user_id: self.names.user.clone(),
            at_period_end,
        };
        let expected = self.reference.cancel(at_period_end);
        let answered = self.wire.subscriptions.cancel_subscription(request).await;
        let Some(((), got)) = agree(expected, answered)? else {
            return Ok(());
        };
        self.compare_subscription(&got)
    }

    async fn resume(&mut self) -> Result<(), String> {
        let user_id = self.names.user.clone();
        let request = ResumeSubscriptionRequest { user_id };
        let expected = self.reference.resume();
        let answered = self.wire.subscriptions.resume_subscription(request).await;
        let both = agree(expected, answered)?;
        both.map_or(Ok(()), |((), got)| self.compare_subscription(&got))
    }

    /// Asks first what the coupon would take, redeems it, and reads what it took.
    async fn apply(&mut self, coupon: usize) -> Result<(), String> {
        let user_id = self.names.user.clone();
        let coupon_code = self.reference.coupons[coupon].code.clone();
        let could = ValidateCouponRequest {
            coupon_code: coupon_code.to_lowercase(),
            user_id: user_id.clone(),
        };
        let request = ApplyCouponRequest {
            coupon_code,
            user_id: user_id.clone(),
            request_id: String::new(),
        };
        let expected = self.reference.apply(coupon);
        let could = self.wire.coupons.validate_coupon(could).await;
        let could = agree(expected, could).map_err(|error| format!("asked first: {error}"))?;
        let answered = self.wire.coupons.apply_coupon(request).await;
        let Some((at_once, _)) = agree(expected, answered)? else {
            return Ok(());
        };
        let redeemed = ListRedemptionsRequest {
            user_id,
            page_size: 1,
            page_token: String::new(),
        };
        let redeemed = accepted(self.wire.coupons.list_redemptions(redeemed).await)?;
        let newest = redeemed
            .redemptions
            .first()
            .ok_or("no redemption is listed")?;
        let mut figures = Figures::default();
        let could = could.and_then(|(_, could)| could.taken_at_apply);
        figures.add(
            "coupon_id",
            &self.reference.coupons[coupon].id,
            &newest.coupon_id,
        );
        figures.amount("taken_at_apply, asked first", at_once, could.as_ref());
        figures.amount("taken_at_apply", at_once, newest.taken_at_apply.as_ref());
        figures.check("the redemption")
    }

    async fn deactivate(&mut self, coupon: usize) -> Result<(), String> {
        self.reference.coupons[coupon].active = false;
        let id = self.reference.coupons[coupon].id.clone();
        let answered = self
            .wire
            .coupons
            .deactivate_coupon(DeactivateCouponRequest { id });
        accepted(answered.await).map(|_| ())
    }

    async fn alert_at(&mut self, tokens: i64) -> Result<(), String> {
        self.reference.alert_threshold = tokens;
        let settings = Settings {
            alert_threshold: Some(tokens),
            ..Settings::default()
        };
        let request = UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: None,
            user_id: self.names.user.clone(),
        };
        accepted(self.wire.settings.update_settings(request).await).map(|_| ())
    }

    pub(super) async fn live(&mut self) -> Result<(), String> {
        let user_id = self.names.user.clone();
        let expected = self
            .reference
            .live()
            .map(|_| ())
            .ok_or("SUBSCRIPTION_NOT_FOUND");
        let request = GetSubscriptionRequest { user_id };
        let answered = self.wire.subscriptions.get_subscription(request).await;
        let both = agree(expected, answered)?;
        both.map_or(Ok(()), |((), got)| self.compare_subscription(&got))
    }
}
