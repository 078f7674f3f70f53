//! Reading usage records.

use billing_core::{
    catalog::Catalog,
    ids::{RecordId, UserId},
    refusal::Refusal,
    usage::UsageRecord,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::Tx;
use crate::{
    RecordFilter, StoreError,
    rows::RecordRow,
    schema::billing_records,
    sql_types::{DbTimestamp, DbUuid},
};

pub(super) async fn one(
    tx: &mut Tx,
    user_id: UserId,
    id: RecordId,
) -> Result<UsageRecord, StoreError> {
    let row = stored(tx, &user_id, id).await?;
    row.into_record(tx.catalog().await?.as_ref())
}

/// A record as it is stored.
pub(super) async fn stored(
    tx: &mut Tx,
    user_id: &UserId,
    id: RecordId,
) -> Result<RecordRow, StoreError> {
    let row = billing_records::table
        .find((user_id.as_str(), DbUuid(id.uuid())))
        .select(RecordRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.ok_or_else(|| Refusal::UsageNotFound(id.to_string()).into())
}

pub(super) async fn list(
    tx: &mut Tx,
    filter: RecordFilter,
    limit: i64,
) -> Result<Vec<UsageRecord>, StoreError> {
    // Ids rise in the order of recording, so the newest record has the greatest.
    let mut query = billing_records::table
        .filter(billing_records::user_id.eq(filter.user_id.into_string()))
        .order(billing_records::id.desc())
        .limit(limit)
        .select(RecordRow::as_select())
        .into_boxed();
    if let Some(month) = filter.billing_month {
        query = query.filter(billing_records::billing_month.eq(month.to_string()));
    }
    if let Some(model) = filter.model {
        query = query.filter(billing_records::model.eq(model.into_string()));
    }
    if let Some(from) = filter.from {
        query = query.filter(billing_records::created_at.ge(DbTimestamp(from)));
    }
    if let Some(until) = filter.until {
        query = query.filter(billing_records::created_at.lt(DbTimestamp(until)));
    }
    if let Some(request_id) = filter.request_id {
        query = query.filter(billing_records::request_id.eq(request_id.into_string()));
    }
    if let Some(after) = filter.after {
        query = query.filter(billing_records::id.lt(DbUuid(after.uuid())));
    }
    let rows = query.load(&mut tx.conn).await?;
    into_records(rows, tx.catalog().await?.as_ref())
}

/// Records with what the catalog, which is as new as they are, tells of them.
pub(in super::super) fn into_records(
    rows: Vec<RecordRow>,
    catalog: &Catalog,
) -> Result<Vec<UsageRecord>, StoreError> {
    let records = rows.into_iter().map(|row| row.into_record(catalog));
    records.collect()
}
