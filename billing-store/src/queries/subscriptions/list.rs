//! Lists of subscriptions as of now.

use std::collections::{HashMap, HashSet};

use billing_core::{
    ids::{SubscriptionId, UserId},
    subscription::{SubscriptionRecord, SubscriptionView},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::Tx;
use crate::{
    StoreError,
    rows::SubscriptionRow,
    schema::{subscription_periods, subscriptions},
    sql_types::DbUuid,
};

pub(super) async fn list(
    tx: &mut Tx,
    user_id: Option<UserId>,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<(UserId, SubscriptionView)>, StoreError> {
    let listed = keys(tx, user_id, after, limit).await?;
    let users: HashSet<_> = listed.iter().map(|(user_id, _)| user_id.clone()).collect();
    let users: Vec<_> = users.into_iter().collect();
    // The accounts first: what they know of a subscription counts instead of what is stored.
    let accounts = tx.view_many(&users).await?.account.into_iter();
    let accounts: HashMap<_, _> = accounts
        .map(|account| (account.id().to_string(), account))
        .collect();
    let mut records = stored(tx, &users, &listed).await?;
    count_late_usage(tx, &users, &mut records).await?;
    let view = |(user_id, id): (String, DbUuid)| {
        let record = records.remove(&SubscriptionId::new(id.0))?;
        let view = accounts.get(&user_id)?.view_subscription(record);
        Some((UserId::trusted(user_id), view))
    };
    Ok(listed.into_iter().filter_map(view).collect())
}

/// Which subscriptions to list. Ids begin with their time, so the newest has the greatest.
async fn keys(
    tx: &mut Tx,
    user_id: Option<UserId>,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<(String, DbUuid)>, StoreError> {
    let mut query = subscriptions::table
        .order(subscriptions::id.desc())
        .limit(limit)
        .select((subscriptions::user_id, subscriptions::id))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(subscriptions::user_id.eq(user_id.into_string()));
    }
    if let Some(after) = after {
        query = query.filter(subscriptions::id.lt(DbUuid(after.uuid())));
    }
    Ok(query.load(&mut tx.conn).await?)
}

async fn stored(
    tx: &mut Tx,
    users: &[String],
    listed: &[(String, DbUuid)],
) -> Result<HashMap<SubscriptionId, SubscriptionRecord>, StoreError> {
    let ids: Vec<_> = listed.iter().map(|(_, id)| *id).collect();
    let rows: Vec<SubscriptionRow> = subscriptions::table
        .filter(subscriptions::user_id.eq_any(users))
        .filter(subscriptions::id.eq_any(ids))
        .select(SubscriptionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    let records = rows.into_iter().map(|row| {
        let record = SubscriptionRecord::try_from(row)?;
        Ok((record.id, record))
    });
    records.collect()
}

/// Late usage and voids still change the last window of a subscription that has ended.
async fn count_late_usage(
    tx: &mut Tx,
    users: &[String],
    records: &mut HashMap<SubscriptionId, SubscriptionRecord>,
) -> Result<(), StoreError> {
    let ended = records.values().filter(|record| record.state.is_over());
    let ended: Vec<_> = ended.map(|record| DbUuid(record.id.uuid())).collect();
    if ended.is_empty() {
        return Ok(());
    }
    // The last window of each counts.
    let windows: Vec<(DbUuid, i64)> = subscription_periods::table
        .filter(subscription_periods::user_id.eq_any(users))
        .filter(subscription_periods::subscription_id.eq_any(ended))
        .order(subscription_periods::window_start)
        .select((
            subscription_periods::subscription_id,
            subscription_periods::tokens_used,
        ))
        .load(&mut tx.conn)
        .await?;
    for (id, tokens_used) in windows {
        if let Some(record) = records.get_mut(&SubscriptionId::new(id.0)) {
            record.tokens_used = tokens_used;
        }
    }
    Ok(())
}
