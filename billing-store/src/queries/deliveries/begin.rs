//! Beginning deliveries that are due, under leases.

use std::time::Duration;

use billing_core::delivery::{DeliveryStatus, Outlet};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Tx, dialect};
use crate::{
    BegunDelivery, StoreError,
    rows::{DeliveryRow, EventRow, OutletRow},
    schema::{deliveries, events, outlets},
    sql_types::{DbTimestamp, DbUuid},
};

/// The outlets for which something is due.
pub(super) async fn due(tx: &mut Tx) -> Result<Vec<Outlet>, StoreError> {
    let now = DbTimestamp(tx.now());
    let is_due = deliveries::table
        .filter(deliveries::outlet.eq(outlets::outlet))
        .filter(deliveries::status.eq(DeliveryStatus::Pending.name()))
        .filter(deliveries::next_at.le(now));
    let names: Vec<String> = outlets::table
        .filter(exists(is_due))
        .order(outlets::outlet)
        .select(outlets::outlet)
        .load(&mut tx.conn)
        .await?;
    let outlets = names.into_iter().map(|name| {
        let outlet = name.parse();
        outlet.map_err(|_| StoreError::corrupt("outlets.outlet", name))
    });
    outlets.collect()
}

pub(super) async fn begin(
    tx: &mut Tx,
    outlet: Outlet,
    lease: Uuid,
    lease_for: Duration,
) -> Result<Vec<BegunDelivery>, StoreError> {
    let name = outlet.to_string();
    let Some(row) = dialect::try_lock_outlet(&mut tx.conn, &name).await? else {
        return Ok(Vec::new());
    };
    let (now, clock) = (tx.now(), dialect::clock(&mut tx.conn).await?);
    let mut health = row.health();
    let on_their_way = on_their_way(tx, &name, clock).await?;
    let allowed = health.allowed(on_their_way, now);
    let mut due = next(tx, &name, allowed, now, clock).await?;
    let begun = u32::try_from(due.len()).unwrap_or(u32::MAX);
    health.note_begun(begun, allowed, now);
    let row = OutletRow::new(outlet, &health);
    dialect::update(&mut tx.conn, vec![row]).await?;
    let lease_for = TimeDelta::from_std(lease_for).unwrap_or_default();
    let until = clock.checked_add_signed(lease_for).unwrap_or(clock);
    for delivery in &mut due {
        delivery.lease = Some(DbUuid(lease));
        delivery.leased_until = Some(DbTimestamp(until));
    }
    let begun = with_events(tx, &due).await?;
    dialect::update(&mut tx.conn, due).await?;
    Ok(begun)
}

/// How many deliveries of an outlet somebody is at.
async fn on_their_way(tx: &mut Tx, outlet: &str, clock: DateTime<Utc>) -> Result<u32, StoreError> {
    let count: i64 = deliveries::table
        .filter(deliveries::outlet.eq(outlet))
        .filter(deliveries::lease.is_not_null())
        .filter(deliveries::leased_until.gt(DbTimestamp(clock)))
        .count()
        .get_result(&mut tx.conn)
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Deliveries that are due and nobody is at, the longest waiting first.
async fn next(
    tx: &mut Tx,
    outlet: &str,
    limit: u32,
    now: DateTime<Utc>,
    clock: DateTime<Utc>,
) -> Result<Vec<DeliveryRow>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let is_free = deliveries::lease.is_null().or(deliveries::leased_until
        .le(DbTimestamp(clock))
        .assume_not_null());
    Ok(deliveries::table
        .filter(deliveries::outlet.eq(outlet))
        .filter(deliveries::status.eq(DeliveryStatus::Pending.name()))
        .filter(deliveries::next_at.le(DbTimestamp(now)))
        .filter(is_free)
        .order(deliveries::next_at)
        .limit(limit.into())
        .select(DeliveryRow::as_select())
        .load(&mut tx.conn)
        .await?)
}

async fn with_events(tx: &mut Tx, due: &[DeliveryRow]) -> Result<Vec<BegunDelivery>, StoreError> {
    let mut begun = Vec::with_capacity(due.len());
    for row in due {
        let event: EventRow = events::table
            .find((row.user_id.as_str(), row.sequence))
            .select(EventRow::as_select())
            .first(&mut tx.conn)
            .await?;
        begun.push(BegunDelivery {
            event: event.try_into()?,
            attempts: row.delivery()?.attempts,
        });
    }
    Ok(begun)
}
