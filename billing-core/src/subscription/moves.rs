//! What users and operators do to subscriptions. Every decision expects a user who was brought to
//! `now`; see [`User::roll`].

use chrono::{DateTime, TimeDelta, Utc};

use super::{BillingCycle, Move, Standing, Subscription, SubscriptionState};
use crate::{
    ids::{PlanId, SubscriptionId},
    money::{CENTS, NumberError},
    plan::PlanTerms,
    pricing::Catalog,
    user::{LineKind, User},
    window::{Span, Window},
};

/// A subscription that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The plan.
    pub plan_id: PlanId,
    /// How often the fee is owed.
    pub cycle: BillingCycle,
    /// Whether another period follows each.
    pub auto_renew: bool,
    /// Days without a fee before the first period; 0 means no trial.
    pub trial_days: u32,
    /// When it begins (UTC); `None` means now.
    pub start: Option<DateTime<Utc>>,
}

/// What is to become of a user's subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionOrder {
    /// Make one.
    Subscribe(NewSubscription),
    /// Change its plan.
    ChangePlan(PlanId),
    /// Cancel it.
    Cancel {
        /// Whether its period ends first.
        at_period_end: bool,
    },
    /// Let it renew after all.
    Resume,
}

/// Why a subscription cannot be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionRefusal {
    /// A live subscription is in the way.
    #[error("the user has a live subscription already")]
    Exists,
    /// No live subscription.
    #[error("the user has no live subscription")]
    NotFound,
    /// No such plan.
    #[error("there is no plan \"{0}\"")]
    PlanNotFound(PlanId),
    /// The plan is off the offer.
    #[error("the plan \"{0}\" is no longer offered")]
    PlanInactive(PlanId),
    /// The trial is used.
    #[error("the user has had a trial already")]
    TrialUsed,
    /// The start lies in the future.
    #[error("must not be in the future")]
    StartInFuture,
    /// The start lies in an earlier subscription.
    #[error("must not be before the end of an earlier subscription")]
    StartTooEarly,
    /// The subscription ends, or does not.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// An amount does not fit.
    #[error("the fee {0}")]
    TooLarge(#[from] NumberError),
}

