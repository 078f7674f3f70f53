//! What users and operators do to subscriptions. Every decision expects an account that was
//! advanced to `now`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    catalog::{Catalog, PlanTerms, PlanVersion},
    event::SubscriptionEvent,
    ids::PlanId,
    invoice::{ChargedFee, Corrected, LineKind},
    money::{CENTS, Money, NumberError},
    quota_window::{QuotaWindow, Span},
    refusal::Refusal,
    subscription::{
        LiveView, NewSubscription, PlanChoice, Subscription, SubscriptionOrder, SubscriptionRecord,
        SubscriptionState, SubscriptionTransition, SubscriptionView,
    },
};

impl Account {
    /// Carries out an order and answers the subscription. `fee` is the latest that is stored of the
    /// live one; what an upgrade leaves unused of it is taken back of its invoice.
    ///
    /// # Errors
    /// Why the order is refused; then nothing may be stored.
    pub fn order(
        &mut self,
        order: SubscriptionOrder,
        fee: Option<&mut ChargedFee>,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<SubscriptionView, Refusal> {
        let ordered = match order {
            SubscriptionOrder::Subscribe(new) => self.subscribe(new, catalog, now),
            SubscriptionOrder::ChangePlan(choice) => self.change_plan(choice, fee, catalog, now),
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
                next_cycle: live.next_cycle,
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
        let id = subscription.id;
        self.state.subscription = Some(subscription);
        self.tell_of_subscription(SubscriptionEvent::Created, id);
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

    /// Changes the plan and the cycle: a dearer plan at once, all else with the next period. What is
    /// chosen replaces a change that has not begun.
    fn change_plan(
        &mut self,
        choice: PlanChoice,
        fee: Option<&mut ChargedFee>,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.change(SubscriptionEvent::Changed, now, |account, subscription| {
            let before = (subscription.next_plan_id.take(), subscription.next_cycle);
            let cycle = choice.cycle.or(before.1);
            subscription.next_cycle = cycle.filter(|cycle| *cycle != subscription.cycle);
            let next_cycle = subscription.next_cycle;
            let has_new_cycle = next_cycle.is_some() && next_cycle != before.1;
            if choice.plan_id != *subscription.plan_id() {
                let version = offered(catalog, &choice.plan_id, now)?;
                if version.terms.monthly_price > subscription.terms().monthly_price {
                    if has_new_cycle && !subscription.state.is_trial() {
                        subscription.step(SubscriptionTransition::ChangeLater)?;
                    }
                    return account.upgrade(subscription, version, fee, now);
                }
                subscription.next_plan_id = Some(choice.plan_id);
            }
            let after = (&subscription.next_plan_id, subscription.next_cycle);
            if after == (&before.0, before.1) {
                let on_it = "the subscription is on this plan already";
                return Err(Refusal::SubscriptionTransition(on_it));
            }
            // Taking back is no change.
            if after != (&None, None) {
                subscription.step(SubscriptionTransition::ChangeLater)?;
            }
            Ok(())
        })
    }

    /// Cancels the subscription at once or for the end of its period. A change of plan that was to
    /// come waits: it counts again once the subscription is resumed.
    fn cancel(&mut self, at_period_end: bool, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.change(
            SubscriptionEvent::Cancelled,
            now,
            |account, subscription| {
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
            },
        )
    }

    /// Lets a subscription renew that was to end with its period.
    fn resume(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.change(SubscriptionEvent::Changed, now, |_, subscription| {
            subscription.step(SubscriptionTransition::Resume)?;
            subscription.cancelled_at = None;
            Ok(())
        })
    }

    /// Changes the live subscription by `decide`, has it stored and tells the world; nothing changes
    /// when refused.
    fn change(
        &mut self,
        event: SubscriptionEvent,
        now: DateTime<Utc>,
        decide: impl FnOnce(&mut Self, &mut Subscription) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let live = self.state.subscription.clone();
        let mut subscription = live.ok_or(Refusal::SubscriptionNotFound)?;
        decide(self, &mut subscription)?;
        self.store_subscription(&subscription, now);
        let id = subscription.id;
        self.state.subscription = Some(subscription).filter(|s| !s.state.is_over());
        self.tell_of_subscription(event, id);
        Ok(())
    }

    /// Begins a dearer plan at once: gives back the unused share of the old fee, charges the same
    /// share of the new one, and gives the running window that share of the difference in quota.
    /// A trial ends, and the first period begins.
    fn upgrade(
        &mut self,
        subscription: &mut Subscription,
        version: Arc<PlanVersion>,
        fee: Option<&mut ChargedFee>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if subscription.state.is_trial() {
            subscription.step(SubscriptionTransition::Upgrade)?;
            return Ok(self.end_trial(subscription, version, now)?);
        }
        subscription.step(SubscriptionTransition::Upgrade)?;
        self.give_back_unused(subscription, fee, now)?;
        let window = &mut subscription.window;
        window.quota = upgraded_quota(window, &version.terms, now);
        window.change_version(version, now);
        let (remaining, total) = subscription.period.remaining(now);
        let rest = subscription.fee()?.share(remaining, total, CENTS)?;
        let description = format!("{}, remaining time", subscription.version().name);
        let (month, period) = (self.invoice_month(now), subscription.rest(now));
        let kind = LineKind::Proration;
        self.add_line(month, kind, description, rest, period, subscription);
        Ok(())
    }

    /// Gives back the unused share of the running fee: of what it really cost, when it is invoiced.
    /// Until then coupons take their part of both together, so both are of one month if there are
    /// any.
    fn give_back_unused(
        &mut self,
        subscription: &Subscription,
        fee: Option<&mut ChargedFee>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (remaining, total) = subscription.period.remaining(now);
        let unused = subscription.fee()?.share(remaining, total, CENTS)?;
        let description = format!("Unused {}", subscription.version().name);
        let (mut month, period) = (self.invoice_month(now), subscription.rest(now));
        let has_coupons = !self.relations.redemptions.is_empty();
        let due_now = self.pending.lines.last().map(|line| line.month);
        match (due_now, fee) {
            (None, Some(ChargedFee { line, invoiced })) => {
                if let Some(invoiced) = invoiced {
                    let reduction = invoiced.take_back(unused, line.amount)?;
                    if reduction.amount == Money::ZERO {
                        return Ok(());
                    }
                    let fee = Corrected::Fee {
                        description,
                        period,
                    };
                    self.add_correction(month, &invoiced.invoice, fee, &reduction)?;
                    return Ok(());
                }
                if has_coupons {
                    month = line.month;
                }
            }
            (Some(of_fee), _) if has_coupons => month = of_fee,
            _ => {}
        }
        let (kind, unused) = (LineKind::Proration, unused.negated()?);
        self.add_line(month, kind, description, unused, period, subscription);
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
        next_cycle: None,
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
