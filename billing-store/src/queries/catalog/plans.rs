//! Subscription plans.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    catalog::{Plan, PlanChange, PlanDecision, PlanVersion},
    event::EventData,
    ids::PlanId,
    refusal::Refusal,
};
use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

use super::{
    super::{Backend, Tx, dialect},
    raise_version,
};
use crate::{
    PlanStore, StoreError,
    rows::{PlanRow, PlanVersionRow},
    schema::{accounts, subscription_plans},
};

#[async_trait]
impl PlanStore for Backend {
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError> {
        self.read(include_inactive, |tx, all| list(tx, all).boxed())
            .await
    }

    async fn plan(&self, id: PlanId) -> Result<Plan, StoreError> {
        self.read(id, |tx, id| one(tx, id).boxed()).await
    }

    async fn create_plan(&self, id: PlanId, content: PlanChange) -> Result<Plan, StoreError> {
        self.change_catalog((id, content), |tx, (id, content)| {
            create(tx, id, content).boxed()
        })
        .await
    }

    async fn update_plan(&self, id: PlanId, change: PlanChange) -> Result<Plan, StoreError> {
        self.change_catalog((id, change), |tx, (id, change)| {
            update(tx, id, change).boxed()
        })
        .await
    }

    async fn deactivate_plan(
        &self,
        id: PlanId,
        keep_subscribers: bool,
    ) -> Result<Plan, StoreError> {
        self.change_catalog((id, keep_subscribers), |tx, (id, keep)| {
            deactivate(tx, id, keep).boxed()
        })
        .await
    }
}

async fn list(tx: &mut Tx, include_inactive: bool) -> Result<Vec<Plan>, StoreError> {
    let mut query = subscription_plans::table
        .order((subscription_plans::display_order, subscription_plans::id))
        .select(PlanRow::as_select())
        .into_boxed();
    if !include_inactive {
        query = query.filter(subscription_plans::is_active);
    }
    let rows = query.load(&mut tx.conn).await?;
    rows.into_iter().map(Plan::try_from).collect()
}

async fn one(tx: &mut Tx, id: PlanId) -> Result<Plan, StoreError> {
    let plan = find(tx, &id).await?;
    plan.ok_or(StoreError::Rejected(Refusal::PlanNotFound(id)))
}

async fn create(tx: &mut Tx, id: PlanId, content: PlanChange) -> Result<Plan, StoreError> {
    let version = dialect::lock_catalog(&mut tx.conn).await?;
    let catalog = tx.catalog_at(version).await?;
    let stored = find(tx, &id).await?;
    let decision = catalog.create_plan(stored, id, content, tx.now())?;
    write(tx, decision).await
}

async fn update(tx: &mut Tx, id: PlanId, change: PlanChange) -> Result<Plan, StoreError> {
    let version = dialect::lock_catalog(&mut tx.conn).await?;
    let catalog = tx.catalog_at(version).await?;
    let stored = find(tx, &id).await?;
    let decision = catalog.update_plan(stored, id, change, tx.now())?;
    write(tx, decision).await
}

async fn deactivate(tx: &mut Tx, id: PlanId, keep_subscribers: bool) -> Result<Plan, StoreError> {
    dialect::lock_catalog(&mut tx.conn).await?;
    let stored = find(tx, &id).await?;
    let subscriptions = subscriptions(tx, &id).await?;
    let decision = Plan::deactivate(stored, id, keep_subscribers, subscriptions, tx.now())?;
    write(tx, decision).await
}

async fn find(tx: &mut Tx, id: &PlanId) -> Result<Option<Plan>, StoreError> {
    let row = subscription_plans::table
        .find(id.as_str())
        .select(PlanRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.map(Plan::try_from).transpose()
}

/// Stores what was decided of a plan.
async fn write(tx: &mut Tx, decision: PlanDecision) -> Result<Plan, StoreError> {
    let (plan, version) = match &decision {
        PlanDecision::Unchanged(_) => return Ok(decision.into_plan()),
        PlanDecision::Created(plan, version) => (plan, Some(version)),
        PlanDecision::Changed(plan, version) => (plan, version.as_ref()),
    };
    dialect::upsert(&mut tx.conn, vec![PlanRow::from(plan)]).await?;
    let added = version.map(|version: &PlanVersion| PlanVersionRow::from(version));
    dialect::insert(&mut tx.conn, added.into_iter().collect()).await?;
    tx.tell_all(EventData::PlanChanged(Arc::new(plan.clone())), tx.now());
    raise_version(tx).await?;
    Ok(decision.into_plan())
}

/// Counts the live subscriptions that use a plan or will change to it, in two looks at an index
/// each.
async fn subscriptions(tx: &mut Tx, id: &PlanId) -> Result<i64, StoreError> {
    let live = accounts::table.filter(accounts::subscription_id.is_not_null());
    let using: i64 = live
        .filter(accounts::plan_id.eq(id.as_str()))
        .select(count_star())
        .first(&mut tx.conn)
        .await?;
    let changing: i64 = live
        .filter(accounts::next_plan_id.eq(id.as_str()))
        .filter(accounts::plan_id.ne(id.as_str()))
        .select(count_star())
        .first(&mut tx.conn)
        .await?;
    Ok(using.saturating_add(changing))
}
