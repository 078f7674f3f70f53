//! Expected and answered figures side by side.

use std::fmt::Display;

use billing_proto::{
    google::r#type::Decimal,
    v1::{Amount, CalculateCostResponse, SubscriptionStatus, UsageRecord, UsageStatus},
};
use prost_types::Timestamp;
use tonic::{Response, Status};

use super::{
    calendar::{micros, month_name, timestamp},
    driver::Names,
    money::{amount, decimal},
    reference::{Record, Reference, Refusal},
    subscriptions::Subscription,
};
use crate::support::refusal;

pub(super) const VOID_REASON: &str = "sent by mistake";

/// Pairs that must be equal, each with the name of the figure.
#[derive(Default)]
pub(super) struct Figures(Vec<(String, String, String)>);

impl Figures {
    pub(super) fn add(&mut self, name: &str, expected: impl Display, got: impl Display) {
        self.0
            .push((name.to_owned(), expected.to_string(), got.to_string()));
    }

    pub(super) fn amount(&mut self, name: &str, expected: i128, got: Option<&Amount>) {
        self.add(
            name,
            amount(expected),
            got.map_or("unset", |got| &got.value),
        );
    }

    pub(super) fn time(&mut self, name: &str, expected: Option<i64>, got: Option<Timestamp>) {
        let text =
            |time: Option<i64>| time.map_or("unset".to_owned(), |t| timestamp(t).to_string());
        self.add(name, text(expected), text(got.map(micros)));
    }

    /// Which figures of `what` differ.
    pub(super) fn check(self, what: &str) -> Result<(), String> {
        let different = self
            .0
            .into_iter()
            .filter(|(_, expected, got)| expected != got);
        let lines: Vec<_> = different
            .map(|(name, expected, got)| format!("{name}: expected {expected}, got {got}"))
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        Err(format!("{what} differs: {}", lines.join("; ")))
    }
}

/// Both answers when both sides accept, none when both refuse for the same reason.
pub(super) fn agree<E, A>(
    expected: Result<E, Refusal>,
    answered: Result<Response<A>, Status>,
) -> Result<Option<(E, A)>, String> {
    match (expected, answered) {
        (Ok(expected), Ok(answered)) => Ok(Some((expected, answered.into_inner()))),
        (Ok(_), Err(status)) => Err(format!("is to be accepted, but: {status:?}")),
        (Err(reason), Ok(_)) => Err(format!("is to be refused with {reason:?}")),
        (Err(reason), Err(status)) => {
            let (_, got, _) = refusal(&status);
            if reason.is_empty() || got == reason {
                return Ok(None);
            }
            Err(format!("is to be refused with {reason}, not: {status:?}"))
        }
    }
}

/// What must be accepted.
pub(super) fn accepted<A>(answered: Result<Response<A>, Status>) -> Result<A, String> {
    agree(Ok(()), answered).map(|both| both.expect("both sides accept").1)
}

fn rate(got: Option<&Decimal>) -> String {
    got.map_or("unset".to_owned(), |rate| rate.value.clone())
}

/// Compares what a record costs.
fn charge(figures: &mut Figures, expected: &Record, got: &UsageRecord) {
    figures.amount("cost_usd", expected.cost, got.cost_usd.as_ref());
    figures.add(
        "discount_rate",
        decimal(expected.rate, 4),
        rate(got.discount_rate.as_ref()),
    );
    figures.amount(
        "covered_amount",
        expected.covered,
        got.covered_amount.as_ref(),
    );
    figures.add(
        "overage_tokens",
        expected.overage_tokens,
        got.overage_tokens,
    );
    figures.amount(
        "overage_cost",
        expected.overage_cost,
        got.overage_cost.as_ref(),
    );
    figures.amount(
        "discount_amount",
        expected.discount,
        got.discount_amount.as_ref(),
    );
    figures.amount("final_cost", expected.final_cost(), got.final_cost.as_ref());
}

