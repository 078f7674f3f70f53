//! Giving committed events their places, and having them delivered from there on.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{super::deliveries::fan_out, Tx, dialect};
use crate::{
    StoreError,
    rows::{EventRow, PlaceRow},
    schema::{EVENTS, event_log, events},
};

/// Whether an event waits for its place.
pub(super) async fn is_any(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(!next(tx, 1).await?.is_empty())
}

/// Whoever gives places holds the log's row, so that what is read here was committed before, and
/// what commits later gets a later place.
pub(super) async fn place(tx: &mut Tx, limit: i64) -> Result<usize, StoreError> {
    let mut last: i64 = diesel::update(event_log::table.find(EVENTS))
        .set(event_log::last_place.eq(event_log::last_place))
        .returning(event_log::last_place)
        .get_result(&mut tx.conn)
        .await?;
    let placed = next(tx, limit).await?;
    fan_out(tx, &placed).await?;
    let places = placed.iter().map(|event| {
        last = last.saturating_add(1);
        PlaceRow {
            user_id: event.user_id.clone(),
            sequence: event.sequence,
            place: Some(last),
        }
    });
    let places = places.collect();
    dialect::update(&mut tx.conn, places).await?;
    diesel::update(event_log::table.find(EVENTS))
        .set(event_log::last_place.eq(last))
        .execute(&mut tx.conn)
        .await?;
    Ok(placed.len())
}

/// Events without a place, the oldest first.
async fn next(tx: &mut Tx, limit: i64) -> Result<Vec<EventRow>, StoreError> {
    Ok(events::table
        .filter(events::place.is_null())
        .order((events::created_at, events::user_id, events::sequence))
        .limit(limit)
        .select(EventRow::as_select())
        .load(&mut tx.conn)
        .await?)
}
