//! Subscriptions: where they stand, what may become of them, and their periods.

mod moves;
mod renewal;

use chrono::{DateTime, Utc};

pub use self::moves::{NewSubscription, SubscriptionOrder, SubscriptionRefusal};
use crate::{
    ids::{PlanId, SubscriptionId},
    money::{Money, NumberError},
    plan::PlanTerms,
    user::User,
    window::{Span, Window, months_after},
};

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// In its trial; the first period follows.
    Trialing,
    /// In its trial, with which it ends.
    TrialEnding,
    /// In a period that another follows.
    Active,
    /// In its last period.
    Ending,
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
    /// Ended at once.
    Cancelled,
    /// Ended with its last period.
    Expired,
}

/// What can happen to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// A dearer plan, at once.
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
}

/// Every move that is allowed, and where it leads.
const MOVES: [(Standing, Move, Standing); 18] = [
    (Standing::Trialing, Move::Upgrade, Standing::Trialing),
    (Standing::Trialing, Move::ChangeLater, Standing::Trialing),
    (Standing::Trialing, Move::CancelNow, Standing::Cancelled),
    (
        Standing::Trialing,
        Move::CancelAtPeriodEnd,
        Standing::TrialEnding,
    ),
    (Standing::Trialing, Move::PeriodEnd, Standing::Active),
    (Standing::TrialEnding, Move::Upgrade, Standing::TrialEnding),
    (Standing::TrialEnding, Move::CancelNow, Standing::Cancelled),
    (Standing::TrialEnding, Move::Resume, Standing::Trialing),
    (Standing::TrialEnding, Move::PeriodEnd, Standing::Expired),
    (Standing::Active, Move::Upgrade, Standing::Active),
    (Standing::Active, Move::ChangeLater, Standing::Active),
    (Standing::Active, Move::CancelNow, Standing::Cancelled),
    (Standing::Active, Move::CancelAtPeriodEnd, Standing::Ending),
    (Standing::Active, Move::PeriodEnd, Standing::Active),
    (Standing::Ending, Move::Upgrade, Standing::Ending),
    (Standing::Ending, Move::CancelNow, Standing::Cancelled),
    (Standing::Ending, Move::Resume, Standing::Active),
    (Standing::Ending, Move::PeriodEnd, Standing::Expired),
];

impl Standing {
    /// The standing with a status and a choice of renewal.
    #[must_use]
    pub const fn new(status: SubscriptionStatus, auto_renew: bool) -> Self {
        match (status, auto_renew) {
            (SubscriptionStatus::Trialing, true) => Self::Trialing,
            (SubscriptionStatus::Trialing, false) => Self::TrialEnding,
            (SubscriptionStatus::Active, true) => Self::Active,
            (SubscriptionStatus::Active, false) => Self::Ending,
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
            Self::Cancelled => SubscriptionStatus::Cancelled,
            Self::Expired => SubscriptionStatus::Expired,
        }
    }

    /// Whether another period follows.
    #[must_use]
    pub const fn renews(self) -> bool {
        matches!(self, Self::Trialing | Self::Active)
    }

    /// Whether no fee is owed yet.
    #[must_use]
    pub const fn is_trial(self) -> bool {
        matches!(self, Self::Trialing | Self::TrialEnding)
    }

    /// Whether the subscription has ended.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Expired)
    }

    /// Where a move leads; `None` when it is not allowed.
    #[must_use]
    pub fn after(self, step: Move) -> Option<Self> {
        MOVES
            .iter()
            .find(|(from, allowed, _)| *from == self && *allowed == step)
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

/// A live subscription with the terms that its plan had when the period began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// The plan.
    pub plan_id: PlanId,
    /// Where it stands.
    pub standing: Standing,
    /// How often the fee is owed.
    pub cycle: BillingCycle,
    /// The plan's terms.
    pub terms: PlanTerms,
    /// The moment whose day of the month all boundaries keep (UTC).
    pub anchor: DateTime<Utc>,
    /// The running period.
    pub period: Span,
    /// The running quota window, which lies in the period.
    pub window: Window,
    /// The plan of the next period, when it is another one.
    pub next_plan_id: Option<PlanId>,
    /// When the subscription was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was cancelled for the end of its period (UTC).
    pub cancelled_at: Option<DateTime<Utc>>,
}

