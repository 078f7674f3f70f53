//! Subscription plans and their terms over time.

use async_trait::async_trait;
use billing_core::{
    ids::PlanId,
    plan::{Plan, PlanChange, PlanRefusal, PlanVersion},
};
use chrono::{DateTime, Utc};
use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, dialect, prices::raise_version};
use crate::{
    Now, PlanStore, StoreError,
    rows::{PlanRow, PlanVersionRow},
    schema::{accounts, plan_versions, subscription_plans},
    sql_types::DbTimestamp,
};

#[async_trait]
impl PlanStore for Backend {
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let mut query = subscription_plans::table
                    .order((subscription_plans::display_order, subscription_plans::id))
                    .select(PlanRow::as_select())
                    .into_boxed();
                if !include_inactive {
                    query = query.filter(subscription_plans::is_active);
                }
                let rows = query.load(conn).await?;
                rows.into_iter().map(Plan::try_from).collect()
            })
        })
        .await
    }

    async fn plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        self.read(move |conn| Box::pin(async move { find(conn, &id).await }))
            .await
    }

    async fn create_plan(
        &self,
        id: PlanId,
        content: PlanChange,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError> {
        self.change_catalog(move |conn| {
            let (id, content, now) = (id.clone(), content.clone(), now.clone());
            Box::pin(async move { create(conn, id, content, &now).await })
        })
        .await
    }

    async fn update_plan(
        &self,
        id: PlanId,
        change: PlanChange,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError> {
        self.change_catalog(move |conn| {
            let (id, change, now) = (id.clone(), change.clone(), now.clone());
            Box::pin(async move { update(conn, id, change, &now).await })
        })
        .await
    }

    async fn deactivate_plan(
        &self,
        id: PlanId,
        keep_subscribers: bool,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError> {
        self.change_catalog(move |conn| {
            let (id, now) = (id.clone(), now.clone());
            Box::pin(async move { deactivate(conn, id, keep_subscribers, &now).await })
        })
        .await
    }
}

async fn create(
    conn: &mut Conn,
    id: PlanId,
    content: PlanChange,
    now: &Now,
) -> Result<Result<Plan, PlanRefusal>, StoreError> {
    dialect::lock_catalog(conn).await?;
    let now = now();
    let stored = find(conn, &id).await?;
    let new = content.create(id, now);
    if let Some(stored) = stored {
        let same = stored.has_content_of(&new);
        return Ok(if same {
            Ok(stored)
        } else {
            Err(PlanRefusal::Exists(new.id))
        });
    }
    diesel::insert_into(subscription_plans::table)
        .values(PlanRow::from(&new))
        .execute(conn)
        .await?;
    insert_version(conn, &new.version(now)).await?;
    raise_version(conn).await?;
    Ok(Ok(new))
}

async fn update(
    conn: &mut Conn,
    id: PlanId,
    change: PlanChange,
    now: &Now,
) -> Result<Result<Plan, PlanRefusal>, StoreError> {
    dialect::lock_catalog(conn).await?;
    let now = now();
    let Some(stored) = find(conn, &id).await? else {
        return Ok(Err(PlanRefusal::NotFound(id)));
    };
    let changed = change.apply(stored.clone());
    if changed == stored {
        return Ok(Ok(stored));
    }
    if stored.version(now) != changed.version(now) {
        replace_version(conn, &changed, now).await?;
    }
    write(conn, changed, now).await.map(Ok)
}

async fn deactivate(
    conn: &mut Conn,
    id: PlanId,
    keep_subscribers: bool,
    now: &Now,
) -> Result<Result<Plan, PlanRefusal>, StoreError> {
    dialect::lock_catalog(conn).await?;
    let now = now();
    let Some(stored) = find(conn, &id).await? else {
        return Ok(Err(PlanRefusal::NotFound(id)));
    };
    if !stored.is_active {
        return Ok(Ok(stored));
    }
    let subscriptions = if keep_subscribers {
        0
    } else {
        subscriptions(conn, &id).await?
    };
    if subscriptions > 0 {
        return Ok(Err(PlanRefusal::InUse { id, subscriptions }));
    }
    let inactive = Plan {
        is_active: false,
        ..stored
    };
    write(conn, inactive, now).await.map(Ok)
}

async fn find(conn: &mut Conn, id: &PlanId) -> Result<Option<Plan>, StoreError> {
    let row = subscription_plans::table
        .find(id.as_str())
        .select(PlanRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Plan::try_from).transpose()
}

/// Stores a plan that has changed.
async fn write(conn: &mut Conn, plan: Plan, now: DateTime<Utc>) -> Result<Plan, StoreError> {
    let plan = Plan {
        updated_at: now,
        ..plan
    };
    diesel::update(subscription_plans::table.find(plan.id.as_str()))
        .set(PlanRow::from(&plan))
        .execute(conn)
        .await?;
    raise_version(conn).await?;
    Ok(plan)
}

/// Counts the live subscriptions that use a plan or will change to it, in two looks at an index
/// each.
async fn subscriptions(conn: &mut Conn, id: &PlanId) -> Result<i64, StoreError> {
    let live = accounts::table.filter(accounts::subscription_id.is_not_null());
    let using: i64 = live
        .filter(accounts::plan_id.eq(id.as_str()))
        .select(count_star())
        .first(conn)
        .await?;
    let changing: i64 = live
        .filter(accounts::next_plan_id.eq(id.as_str()))
        .filter(accounts::plan_id.ne(id.as_str()))
        .select(count_star())
        .first(conn)
        .await?;
    Ok(using.saturating_add(changing))
}

/// The terms of all plans over time, each with whether its plan is on offer.
pub(super) async fn versions(conn: &mut Conn) -> Result<Vec<(bool, PlanVersion)>, StoreError> {
    let rows: Vec<(bool, PlanVersionRow)> = plan_versions::table
        .inner_join(subscription_plans::table)
        .select((subscription_plans::is_active, PlanVersionRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(is_active, row)| Ok((is_active, PlanVersion::try_from(row)?)))
        .collect()
}

/// Puts a plan's terms in force from now on.
async fn replace_version(
    conn: &mut Conn,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of_plan = plan_versions::plan_id.eq(plan.id.as_str());
    let first: PlanVersionRow = plan_versions::table
        .filter(of_plan)
        .order(plan_versions::effective_from)
        .select(PlanVersionRow::as_select())
        .first(conn)
        .await?;
    let first = PlanVersion::try_from(first)?;
    // A clock that was ahead wrote them; what is set last counts.
    diesel::delete(plan_versions::table)
        .filter(of_plan)
        .filter(plan_versions::effective_from.ge(DbTimestamp(now)))
        .execute(conn)
        .await?;
    if first.effective_from > now {
        // The first terms have been in force so far, and the past keeps them.
        let since_ever = PlanVersion {
            effective_from: DateTime::UNIX_EPOCH,
            ..first
        };
        insert_version(conn, &since_ever).await?;
    }
    insert_version(conn, &plan.version(now)).await
}

async fn insert_version(conn: &mut Conn, version: &PlanVersion) -> Result<(), StoreError> {
    diesel::insert_into(plan_versions::table)
        .values(PlanVersionRow::from(version))
        .execute(conn)
        .await?;
    Ok(())
}