impl User {
    /// Carries out an order and answers the subscription.
    ///
    /// # Errors
    /// Why the order is refused; then nothing may be stored.
    pub fn order(
        &mut self,
        order: SubscriptionOrder,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<SubscriptionState, SubscriptionRefusal> {
        match order {
            SubscriptionOrder::Subscribe(new) => self.subscribe(new, catalog, now)?,
            SubscriptionOrder::ChangePlan(plan_id) => self.change_plan(plan_id, catalog, now)?,
            SubscriptionOrder::Cancel { at_period_end } => self.cancel(at_period_end, now)?,
            SubscriptionOrder::Resume => self.resume(now)?,
        }
        let stored = self.effects.subscriptions.last().cloned();
        let record = stored.ok_or(SubscriptionRefusal::NotFound)?;
        Ok(SubscriptionState::of(record, self))
    }

    /// Subscribes the user and charges the first fee.
    ///
    /// # Errors
    /// When a subscription is live, the plan is not on offer, the trial is used up or the start is
    /// not possible.
    fn subscribe(
        &mut self,
        new: NewSubscription,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), SubscriptionRefusal> {
        if self.account.subscription.is_some() {
            return Err(SubscriptionRefusal::Exists);
        }
        let start = new.start.unwrap_or(now);
        if start > now {
            return Err(SubscriptionRefusal::StartInFuture);
        }
        if self.account.archived_until.is_some_and(|end| start < end) {
            return Err(SubscriptionRefusal::StartTooEarly);
        }
        let terms = offered(catalog, &new.plan_id, start)?;
        let trial = (new.trial_days > 0).then(|| TimeDelta::days(new.trial_days.into()));
        if trial.is_some() && self.account.trial_used {
            return Err(SubscriptionRefusal::TrialUsed);
        }
        let trial_end = trial.and_then(|length| start.checked_add_signed(length));
        let mut subscription = first_window(new, terms, start, trial_end, now);
        match trial_end {
            Some(_) => self.account.trial_used = true,
            None => self.renew(&mut subscription, start, catalog)?,
        }
        self.store_subscription(&subscription, now);
        self.account.subscription = Some(subscription);
        Ok(self.roll(catalog, now)?)
    }

    /// Changes the plan: a dearer one at once, another with the next period. The present plan takes
    /// back a change that has not begun.
    ///
    /// # Errors
    /// When no subscription is live, the plan is not on offer, or there is nothing to change.
    fn change_plan(
        &mut self,
        plan_id: PlanId,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), SubscriptionRefusal> {
        self.change(now, |user, subscription| {
            if plan_id == subscription.plan_id {
                subscription
                    .next_plan_id
                    .take()
                    .ok_or(SubscriptionRefusal::NotAllowed(
                        "the subscription is on this plan already",
                    ))?;
                return Ok(());
            }
            let terms = offered(catalog, &plan_id, now)?;
            if terms.monthly_price > subscription.terms.monthly_price {
                return user.upgrade(subscription, plan_id, terms, catalog, now);
            }
            subscription.step(Move::ChangeLater)?;
            subscription.next_plan_id = Some(plan_id);
            Ok(())
        })
    }

    /// Cancels the subscription at once or for the end of its period.
    ///
    /// # Errors
    /// When no subscription is live or it ends with its period already.
    fn cancel(
        &mut self,
        at_period_end: bool,
        now: DateTime<Utc>,
    ) -> Result<(), SubscriptionRefusal> {
        self.change(now, |user, subscription| {
            if at_period_end {
                subscription.step(Move::CancelAtPeriodEnd)?;
                subscription.next_plan_id = None;
            } else {
                subscription.step(Move::CancelNow)?;
                subscription.period.end = now;
                subscription.window.span.end = now;
                user.archive_window(subscription);
            }
            subscription.cancelled_at = Some(now);
            Ok(())
        })
    }

    /// Lets a subscription renew that was to end with its period.
    ///
    /// # Errors
    /// When no subscription is live or it renews anyway.
    fn resume(&mut self, now: DateTime<Utc>) -> Result<(), SubscriptionRefusal> {
        self.change(now, |_, subscription| {
            subscription.step(Move::Resume)?;
            subscription.cancelled_at = None;
            Ok(())
        })
    }

    /// Changes the live subscription by `decide` and has it stored; nothing changes when refused.
    fn change(
        &mut self,
        now: DateTime<Utc>,
        decide: impl FnOnce(&mut Self, &mut Subscription) -> Result<(), SubscriptionRefusal>,
    ) -> Result<(), SubscriptionRefusal> {
        let live = self.account.subscription.clone();
        let mut subscription = live.ok_or(SubscriptionRefusal::NotFound)?;
        decide(self, &mut subscription)?;
        self.store_subscription(&subscription, now);
        self.account.subscription = Some(subscription).filter(|s| !s.standing.is_over());
        Ok(())
    }

    /// Begins a dearer plan at once: gives back the unused share of the old fee, charges the same
    /// share of the new one, and gives the running window that share of the difference in quota.
    fn upgrade(
        &mut self,
        subscription: &mut Subscription,
        plan_id: PlanId,
        terms: PlanTerms,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), SubscriptionRefusal> {
        subscription.step(Move::Upgrade)?;
        let name = |plan: &PlanId, at| {
            let version = catalog.plan_at(plan.as_str(), at);
            version.map_or_else(|| plan.to_string(), |version| version.name.clone())
        };
        let old_name = name(&subscription.plan_id, subscription.period.start);
        let new_name = name(&plan_id, now);
        let (remaining, total) = subscription.period.remaining(now);
        let unused = subscription.fee()?.share(remaining, total, CENTS)?;
        let quota = upgraded_quota(&subscription.window, &subscription.terms, &terms, now);
        subscription.window = Window {
            quota,
            span: subscription.window.span,
            counters: subscription.window.counters,
            ..Window::new(subscription.window.span, &terms)
        };
        subscription.terms = terms;
        subscription.plan_id = plan_id;
        subscription.next_plan_id = None;
        let rest = subscription.fee()?.share(remaining, total, CENTS)?;
        let lines = [
            (format!("Unused {old_name}"), unused.negated()?),
            (format!("{new_name}, remaining time"), rest),
        ];
        for (description, amount) in lines {
            self.add_line(
                now,
                LineKind::Proration,
                description,
                amount,
                &subscription.id,
            );
        }
        Ok(())
    }
}

impl Subscription {
    fn step(&mut self, step: Move) -> Result<(), SubscriptionRefusal> {
        self.standing = self.standing.after(step).ok_or({
            SubscriptionRefusal::NotAllowed(match step {
                Move::Resume => "the subscription renews already",
                Move::CancelAtPeriodEnd => "the subscription ends with its period already",
                _ => "the subscription ends with its period; resume it first",
            })
        })?;
        Ok(())
    }
}

/// The terms of a plan that can be subscribed to.
fn offered(
    catalog: &Catalog,
    plan_id: &PlanId,
    at: DateTime<Utc>,
) -> Result<PlanTerms, SubscriptionRefusal> {
    let version = catalog.plan_at(plan_id.as_str(), at);
    let version = version.ok_or_else(|| SubscriptionRefusal::PlanNotFound(plan_id.clone()))?;
    if !catalog.plan_is_active(plan_id.as_str()) {
        return Err(SubscriptionRefusal::PlanInactive(plan_id.clone()));
    }
    Ok(version.terms.clone())
}

/// A subscription in its trial or, without one, about to begin its first period.
fn first_window(
    new: NewSubscription,
    terms: PlanTerms,
    start: DateTime<Utc>,
    trial_end: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Subscription {
    let standing = match (trial_end, new.auto_renew) {
        (Some(_), true) => Standing::Trialing,
        (Some(_), false) => Standing::TrialEnding,
        (None, true) => Standing::Active,
        (None, false) => Standing::Ending,
    };
    let span = Span {
        start,
        end: trial_end.unwrap_or(start),
    };
    Subscription {
        id: new.id,
        plan_id: new.plan_id,
        standing,
        cycle: new.cycle,
        window: Window::new(span, &terms),
        terms,
        anchor: start,
        period: span,
        next_plan_id: None,
        created_at: now,
        cancelled_at: None,
    }
}

/// The running window's quota after an upgrade: its share of the difference is added, rounded down.
fn upgraded_quota(window: &Window, old: &PlanTerms, new: &PlanTerms, now: DateTime<Utc>) -> i64 {
    let (remaining, total) = window.span.remaining(now);
    let more = i128::from(new.monthly_quota).saturating_sub(old.monthly_quota.into());
    let share = more
        .saturating_mul(remaining.into())
        .checked_div_euclid(total.into())
        .and_then(|share| i64::try_from(share).ok())
        .unwrap_or(0);
    window.quota.saturating_add(share).max(0)
}