impl Subscription {
    /// What the running period costs in advance, in USD: nothing in a trial.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn fee(&self) -> Result<Money, NumberError> {
        if self.standing.is_trial() {
            return Ok(Money::ZERO);
        }
        self.cycle.fee(self.terms.monthly_price)
    }

    /// When the next fee is owed (UTC).
    #[must_use]
    pub fn next_billing_date(&self) -> Option<DateTime<Utc>> {
        self.standing.renews().then_some(self.period.end)
    }

    /// Begins the window at `start` with the whole quota.
    pub(crate) fn begin_window(&mut self, start: DateTime<Utc>) {
        let end = months_after(self.anchor, start, 1);
        self.window = Window::new(Span { start, end }, &self.terms);
    }

    /// Begins the period at `start`, and its first window.
    pub(crate) fn begin_period(&mut self, start: DateTime<Utc>) {
        let end = months_after(self.anchor, start, self.cycle.months());
        self.period = Span { start, end };
        self.begin_window(start);
    }
}

/// A window that is over; late records still take from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedWindow {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The plan at the window's end.
    pub plan_id: PlanId,
    /// The window.
    pub window: Window,
    /// Whether it has to be stored.
    pub changed: bool,
}

/// A subscription as it is listed, live or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// The subscription.
    pub id: SubscriptionId,
    /// The plan.
    pub plan_id: PlanId,
    /// Where it stands.
    pub standing: Standing,
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
            id: subscription.id.clone(),
            plan_id: subscription.plan_id.clone(),
            standing: subscription.standing,
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
        self.standing.renews().then_some(self.period.end)
    }
}

/// A subscription as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// What is listed of it.
    pub record: SubscriptionRecord,
    /// What a live one has besides.
    pub live: Option<LiveState>,
}

/// What a live subscription has beside what is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveState {
    /// The plan of the next period, when it is another one.
    pub next_plan_id: Option<PlanId>,
    /// The running quota window.
    pub window: Span,
    /// Tokens of that window.
    pub quota: i64,
    /// Tokens left of quota and topped-up balance.
    pub tokens_remaining: i64,
}

impl SubscriptionState {
    /// The record of a user's subscription as it stands now: the account knows more of a live one.
    #[must_use]
    pub fn of(mut record: SubscriptionRecord, user: &User) -> Self {
        let changed = user.effects.subscriptions.iter();
        if let Some(changed) = changed.rev().find(|changed| changed.id == record.id) {
            record.clone_from(changed);
        }
        let live = user.account.subscription.as_ref();
        let live = live.filter(|live| live.id == record.id).map(|live| {
            record.tokens_used = live.window.counters.tokens_used;
            LiveState {
                next_plan_id: live.next_plan_id.clone(),
                window: live.window.span,
                quota: live.window.quota,
                tokens_remaining: user.account.tokens_remaining(),
            }
        });
        Self { record, live }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STANDINGS: [Standing; 6] = [
        Standing::Trialing,
        Standing::TrialEnding,
        Standing::Active,
        Standing::Ending,
        Standing::Cancelled,
        Standing::Expired,
    ];
    const ALL_MOVES: [Move; 6] = [
        Move::Upgrade,
        Move::ChangeLater,
        Move::CancelNow,
        Move::CancelAtPeriodEnd,
        Move::Resume,
        Move::PeriodEnd,
    ];

    #[test]
    fn every_move_is_listed_once() {
        for (index, (from, step, _)) in MOVES.iter().enumerate() {
            let again = MOVES.iter().skip(index + 1);
            assert!(
                again.clone().all(|(f, s, _)| (f, s) != (from, step)),
                "{from:?} {step:?}"
            );
        }
    }

    #[test]
    fn a_standing_is_its_status_and_renewal() {
        for standing in STANDINGS {
            assert_eq!(
                Standing::new(standing.status(), standing.renews()),
                standing
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_a_subscription_ends_once_and_is_never_in_trial_again(
            start in prop::sample::select(&STANDINGS[..]),
            moves in prop::collection::vec(prop::sample::select(&ALL_MOVES[..]), 0..12),
        ) {
            let mut standing = start;
            for step in moves {
                let Some(next) = standing.after(step) else {
                    continue;
                };
                prop_assert!(!standing.is_over(), "{standing:?} {step:?}");
                prop_assert!(standing.is_trial() || !next.is_trial());
                prop_assert_eq!(next.is_over(), match step {
                    Move::CancelNow => true,
                    Move::PeriodEnd => !standing.renews(),
                    _ => false,
                });
                prop_assert_eq!(next.renews(), match step {
                    Move::Resume => true,
                    Move::CancelNow | Move::CancelAtPeriodEnd => false,
                    _ => standing.renews(),
                });
                standing = next;
            }
        }

        #[test]
        fn a_live_subscription_can_always_be_cancelled_and_reaches_its_periods_end(
            standing in prop::sample::select(&STANDINGS[..]),
        ) {
            for step in [Move::CancelNow, Move::PeriodEnd] {
                prop_assert_eq!(standing.after(step).is_some(), !standing.is_over());
            }
        }
    }
}
