//! Subscriptions: their states and the transitions between them, their periods, and what callers
//! ask for.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    catalog::{PlanTerms, PlanVersion},
    ids::{PlanId, SubscriptionId},
    money::{Money, NumberError},
    quota_window::{QuotaWindow, Span, months_after},
    refusal::Refusal,
};

/// The state of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// In its trial; the first period follows.
    Trialing,
    /// In its trial, with which it ends.
    TrialEnding,
    /// In a period that another follows.
    Active,
    /// In its last period.
    Ending,
    /// As active, but invoices could not be collected.
    PastDue,
    /// As ending, but invoices could not be collected.
    PastDueEnding,
    /// Ended at once.
    Cancelled,
    /// Ended with its last period.
    Expired,
}

/// What a subscription's status is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// In its trial.
    Trialing,
    /// In a period that is charged.
    Active,
    /// The same, but invoices could not be collected.
    PastDue,
    /// Ended at once.
    Cancelled,
    /// Ended with its last period.
    Expired,
}

/// What can happen to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionTransition {
    /// A dearer plan, at once; it ends a trial.
    Upgrade,
    /// Another plan with the next period, or none after all.
    ChangeLater,
    /// An end at once.
    CancelNow,
    /// An end with the period.
    CancelAtPeriodEnd,
    /// Another period after all.
    Resume,
    /// The period's end.
    PeriodEnd,
    /// The end of the tries to collect invoices.
    FallPastDue,
    /// The payment of every invoice.
    Settle,
}

/// Every transition that is allowed, and where it leads.
const TRANSITIONS: [(SubscriptionState, SubscriptionTransition, SubscriptionState); 31] = {
    use SubscriptionState as S;
    use SubscriptionTransition as T;
    [
        (S::Trialing, T::Upgrade, S::Active),
        (S::Trialing, T::ChangeLater, S::Trialing),
        (S::Trialing, T::CancelNow, S::Cancelled),
        (S::Trialing, T::CancelAtPeriodEnd, S::TrialEnding),
        (S::Trialing, T::PeriodEnd, S::Active),
        (S::TrialEnding, T::Upgrade, S::Ending),
        (S::TrialEnding, T::CancelNow, S::Cancelled),
        (S::TrialEnding, T::Resume, S::Trialing),
        (S::TrialEnding, T::PeriodEnd, S::Expired),
        (S::Active, T::Upgrade, S::Active),
        (S::Active, T::ChangeLater, S::Active),
        (S::Active, T::CancelNow, S::Cancelled),
        (S::Active, T::CancelAtPeriodEnd, S::Ending),
        (S::Active, T::PeriodEnd, S::Active),
        (S::Ending, T::Upgrade, S::Ending),
        (S::Ending, T::CancelNow, S::Cancelled),
        (S::Ending, T::Resume, S::Active),
        (S::Ending, T::PeriodEnd, S::Expired),
        (S::Active, T::FallPastDue, S::PastDue),
        (S::Ending, T::FallPastDue, S::PastDueEnding),
        (S::PastDue, T::Settle, S::Active),
        (S::PastDueEnding, T::Settle, S::Ending),
        (S::PastDue, T::ChangeLater, S::PastDue),
        (S::PastDue, T::CancelNow, S::Cancelled),
        (S::PastDue, T::CancelAtPeriodEnd, S::PastDueEnding),
        (S::PastDue, T::PeriodEnd, S::PastDue),
        (S::PastDueEnding, T::CancelNow, S::Cancelled),
        (S::PastDueEnding, T::Resume, S::PastDue),
        (S::PastDueEnding, T::PeriodEnd, S::Expired),
        (S::PastDue, T::Upgrade, S::PastDue),
        (S::PastDueEnding, T::Upgrade, S::PastDueEnding),
    ]
};

impl SubscriptionState {
    /// The state with a status and a choice of renewal.
    #[must_use]
    pub const fn new(status: SubscriptionStatus, auto_renew: bool) -> Self {
        match (status, auto_renew) {
            (SubscriptionStatus::Trialing, true) => Self::Trialing,
            (SubscriptionStatus::Trialing, false) => Self::TrialEnding,
            (SubscriptionStatus::Active, true) => Self::Active,
            (SubscriptionStatus::Active, false) => Self::Ending,
            (SubscriptionStatus::PastDue, true) => Self::PastDue,
            (SubscriptionStatus::PastDue, false) => Self::PastDueEnding,
            (SubscriptionStatus::Cancelled, _) => Self::Cancelled,
            (SubscriptionStatus::Expired, _) => Self::Expired,
        }
    }

