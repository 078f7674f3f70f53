//! Forgetting what is over since long.

use billing_core::delivery::DeliveryStatus;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    dsl::{exists, not},
    prelude::*,
};
use diesel_async::RunQueryDsl;

use super::Tx;
use crate::{
    StoreError,
    rows::DeliveryRow,
    schema::{deliveries, delivery_attempts, events, mails},
    sql_types::DbTimestamp,
};

/// How long deliveries are kept that were taken, or that nobody wanted.
const KEEP_FINISHED: TimeDelta = TimeDelta::days(30);
/// How long deliveries are kept that were given up, or that wait for their endpoint.
const KEEP_MISSED: TimeDelta = TimeDelta::days(90);

pub(super) async fn prune(
    tx: &mut Tx,
    events_before: DateTime<Utc>,
    limit: i64,
) -> Result<usize, StoreError> {
    let now = tx.now();
    let finished = [DeliveryStatus::Delivered, DeliveryStatus::Skipped];
    let missed = [DeliveryStatus::Dead, DeliveryStatus::Paused];
    let mut gone = 0;
    for (statuses, keep) in [(finished, KEEP_FINISHED), (missed, KEEP_MISSED)] {
        let before = now.checked_sub_signed(keep).unwrap_or(now);
        let over: Vec<DeliveryRow> = deliveries::table
            .filter(deliveries::finished_at.lt(DbTimestamp(before)))
            .filter(deliveries::status.eq_any(statuses.map(DeliveryStatus::name)))
            .limit(limit)
            .select(DeliveryRow::as_select())
            .load(&mut tx.conn)
            .await?;
        gone += over.len();
        for row in over {
            forget(tx, &row).await?;
        }
    }
    Ok(gone + prune_events(tx, events_before, limit).await?)
}

async fn forget(tx: &mut Tx, row: &DeliveryRow) -> Result<(), StoreError> {
    let (user_id, outlet) = (row.user_id.as_str(), row.outlet.as_str());
    let attempts = delivery_attempts::table
        .filter(delivery_attempts::user_id.eq(user_id))
        .filter(delivery_attempts::sequence.eq(row.sequence))
        .filter(delivery_attempts::outlet.eq(outlet));
    diesel::delete(attempts).execute(&mut tx.conn).await?;
    let key = (user_id, row.sequence, outlet);
    diesel::delete(mails::table.find(key))
        .execute(&mut tx.conn)
        .await?;
    diesel::delete(deliveries::table.find(key))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

/// Forgets old events of which no delivery is left.
async fn prune_events(tx: &mut Tx, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let kept = deliveries::table
        .filter(deliveries::user_id.eq(events::user_id))
        .filter(deliveries::sequence.eq(events::sequence));
    // Places rise with time, so that the oldest come first.
    let old: Vec<(String, i64)> = events::table
        .filter(events::place.is_not_null())
        .filter(events::created_at.lt(DbTimestamp(before)))
        .filter(not(exists(kept)))
        .order(events::place)
        .limit(limit)
        .select((events::user_id, events::sequence))
        .load(&mut tx.conn)
        .await?;
    for (user_id, sequence) in &old {
        diesel::delete(events::table.find((user_id.as_str(), *sequence)))
            .execute(&mut tx.conn)
            .await?;
    }
    Ok(old.len())
}