/// Compares every part of a record.
pub(super) fn record(
    reference: &Reference,
    names: &Names,
    expected: &Record,
    got: &UsageRecord,
) -> Result<(), String> {
    let mut figures = Figures::default();
    let status = match (expected.voided, expected.corrects) {
        (true, _) => UsageStatus::Voided,
        (false, Some(_)) => UsageStatus::Correction,
        (false, None) => UsageStatus::Completed,
    };
    let window = expected.window;
    let subscription = window.map_or("", |(index, _)| &reference.subscriptions[index].id);
    let model = expected.call.model.map(|model| names.model(model));
    figures.add("user_id", &names.user, &got.user_id);
    figures.add("subscription_id", subscription, &got.subscription_id);
    let plan = expected.plan.map(|(plan, _)| names.plan(plan));
    figures.add("plan_id", plan.unwrap_or_default(), &got.plan_id);
    figures.add("model", model.unwrap_or_default(), &got.model);
    figures.add("price_id", &expected.price.id, &got.price_id);
    figures.add("prompt_tokens", expected.call.prompt, got.prompt_tokens);
    figures.add(
        "completion_tokens",
        expected.call.completion,
        got.completion_tokens,
    );
    figures.add("total_tokens", expected.tokens(), got.total_tokens);
    charge(&mut figures, expected, got);
    figures.add("status", status.as_str_name(), got.status().as_str_name());
    figures.add(
        "billing_month",
        month_name(expected.month),
        &got.billing_month,
    );
    figures.add(
        "invoice_month",
        month_name(expected.invoice_month),
        &got.invoice_month,
    );
    let corrects = expected.corrects.map(|index| &reference.records[index].id);
    figures.add(
        "corrects_id",
        corrects.map_or("", |id| id),
        &got.corrects_id,
    );
    let reason = if expected.voided { VOID_REASON } else { "" };
    figures.add("void_reason", reason, &got.void_reason);
    // The contract does not say when a correction is made, nor which coupon it names.
    if expected.corrects.is_none() {
        let coupon = expected.coupon.map(|index| &reference.coupons[index].id);
        figures.add("coupon_id", coupon.map_or("", |id| id), &got.coupon_id);
    }
    figures.check("the record")
}

/// A cost that was asked for is the one that is charged.
pub(super) fn cost(asked: &CalculateCostResponse, charged: &UsageRecord) -> Result<(), String> {
    let parts = |record: &UsageRecord| CalculateCostResponse {
        cost_usd: record.cost_usd.clone(),
        discount_rate: record.discount_rate.clone(),
        covered_amount: record.covered_amount.clone(),
        overage_tokens: record.overage_tokens,
        overage_cost: record.overage_cost.clone(),
        discount_amount: record.discount_amount.clone(),
        final_cost: record.final_cost.clone(),
        price: asked.price.clone(),
    };
    let mut figures = Figures::default();
    figures.add(
        "parts",
        format!("{:?}", parts(charged)),
        format!("{asked:?}"),
    );
    figures.check("the cost that was asked for")
}

/// Compares a subscription; what it has left only while it lives.
pub(super) fn subscription(
    names: &Names,
    expected: &Subscription,
    got: &billing_proto::v1::Subscription,
) -> Result<(), String> {
    let mut figures = Figures::default();
    let window = expected.window();
    let live = expected.ended.is_none();
    let when = |holds: bool, time: i64| holds.then_some(time);
    figures.add("id", &expected.id, &got.id);
    figures.add("user_id", &names.user, &got.user_id);
    figures.add("plan_id", names.plan(window.terms.plan), &got.plan_id);
    figures.add(
        "status",
        expected.status().as_str_name(),
        got.status().as_str_name(),
    );
    figures.add("yearly", expected.yearly, got.billing_cycle == 2);
    figures.time(
        "current_period_start",
        Some(expected.period.0),
        got.current_period_start,
    );
    figures.time(
        "current_period_end",
        Some(expected.period.1),
        got.current_period_end,
    );
    figures.add("tokens_used", window.used, got.tokens_used);
    figures.time("cancelled_at", expected.cancelled_at, got.cancelled_at);
    let renews = live && expected.auto_renew;
    figures.time(
        "next_billing_date",
        when(renews, expected.period.1),
        got.next_billing_date,
    );
    figures.time("window_start", when(live, window.start), got.window_start);
    figures.time("window_end", when(live, window.end), got.window_end);
    if live {
        let next = expected.next_plan.map(|plan| names.plan(plan));
        figures.add("auto_renew", expected.auto_renew, got.auto_renew);
        figures.add("next_plan_id", next.unwrap_or_default(), &got.next_plan_id);
        let next = expected
            .next_yearly
            .map_or(0, |yearly| 1 + i32::from(yearly));
        let got_next = got.next_billing_cycle.unwrap_or_default();
        figures.add("next_billing_cycle", next, got_next);
        figures.add("tokens_quota", window.quota, got.tokens_quota);
        figures.add("tokens_remaining", window.remaining(), got.tokens_remaining);
    } else {
        let ended = [SubscriptionStatus::Cancelled, SubscriptionStatus::Expired];
        figures.add("ended", true, ended.contains(&got.status()));
    }
    figures.check("the subscription")
}