    /// What the status is called.
    #[must_use]
    pub const fn status(self) -> SubscriptionStatus {
        match self {
            Self::Trialing | Self::TrialEnding => SubscriptionStatus::Trialing,
            Self::Active | Self::Ending => SubscriptionStatus::Active,
            Self::PastDue | Self::PastDueEnding => SubscriptionStatus::PastDue,
            Self::Cancelled => SubscriptionStatus::Cancelled,
            Self::Expired => SubscriptionStatus::Expired,
        }
    }

    /// Whether another period follows.
    #[must_use]
    pub const fn renews(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }

    /// Whether no fee is owed yet.
    #[must_use]
    pub const fn is_trial(self) -> bool {
        matches!(self, Self::Trialing | Self::TrialEnding)
    }

    /// Whether invoices could not be collected.
    #[must_use]
    pub const fn is_past_due(self) -> bool {
        matches!(self, Self::PastDue | Self::PastDueEnding)
    }

    /// Whether the subscription has ended.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Expired)
    }

    /// Where a transition leads; `None` when it is not allowed.
    #[must_use]
    pub fn after(self, transition: SubscriptionTransition) -> Option<Self> {
        TRANSITIONS
            .iter()
            .find(|(from, by, _)| *from == self && *by == transition)
            .map(|(_, _, to)| *to)
    }
}

/// How often the fee is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingCycle {
    /// Every month.
    Monthly,
    /// Every year, twelve times the monthly price.
    Yearly,
}

impl BillingCycle {
    /// The months of a period.
    #[must_use]
    pub const fn months(self) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Yearly => 12,
        }
    }

    /// The fee of a period, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn fee(self, monthly_price: Money) -> Result<Money, NumberError> {
        monthly_price.times(self.months().into())
    }
}

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

impl NewSubscription {
    /// When a trial that begins at `start` ends (UTC); `None` without one.
    #[must_use]
    pub fn trial_end(&self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let trial = (self.trial_days > 0).then(|| TimeDelta::days(self.trial_days.into()));
        trial.and_then(|length| start.checked_add_signed(length))
    }
}

/// What a subscription is to change to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanChoice {
    /// The plan.
    pub plan_id: PlanId,
    /// How often the fee is owed; `None` leaves that as it is or will be.
    pub cycle: Option<BillingCycle>,
}

/// What is to become of a user's subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionOrder {
    /// Make one.
    Subscribe(NewSubscription),
    /// Change its plan, and how often the fee is owed.
    ChangePlan(PlanChoice),
    /// Cancel it.
    Cancel {
        /// Whether its period ends first.
        at_period_end: bool,
    },
    /// Let it renew after all.
    Resume,
}

/// A live subscription. Its running window names the version that its plan had when the period
/// began or the plan was last upgraded, and keeps those terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// Its state.
    pub state: SubscriptionState,
    /// How often the fee is owed.
    pub cycle: BillingCycle,
    /// The moment whose day of the month all boundaries keep (UTC).
    pub anchor: DateTime<Utc>,
    /// The running period.
    pub period: Span,
    /// The running quota window, which lies in the period.
    pub window: QuotaWindow,
    /// The plan of the next period, when it is another one.
    pub next_plan_id: Option<PlanId>,
    /// How often the fee is owed from the next period on, when that changes.
    pub next_cycle: Option<BillingCycle>,
    /// When the subscription was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was cancelled for the end of its period (UTC).
    pub cancelled_at: Option<DateTime<Utc>>,
}

impl Subscription {
    /// The version of the plan whose terms hold.
    #[must_use]
    pub fn version(&self) -> &PlanVersion {
        &self.window.version
    }

    /// The plan.
    #[must_use]
    pub fn plan_id(&self) -> &PlanId {
        &self.version().plan_id
    }

