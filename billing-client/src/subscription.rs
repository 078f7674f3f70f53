//! Users' subscriptions.

use billing_proto::v1;
use chrono::{DateTime, Utc};

use crate::{Error, convert};

/// A subscription to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewSubscription(v1::SubscribeRequest);

impl NewSubscription {
    /// A monthly subscription of a user, from now on, that renews. An empty `user_id` means the
    /// token's subject.
    pub fn new(user_id: impl Into<String>, plan_id: impl Into<String>) -> Self {
        Self(v1::SubscribeRequest {
            user_id: user_id.into(),
            plan_id: plan_id.into(),
            ..v1::SubscribeRequest::default()
        })
    }

    /// The fee is owed by the year, twelve times the monthly price.
    pub fn yearly(mut self) -> Self {
        self.0.billing_cycle = v1::BillingCycle::Yearly.into();
        self
    }

    /// Whether another period follows each; true unless set.
    pub fn auto_renew(mut self, renews: bool) -> Self {
        self.0.auto_renew = Some(renews);
        self
    }

    /// Days without a fee before the first period: at most 365. Needs the scope `admin`.
    pub fn trial_days(mut self, days: i32) -> Self {
        self.0.trial_days = days;
        self
    }

    /// When the subscription begins, not in the future. Needs the scope `admin`.
    pub fn start_time(mut self, time: DateTime<Utc>) -> Self {
        self.0.start_time = Some(convert::to_timestamp(time));
        self
    }
}

impl From<NewSubscription> for v1::SubscribeRequest {
    fn from(new: NewSubscription) -> Self {
        new.0
    }
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionStatus {
    /// In its trial: no fee is owed yet.
    Trialing,
    /// In a period that was charged.
    Active,
    /// Ended at once by a cancellation.
    Cancelled,
    /// Ended with its last period.
    Expired,
    /// A status that this version of the client does not know.
    Unknown,
}

impl From<v1::SubscriptionStatus> for SubscriptionStatus {
    fn from(status: v1::SubscriptionStatus) -> Self {
        match status {
            v1::SubscriptionStatus::Unspecified => Self::Unknown,
            v1::SubscriptionStatus::Trialing => Self::Trialing,
            v1::SubscriptionStatus::Active => Self::Active,
            v1::SubscriptionStatus::Cancelled => Self::Cancelled,
            v1::SubscriptionStatus::Expired => Self::Expired,
        }
    }
}

/// A user's subscription to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The subscription's id.
    pub id: String,
    /// Who is subscribed.
    pub user_id: String,
    /// The plan.
    pub plan_id: String,
    /// Where the subscription stands.
    pub status: SubscriptionStatus,
    /// Whether the fee is owed by the year.
    pub yearly: bool,
    /// The first moment of the running period.
    pub current_period_start: DateTime<Utc>,
    /// The first moment after that period.
    pub current_period_end: DateTime<Utc>,
    /// Tokens used in the running quota window.
    pub tokens_used: i64,
    /// Whether another period follows.
    pub auto_renew: bool,
    /// When the next fee is owed; none when none follows.
    pub next_billing_date: Option<DateTime<Utc>>,
    /// The plan that begins with the next period; empty when the plan stays.
    pub next_plan_id: String,
    /// Tokens of the running quota window.
    pub tokens_quota: i64,
    /// Tokens left of quota and topped-up balance.
    pub tokens_remaining: i64,
    /// When the subscription was made.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<v1::Subscription> for Subscription {
    type Error = Error;

    fn try_from(subscription: v1::Subscription) -> Result<Self, Error> {
        let next = subscription.next_billing_date;
        let start = subscription.current_period_start;
        let end = subscription.current_period_end;
        Ok(Self {
            status: subscription.status().into(),
            yearly: subscription.billing_cycle() == v1::BillingCycle::Yearly,
            id: subscription.id,
            user_id: subscription.user_id,
            plan_id: subscription.plan_id,
            current_period_start: convert::time(start, "current_period_start")?,
            current_period_end: convert::time(end, "current_period_end")?,
            tokens_used: subscription.tokens_used,
            auto_renew: subscription.auto_renew,
            next_billing_date: convert::optional_time(next, "next_billing_date")?,
            next_plan_id: subscription.next_plan_id,
            tokens_quota: subscription.tokens_quota,
            tokens_remaining: subscription.tokens_remaining,
            created_at: convert::time(subscription.created_at, "created_at")?,
        })
    }
}
