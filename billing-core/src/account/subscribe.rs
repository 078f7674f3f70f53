//! What users and operators do to subscriptions. Every decision expects an account that was
//! advanced to `now`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    catalog::{Catalog, PlanTerms, PlanVersion},
    ids::PlanId,
    invoice::LineKind,
    money::{CENTS, NumberError},
    quota_window::{QuotaWindow, Span},
    refusal::Refusal,
    subscription::{
        LiveView, NewSubscription, Subscription, SubscriptionOrder, SubscriptionRecord,
        SubscriptionState, SubscriptionTransition, SubscriptionView,
    },
};

impl Account {
    /// Carries out an order and answers the subscription.
    ///
    /// # Errors
    /// Why the order is refused; then nothing may be stored.
    pub fn order(
        &mut self,
        order: SubscriptionOrder,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<SubscriptionView, Refusal> {
        let ordered = match order {
            SubscriptionOrder::Subscribe(new) => self.subscribe(new, catalog, now),
            SubscriptionOrder::ChangePlan(plan_id) => self.change_plan(plan_id, catalog, now),
            SubscriptionOrder::Cancel { at_period_end } => self.cancel(at_period_end, now),
            SubscriptionOrder::Resume => self.resume(now),
        };
        ordered.map_err(|refusal| match refusal {
            Refusal::TooLarge { error, .. } => Refusal::SubscriptionTooLarge(error),
            other => other,
        })?;
        let stored = self.pending.subscriptions.last().cloned();
        let record = stored.ok_or(Refusal::SubscriptionNotFound)?;
        Ok(self.view_subscription(record))
    }

    /// A subscription of the account as it is now: the account knows more of a live one than what
    /// is stored of it.
    #[must_use]
    pub fn view_subscription(&self, mut record: SubscriptionRecord) -> SubscriptionView {
        let changed = self.pending.subscriptions.iter();
        if let Some(changed) = changed.rev().find(|changed| changed.id == record.id) {
            record.clone_from(changed);
        }
        let live = self.state.subscription.as_ref();
        let live = live.filter(|live| live.id == record.id).map(|live| {
            record.tokens_used = live.window.counters.tokens_used;
            LiveView {
                next_plan_id: live.next_plan_id.clone(),
                window: live.window.span,
                quota: live.window.quota,
                tokens_remaining: self.state.tokens_remaining(),
            }
        });
        SubscriptionView { record, live }
    }

    /// Subscribes the user and charges the first fee.
    fn subscribe(
        &mut self,
        new: NewSubscription,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if self.state.subscription.is_some() {
            return Err(Refusal::SubscriptionExists);
        }
        let start = new.start.unwrap_or(now);
        self.check_start(start, now)?;
        let version = offered(catalog, &new.plan_id, start)?;
        if new.trial_days > 0 && self.state.trial_used {
            return Err(Refusal::TrialUsed);
        }
        let trial_end = new.trial_end(start);
        let mut subscription = first_window(new, Arc::clone(&version), start, trial_end, now);
        match trial_end {
            Some(_) => self.state.trial_used = true,
            None => self.begin_period(&mut subscription, start, version)?,
        }
        self.store_subscription(&subscription, now);
        self.state.subscription = Some(subscription);
        Ok(self.end_windows(catalog, now)?)
    }

    /// A subscription may begin in the past, but in no other one.
    fn check_start(&self, start: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Refusal> {
        if start > now {
            return Err(Refusal::field("start_time", "must not be in the future"));
        }
        if self.state.archived_until.is_some_and(|end| start < end) {
            let description = "must not be before the end of an earlier subscription";
            return Err(Refusal::field("start_time", description));
        }
        Ok(())
    }

    /// Changes the plan: a dearer one at once, another with the next period. The present plan takes
    /// back a change that has not begun.
    fn change_plan(
        &mut self,
        plan_id: PlanId,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.change(now, |account, subscription| {
            if plan_id == *subscription.plan_id() {
                let taken_back = subscription.next_plan_id.take();
                let on_it = "the subscription is on this plan already";
                return match taken_back {
                    Some(_) => Ok(()),
                    None => Err(Refusal::SubscriptionTransition(on_it)),
                };
            }
            let version = offered(catalog, &plan_id, now)?;
            if version.terms.monthly_price > subscription.terms().monthly_price {
                return account.upgrade(subscription, version, now);
            }
            subscription.step(SubscriptionTransition::ChangeLater)?;
            subscription.next_plan_id = Some(plan_id);
            Ok(())
        })
    }

    /// Cancels the subscription at once or for the end of its period. A change of plan that was to
    /// come waits: it counts again once the subscription is resumed.
    fn cancel(&mut self, at_period_end: bool, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.change(now, |account, subscription| {
            if at_period_end {
                subscription.step(SubscriptionTransition::CancelAtPeriodEnd)?;
            } else {
                subscription.step(SubscriptionTransition::CancelNow)?;
                subscription.period.end = now;
                subscription.window.span.end = now;
                account.archive_window(subscription);
            }
            subscription.cancelled_at = Some(now);
            Ok(())
        })
    }

    /// Lets a subscription renew that was to end with its period.
    fn resume(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.change(now, |_, subscription| {
            subscription.step(SubscriptionTransition::Resume)?;
            subscription.cancelled_at = None;
            Ok(())
        })
    }

    /// Changes the live subscription by `decide` and has it stored; nothing changes when refused.
    fn change(
        &mut self,
        now: DateTime<Utc>,
        decide: impl FnOnce(&mut Self, &mut Subscription) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let live = self.state.subscription.clone();
        let mut subscription = live.ok_or(Refusal::SubscriptionNotFound)?;
        decide(self, &mut subscription)?;
        self.store_subscription(&subscription, now);
        self.state.subscription = Some(subscription).filter(|s| !s.state.is_over());
        Ok(())
    }

    /// Begins a dearer plan at once: gives back the unused share of the old fee, charges the same
    /// share of the new one, and gives the running window that share of the difference in quota.
    /// A trial ends, and the first period begins.
    fn upgrade(
        &mut self,
        subscription: &mut Subscription,
        version: Arc<PlanVersion>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let was_trial = subscription.state.is_trial();
        subscription.step(SubscriptionTransition::Upgrade)?;
        if was_trial {
            subscription.next_plan_id = None;
            return Ok(self.end_trial(subscription, version, now)?);
        }
        let (remaining, total) = subscription.period.remaining(now);
        let unused = subscription.fee()?.share(remaining, total, CENTS)?;
        let old = (
            format!("Unused {}", subscription.version().name),
            unused.negated()?,
        );
        let window = &mut subscription.window;
        window.quota = upgraded_quota(window, &version.terms, now);
        window.change_version(version, now);
        subscription.next_plan_id = None;
        let rest = subscription.fee()?.share(remaining, total, CENTS)?;
        let new = format!("{}, remaining time", subscription.version().name);
        for (description, amount) in [old, (new, rest)] {
            self.add_line(now, LineKind::Proration, description, amount, subscription);
        }
        Ok(())
    }

    /// Ends a trial at once: the first period begins, with its fee, its quota and its anchor.
    fn end_trial(
        &mut self,
        subscription: &mut Subscription,
        version: Arc<PlanVersion>,
        now: DateTime<Utc>,
    ) -> Result<(), NumberError> {
        let trial = &mut subscription.window;
        let (began, counters) = (trial.span.start, trial.counters);
        trial.span.end = now;
        if began < now {
            self.archive_window(subscription);
        }
        subscription.anchor = now;
        self.begin_period(subscription, now, version)?;
        if began == now {
            // What was used in the only moment of the trial is in the first period.
            subscription.window.counters = counters;
        }
        Ok(())
    }
}

/// The terms of a plan that can be subscribed to.
fn offered(
    catalog: &Catalog,
    plan_id: &PlanId,
    at: DateTime<Utc>,
) -> Result<Arc<PlanVersion>, Refusal> {
    let version = catalog.plan_at(plan_id.as_str(), at);
    let version = version.ok_or_else(|| Refusal::PlanNotFound(plan_id.clone()))?;
    if !catalog.plan_is_active(plan_id.as_str()) {
        return Err(Refusal::PlanInactive(plan_id.clone()));
    }
    Ok(Arc::clone(version))
}

/// A subscription in its trial or, without one, about to begin its first period.
fn first_window(
    new: NewSubscription,
    version: Arc<PlanVersion>,
    start: DateTime<Utc>,
    trial_end: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Subscription {
    let state = match (trial_end, new.auto_renew) {
        (Some(_), true) => SubscriptionState::Trialing,
        (Some(_), false) => SubscriptionState::TrialEnding,
        (None, true) => SubscriptionState::Active,
        (None, false) => SubscriptionState::Ending,
    };
    let span = Span {
        start,
        end: trial_end.unwrap_or(start),
    };
    Subscription {
        id: new.id,
        state,
        cycle: new.cycle,
        anchor: start,
        period: span,
        window: QuotaWindow::new(span, version),
        next_plan_id: None,
        created_at: now,
        cancelled_at: None,
    }
}

/// The running window's quota after an upgrade: its share of the difference is added, rounded down.
fn upgraded_quota(window: &QuotaWindow, new: &PlanTerms, now: DateTime<Utc>) -> i64 {
    let (remaining, total) = window.span.remaining(now);
    let old = window.terms().monthly_quota;
    let more = i128::from(new.monthly_quota).saturating_sub(old.into());
    let share = more
        .saturating_mul(remaining.into())
        .checked_div_euclid(total.into())
        .and_then(|share| i64::try_from(share).ok())
        .unwrap_or(0);
    window.quota.saturating_add(share).max(0)
}
