//! Voiding records.

use billing_core::{
    correction::VoidRefusal,
    rating::{UsageRecord, UsageStatus},
};
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Conn, prices::CatalogCache, usage::find_record, users};
use crate::{Now, StoreError, VoidOrder, rows::VoidRow, schema::billing_records};

pub(super) async fn void_usage(
    conn: &mut Conn,
    cache: &CatalogCache,
    order: VoidOrder,
    now: Now,
) -> Result<Result<UsageRecord, VoidRefusal>, StoreError> {
    let user = users::lock(conn, &order.user_id, now()).await?;
    let now = now();
    let Some(original) = find_record(conn, &order.user_id, &order.id).await? else {
        return Ok(Err(VoidRefusal::NotFound));
    };
    match original.status {
        UsageStatus::Completed => {}
        UsageStatus::Voided => return Ok(Err(VoidRefusal::AlreadyVoided)),
        UsageStatus::Correction => return Ok(Err(VoidRefusal::IsCorrection)),
    }
    // Just before: a cancellation may have ended the window in the very moment of the record.
    let earliest = original.rated_at.min(now) - TimeDelta::microseconds(1);
    let catalog = users::share_catalog(conn, cache).await?;
    let mut user = users::bring_to(conn, &catalog, user, earliest, now).await?;
    let correction = user
        .void(&original, order.correction_id, now)
        .map_err(|error| StoreError::Refused(format!("a sum {error}")))?;
    diesel::update(billing_records::table.find((order.user_id.as_str(), order.id.as_str())))
        .set(VoidRow::new(order.reason, now))
        .execute(conn)
        .await?;
    users::store(conn, &[&user], &[&correction], now).await?;
    Ok(Ok(correction))
}
