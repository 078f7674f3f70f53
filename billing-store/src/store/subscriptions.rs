//! Users' subscriptions.

use async_trait::async_trait;
use billing_core::{
    ids::{SubscriptionId, UserId},
    subscription::{SubscriptionOrder, SubscriptionView},
};

use crate::StoreError;

/// Users' subscriptions.
#[async_trait]
pub trait SubscriptionStore: Send + Sync {
    /// Carries out an order in one transaction.
    ///
    /// # Errors
    /// When the rules do not allow it or the database fails.
    async fn order_subscription(
        &self,
        user_id: UserId,
        order: SubscriptionOrder,
    ) -> Result<SubscriptionView, StoreError>;

    /// The user's live subscription as of now.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn live_subscription(&self, user_id: UserId) -> Result<SubscriptionView, StoreError>;

    /// At most `limit` of the user's subscriptions, or of all users', as of now, newest first, those
    /// that come after one in that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn subscriptions(
        &self,
        user_id: Option<UserId>,
        after: Option<SubscriptionId>,
        limit: i64,
    ) -> Result<Vec<(UserId, SubscriptionView)>, StoreError>;

    /// Advances at most `limit` accounts whose window is over, in one transaction, and answers how
    /// many. Any number of servers may do so at once.
    ///
    /// # Errors
    /// When the database fails.
    async fn renew_due(&self, limit: i64) -> Result<usize, StoreError>;
}
