//! Subscription plans.

use async_trait::async_trait;
use billing_core::{
    catalog::{Plan, PlanChange},
    ids::PlanId,
};

use crate::StoreError;

/// Subscription plans. A change asks for the time once no usage can be in the middle of being
/// priced and nobody in the middle of subscribing.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// The plans in their display order.
    ///
    /// # Errors
    /// When the database fails.
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError>;

    /// One plan, on offer or not.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn plan(&self, id: PlanId) -> Result<Plan, StoreError>;

    /// Creates a plan; the same plan again is answered as it is stored.
    ///
    /// # Errors
    /// When there is another plan with the id or the database fails.
    async fn create_plan(&self, id: PlanId, content: PlanChange) -> Result<Plan, StoreError>;

    /// Changes a plan. New terms are in force from now on; those before keep theirs.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn update_plan(&self, id: PlanId, change: PlanChange) -> Result<Plan, StoreError>;

    /// Takes a plan off the offer, with `keep_subscribers` also one that subscriptions use.
    ///
    /// # Errors
    /// When there is none, subscriptions use it or the database fails.
    async fn deactivate_plan(&self, id: PlanId, keep_subscribers: bool)
    -> Result<Plan, StoreError>;
}
