//! Users' subscriptions.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use billing_core::{
    ids::{SubscriptionId, UserId},
    subscription::{SubscriptionOrder, SubscriptionRecord, SubscriptionRefusal, SubscriptionState},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, prices::CatalogCache, users};
use crate::{
    Now, StoreError, SubscriptionStore,
    rows::SubscriptionRow,
    schema::{accounts, subscription_periods, subscriptions},
    sql_types::DbTimestamp,
};

#[async_trait]
impl SubscriptionStore for Backend {
    async fn order_subscription(
        &self,
        user_id: UserId,
        order: SubscriptionOrder,
        now: Now,
    ) -> Result<Result<SubscriptionState, SubscriptionRefusal>, StoreError> {
        let cache = self.catalog.clone();
        self.write_again(move |conn| {
            let (cache, user_id) = (cache.clone(), user_id.clone());
            let (order, now) = (order.clone(), Arc::clone(&now));
            Box::pin(async move {
                let user = users::lock(conn, &user_id, now()).await?;
                let now = now();
                let catalog = users::share_catalog(conn, &cache).await?;
                let mut user = users::bring_to(conn, &catalog, user, now, now).await?;
                let ordered = user.order(order, &catalog, now);
                if ordered.is_ok() {
                    users::store(conn, &[&user], &[], now).await?;
                }
                Ok(ordered)
            })
        })
        .await
    }

    async fn live_subscription(
        &self,
        user_id: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<SubscriptionState>, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                let (user, _) = users::view(conn, &cache, user_id, now, now).await?;
                let Some(live) = &user.account.subscription else {
                    return Ok(None);
                };
                let row = subscriptions::table
                    .find((user.id().as_str(), live.id.as_str()))
                    .select(SubscriptionRow::as_select())
                    .first(conn)
                    .await?;
                let record = SubscriptionRecord::try_from(row)?;
                Ok(Some(SubscriptionState::of(record, &user)))
            })
        })
        .await
    }

    async fn subscriptions(
        &self,
        user_id: UserId,
        after: Option<SubscriptionId>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionState>, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                let (user, _) = users::view(conn, &cache, user_id, now, now).await?;
                // Ids begin with their time, so the newest has the greatest.
                let mut query = subscriptions::table
                    .filter(subscriptions::user_id.eq(user.id().as_str()))
                    .order(subscriptions::id.desc())
                    .limit(limit)
                    .select(SubscriptionRow::as_select())
                    .into_boxed();
                if let Some(after) = &after {
                    query = query.filter(subscriptions::id.lt(after.as_str()));
                }
                let rows = query.load(conn).await?;
                let records = rows.into_iter().map(SubscriptionRecord::try_from);
                let mut records = records.collect::<Result<Vec<_>, _>>()?;
                count_late_usage(conn, user.id(), &mut records).await?;
                let states = records.into_iter();
                Ok(states
                    .map(|record| SubscriptionState::of(record, &user))
                    .collect())
            })
        })
        .await
    }

    async fn renew_due(&self, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
        let cache = self.catalog.clone();
        self.write_again(move |conn| {
            let cache = cache.clone();
            Box::pin(async move { renew_due(conn, &cache, now, limit).await })
        })
        .await
    }
}

/// Late usage and voids still change the last window of a subscription that has ended.
async fn count_late_usage(
    conn: &mut Conn,
    user_id: &UserId,
    records: &mut [SubscriptionRecord],
) -> Result<(), StoreError> {
    let ended = records.iter().filter(|record| record.standing.is_over());
    let ended: Vec<_> = ended.map(|record| record.id.to_string()).collect();
    if ended.is_empty() {
        return Ok(());
    }
    let windows: Vec<(String, i64)> = subscription_periods::table
        .filter(subscription_periods::user_id.eq(user_id.as_str()))
        .filter(subscription_periods::subscription_id.eq_any(ended))
        .order(subscription_periods::window_start)
        .select((
            subscription_periods::subscription_id,
            subscription_periods::tokens_used,
        ))
        .load(conn)
        .await?;
    let last: HashMap<_, _> = windows.into_iter().collect();
    for record in records {
        if let Some(tokens_used) = last.get(record.id.as_str()) {
            record.tokens_used = *tokens_used;
        }
    }
    Ok(())
}

async fn renew_due(
    conn: &mut Conn,
    cache: &CatalogCache,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<usize, StoreError> {
    let due: Vec<String> = accounts::table
        .filter(accounts::subscription_id.is_not_null())
        .filter(accounts::window_end.le(DbTimestamp(now)))
        .order(accounts::window_end)
        .limit(limit)
        .select(accounts::user_id)
        .load(conn)
        .await?;
    if due.is_empty() {
        return Ok(0);
    }
    let found = due.len();
    let (users, _) = users::lock_many(conn, cache, due, now).await?;
    // Usage or another server may have been faster with some.
    let renewed = users.iter().filter(|user| user.effects.account_changed);
    let renewed: Vec<_> = renewed.collect();
    users::store(conn, &renewed, &[], now).await?;
    Ok(found)
}
