//! Reading events that have a place.

use billing_core::{
    ids::{EventId, UserId},
    refusal::Refusal,
};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;

use super::Tx;
use crate::{
    EventFilter, StoreError, StoredEvent,
    rows::EventRow,
    schema::{deliveries, events},
    sql_types::{DbTimestamp, DbUuid},
};

pub(super) async fn list(
    tx: &mut Tx,
    filter: EventFilter,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut query = events::table
        .filter(events::place.gt(after.unwrap_or_default()))
        .order(events::place)
        .limit(limit)
        .select(EventRow::as_select())
        .into_boxed();
    if let Some(user_id) = filter.user_id.map(UserId::into_string) {
        query = query.filter(events::user_id.eq(user_id));
    }
    if let Some(event_type) = filter.event_type {
        query = query.filter(events::type_.eq(event_type.name()));
    }
    if let Some(since) = filter.since {
        query = query.filter(events::created_at.ge(DbTimestamp(since)));
    }
    if let Some(status) = filter.delivery_status {
        let delivery = deliveries::table
            .filter(deliveries::user_id.eq(events::user_id))
            .filter(deliveries::sequence.eq(events::sequence))
            .filter(deliveries::status.eq(status.name()));
        query = query.filter(exists(delivery));
    }
    let rows = query.load(&mut tx.conn).await?;
    rows.into_iter().map(StoredEvent::try_from).collect()
}

pub(in super::super) async fn one(tx: &mut Tx, id: EventId) -> Result<StoredEvent, StoreError> {
    let row = events::table
        .filter(events::id.eq(DbUuid(id.uuid())))
        .filter(events::place.is_not_null())
        .select(EventRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    let row = row.ok_or_else(|| Refusal::EventNotFound(id.to_string()))?;
    row.try_into()
}
