//! Reading an event's deliveries, and having them attempted again.

use std::sync::Arc;

use billing_core::{
    delivery::{Delivery, DeliveryStatus, Outlet},
    event::{EndpointEvent, EventData},
    ids::{EventId, UserId, WebhookEndpointId},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{events::one_event, webhooks},
    Tx, dialect,
};
use crate::{
    StoreError, StoredDelivery, StoredEvent,
    rows::{AttemptRow, DeliveryRow, NOBODY},
    schema::{EVENTS, deliveries, delivery_attempts, event_log, events},
    sql_types::DbTimestamp,
};

pub(super) async fn of_event(
    tx: &mut Tx,
    event: StoredEvent,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let mut found = Vec::new();
    for row in rows_of(tx, &event, None).await? {
        let attempts: Vec<AttemptRow> = delivery_attempts::table
            .filter(delivery_attempts::user_id.eq(row.user_id.as_str()))
            .filter(delivery_attempts::sequence.eq(row.sequence))
            .filter(delivery_attempts::outlet.eq(row.outlet.as_str()))
            .order(delivery_attempts::number)
            .select(AttemptRow::as_select())
            .load(&mut tx.conn)
            .await?;
        found.push(StoredDelivery {
            outlet: row.outlet()?,
            delivery: row.delivery()?,
            attempts: attempts.into_iter().map(Into::into).collect(),
        });
    }
    Ok(found)
}

async fn rows_of(
    tx: &mut Tx,
    event: &StoredEvent,
    outlet: Option<Outlet>,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let user_id = event.user_id.as_ref().map_or(NOBODY, UserId::as_str);
    let mut query = deliveries::table
        .filter(deliveries::user_id.eq(user_id))
        .filter(deliveries::sequence.eq(event.sequence))
        .order(deliveries::outlet)
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(outlet) = outlet {
        query = query.filter(deliveries::outlet.eq(outlet.to_string()));
    }
    Ok(query.load(&mut tx.conn).await?)
}

pub(super) async fn one(
    tx: &mut Tx,
    id: EventId,
    outlet: Option<Outlet>,
) -> Result<usize, StoreError> {
    let event = one_event(tx, id).await?;
    // What could not be rendered never can be.
    if event.fault.is_some() {
        return Ok(0);
    }
    let rows = rows_of(tx, &event, outlet).await?;
    again(tx, rows).await
}

/// Has deliveries attempted from the start again, but for those that somebody is at.
async fn again(tx: &mut Tx, mut rows: Vec<DeliveryRow>) -> Result<usize, StoreError> {
    let now = tx.now();
    rows.retain(|row| row.lease.is_none());
    for row in &mut rows {
        let mut delivery = row.delivery()?;
        delivery.again(now);
        row.set(&delivery);
    }
    let count = rows.len();
    dialect::update(&mut tx.conn, rows).await?;
    tx.has_news = count > 0;
    Ok(count)
}

pub(super) async fn dead(
    tx: &mut Tx,
    outlet: Option<Outlet>,
    limit: i64,
) -> Result<usize, StoreError> {
    let mut query = deliveries::table
        .inner_join(
            events::table.on(events::user_id
                .eq(deliveries::user_id)
                .and(events::sequence.eq(deliveries::sequence))),
        )
        .filter(deliveries::status.eq(DeliveryStatus::Dead.name()))
        .filter(events::fault.is_null())
        .limit(limit)
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(outlet) = outlet {
        query = query.filter(deliveries::outlet.eq(outlet.to_string()));
    }
    let rows = query.load(&mut tx.conn).await?;
    again(tx, rows).await
}

pub(super) async fn recover(
    tx: &mut Tx,
    id: WebhookEndpointId,
    since: DateTime<Utc>,
) -> Result<usize, StoreError> {
    webhooks::lock(tx, id).await?;
    let missed = [DeliveryStatus::Dead, DeliveryStatus::Paused].map(DeliveryStatus::name);
    let rows = deliveries::table
        .inner_join(
            events::table.on(events::user_id
                .eq(deliveries::user_id)
                .and(events::sequence.eq(deliveries::sequence))),
        )
        .filter(deliveries::outlet.eq(Outlet::Endpoint(id).to_string()))
        .filter(deliveries::status.eq_any(missed))
        .filter(events::fault.is_null())
        .filter(events::created_at.ge(DbTimestamp(since)))
        .select(DeliveryRow::as_select())
        .load(&mut tx.conn)
        .await?;
    again(tx, rows).await
}

pub(super) async fn test(tx: &mut Tx, id: WebhookEndpointId) -> Result<(), StoreError> {
    let endpoint = webhooks::lock(tx, id).await?;
    let now = tx.now();
    tx.tell_all(
        EventData::Endpoint(EndpointEvent::Test, Arc::new(endpoint)),
        now,
    );
    tx.write_events().await?;
    let sequence = event_log::table
        .find(EVENTS)
        .select(event_log::last_sequence)
        .first(&mut tx.conn)
        .await?;
    let key = (NOBODY.to_owned(), sequence);
    let delivery = Delivery::new(now);
    let row = DeliveryRow::new(key, Outlet::Endpoint(id), &delivery, now);
    dialect::insert(&mut tx.conn, vec![row]).await
}
