//! Subscriptions.

use billing_core::{
    ids::{PlanId, SubscriptionId, UserId},
    subscription::{
        BillingCycle, NewSubscription, PlanChoice, SubscriptionStatus, SubscriptionView,
    },
};
use billing_proto::v1;

use crate::{
    api::{
        Violations,
        time::{start_time, timestamp},
    },
    auth::ResolvedUser,
    error::ApiError,
};

/// The most days of a trial.
const MAX_TRIAL_DAYS: u32 = 365;

/// A user's subscription as it is sent.
#[must_use]
pub(crate) fn subscription(user_id: &UserId, view: SubscriptionView) -> v1::Subscription {
    let SubscriptionView { record, live } = view;
    let status = match record.state.status() {
        SubscriptionStatus::Trialing => v1::SubscriptionStatus::Trialing,
        SubscriptionStatus::Active => v1::SubscriptionStatus::Active,
        SubscriptionStatus::PastDue => v1::SubscriptionStatus::PastDue,
        SubscriptionStatus::Cancelled => v1::SubscriptionStatus::Cancelled,
        SubscriptionStatus::Expired => v1::SubscriptionStatus::Expired,
    };
    let cycle = |cycle| match cycle {
        BillingCycle::Monthly => v1::BillingCycle::Monthly,
        BillingCycle::Yearly => v1::BillingCycle::Yearly,
    };
    let next_cycle = live.as_ref().and_then(|live| live.next_cycle);
    let window = live.as_ref().map(|live| live.window);
    v1::Subscription {
        next_billing_date: record.next_billing_date().and_then(timestamp),
        id: record.id.to_string(),
        user_id: user_id.as_str().to_owned(),
        plan_id: record.plan_id.into_string(),
        status: status.into(),
        billing_cycle: cycle(record.cycle).into(),
        current_period_start: timestamp(record.period.start),
        current_period_end: timestamp(record.period.end),
        tokens_used: record.tokens_used,
        auto_renew: record.state.renews(),
        cancelled_at: record.cancelled_at.and_then(timestamp),
        created_at: timestamp(record.created_at),
        updated_at: timestamp(record.updated_at),
        window_start: window.and_then(|window| timestamp(window.start)),
        window_end: window.and_then(|window| timestamp(window.end)),
        tokens_quota: live.as_ref().map_or(0, |live| live.quota),
        tokens_remaining: live.as_ref().map_or(0, |live| live.tokens_remaining),
        next_billing_cycle: next_cycle.map(|next| cycle(next).into()),
        next_plan_id: live
            .and_then(|live| live.next_plan_id)
            .map(PlanId::into_string)
            .unwrap_or_default(),
    }
}

/// A subscription to be made for `user`.
///
/// # Errors
/// Every violation at once.
pub(crate) fn new_subscription(
    user: &ResolvedUser,
    request: v1::SubscribeRequest,
    id: SubscriptionId,
) -> Result<(UserId, NewSubscription), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let plan_id = violations.check("plan_id", PlanId::parse(request.plan_id));
    let cycle = violations.check("billing_cycle", billing_cycle(request.billing_cycle));
    let trial_days = violations.check("trial_days", trial_days(request.trial_days));
    let start = start_time("start_time", request.start_time, &mut violations);
    match (user_id, plan_id, cycle, trial_days) {
        (Some(user_id), Some(plan_id), Some(cycle), Some(trial_days)) if violations.is_empty() => {
            let new = NewSubscription {
                id,
                plan_id,
                cycle: cycle.unwrap_or(BillingCycle::Monthly),
                auto_renew: request.auto_renew.unwrap_or(true),
                trial_days,
                start,
            };
            Ok((user_id, new))
        }
        _ => Err(violations.into_error()),
    }
}

fn billing_cycle(number: i32) -> Result<Option<BillingCycle>, &'static str> {
    match v1::BillingCycle::try_from(number) {
        Ok(v1::BillingCycle::Unspecified) => Ok(None),
        Ok(v1::BillingCycle::Monthly) => Ok(Some(BillingCycle::Monthly)),
        Ok(v1::BillingCycle::Yearly) => Ok(Some(BillingCycle::Yearly)),
        Err(_) => Err("must be monthly or yearly"),
    }
}

fn trial_days(days: i32) -> Result<u32, String> {
    u32::try_from(days)
        .ok()
        .filter(|days| *days <= MAX_TRIAL_DAYS)
        .ok_or_else(|| format!("must be from 0 to {MAX_TRIAL_DAYS}"))
}

/// To which plan and cycle `user` is to change.
///
/// # Errors
/// Every violation at once.
pub(crate) fn change_of_plan(
    user: &ResolvedUser,
    request: v1::ChangePlanRequest,
) -> Result<(UserId, PlanChoice), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let plan_id = violations.check("plan_id", PlanId::parse(request.plan_id));
    let cycle = violations.check("billing_cycle", billing_cycle(request.billing_cycle));
    let choice = plan_id.zip(cycle);
    let choice = choice.map(|(plan_id, cycle)| PlanChoice { plan_id, cycle });
    violations.finish(user_id.zip(choice))
}