    /// The terms that hold.
    #[must_use]
    pub fn terms(&self) -> &PlanTerms {
        &self.version().terms
    }

    /// What the running period costs in advance, in USD: nothing in a trial.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn fee(&self) -> Result<Money, NumberError> {
        if self.state.is_trial() {
            return Ok(Money::ZERO);
        }
        self.cycle.fee(self.terms().monthly_price)
    }

    /// What is left of the running period.
    #[must_use]
    pub(crate) const fn rest(&self, now: DateTime<Utc>) -> Span {
        Span {
            start: now,
            end: self.period.end,
        }
    }

    /// When the next fee is owed (UTC).
    #[must_use]
    pub fn next_billing_date(&self) -> Option<DateTime<Utc>> {
        self.state.renews().then_some(self.period.end)
    }

    /// Whether the running window is over.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.window.span.end <= now
    }

    /// Makes a transition.
    ///
    /// # Errors
    /// [`Refusal::SubscriptionTransition`].
    pub(crate) fn step(&mut self, transition: SubscriptionTransition) -> Result<(), Refusal> {
        use SubscriptionTransition as T;
        self.state = self.state.after(transition).ok_or({
            Refusal::SubscriptionTransition(match transition {
                T::Resume => "the subscription renews already",
                T::CancelAtPeriodEnd => "the subscription ends with its period already",
                _ => "the subscription ends with its period; resume it first",
            })
        })?;
        Ok(())
    }

    /// Begins the window at `start` with the whole quota of a version.
    pub(crate) fn begin_window(&mut self, start: DateTime<Utc>, version: Arc<PlanVersion>) {
        let end = months_after(self.anchor, start, 1);
        self.window = QuotaWindow::new(Span { start, end }, version);
    }

    /// Begins the period at `start`, and its first window, with a version and the cycle that was
    /// chosen for it.
    pub(crate) fn begin_period(&mut self, start: DateTime<Utc>, version: Arc<PlanVersion>) {
        self.cycle = self.next_cycle.take().unwrap_or(self.cycle);
        let end = months_after(self.anchor, start, self.cycle.months());
        self.period = Span { start, end };
        self.begin_window(start, version);
    }
}

/// A window that is over; late records still take from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedWindow {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The window.
    pub window: QuotaWindow,
}

/// A subscription as it is listed, live or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// The subscription.
    pub id: SubscriptionId,
    /// The plan.
    pub plan_id: PlanId,
    /// Its state.
    pub state: SubscriptionState,
    /// How often the fee is owed.
    pub cycle: BillingCycle,
    /// The running period, or the last one.
    pub period: Span,
    /// Tokens used in the running window, or the last one.
    pub tokens_used: i64,
    /// When it was cancelled (UTC).
    pub cancelled_at: Option<DateTime<Utc>>,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When it last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

impl SubscriptionRecord {
    /// What is listed of a subscription that changed at `now`.
    #[must_use]
    pub fn new(subscription: &Subscription, now: DateTime<Utc>) -> Self {
        Self {
            id: subscription.id,
            plan_id: subscription.plan_id().clone(),
            state: subscription.state,
            cycle: subscription.cycle,
            period: subscription.period,
            tokens_used: subscription.window.counters.tokens_used,
            cancelled_at: subscription.cancelled_at,
            created_at: subscription.created_at,
            updated_at: now,
        }
    }

    /// When the next fee is owed (UTC).
    #[must_use]
    pub fn next_billing_date(&self) -> Option<DateTime<Utc>> {
        self.state.renews().then_some(self.period.end)
    }
}

/// A subscription as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionView {
    /// What is listed of it.
    pub record: SubscriptionRecord,
    /// What a live one has besides.
    pub live: Option<LiveView>,
}

/// What a live subscription has beside what is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveView {
    /// The plan of the next period, when it is another one.
    pub next_plan_id: Option<PlanId>,
    /// How often the fee is owed from the next period on, when that changes.
    pub next_cycle: Option<BillingCycle>,
    /// The running quota window.
    pub window: Span,
    /// Tokens of that window.
    pub quota: i64,
    /// Tokens left of quota and topped-up balance.
    pub tokens_remaining: i64,
}

#[cfg(test)]
mod tests;
