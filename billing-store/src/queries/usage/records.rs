//! Reading usage records.

use std::collections::{HashMap, HashSet};

use billing_core::{
    catalog::Catalog,
    ids::{RecordId, UserId},
    refusal::Refusal,
    usage::UsageRecord,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{
    Tx,
    invoices::listed::{Carrier, carrier, carriers},
};
use crate::{
    FoundRecords, InvoicedRecord, RecordFilter, StoreError,
    rows::RecordRow,
    schema::billing_records,
    sql_types::{DbTimestamp, DbUuid},
};

pub(super) async fn one(
    tx: &mut Tx,
    user_id: UserId,
    id: RecordId,
) -> Result<InvoicedRecord, StoreError> {
    let row = stored(tx, &user_id, id).await?;
    let record = row.into_record(tx.catalog().await?.as_ref())?;
    let found = with_invoices(tx, vec![record]).await?.into_iter().next();
    found.ok_or_else(|| Refusal::UsageNotFound(id.to_string()).into())
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

/// How many records of all users one search looks at.
const MOST_SEARCHED: i64 = 10_000;

pub(super) async fn list(
    tx: &mut Tx,
    mut filter: RecordFilter,
    limit: i64,
) -> Result<FoundRecords, StoreError> {
    if let Some(id) = filter.invoice_id {
        let carrier = carrier(tx, id).await?;
        if !carrier.is_some_and(|carrier| takes_only(&mut filter, carrier)) {
            return Ok(FoundRecords {
                records: Vec::new(),
                rest: None,
            });
        }
    }
    let rest = match filter.user_id {
        Some(_) => None,
        None => search_end(tx, filter.after).await?,
    };
    let rows = found(tx, filter, rest, limit).await?;
    let records = into_records(rows, tx.catalog().await?.as_ref())?;
    Ok(FoundRecords {
        records: with_invoices(tx, records).await?,
        rest,
    })
}

/// Narrows a filter to what an invoice carries; false when that leaves nothing.
fn takes_only(filter: &mut RecordFilter, carrier: Carrier) -> bool {
    let of_user = filter.user_id.as_ref();
    let of_user = of_user.is_none_or(|user_id| user_id.as_str() == carrier.user_id);
    let of_month = filter
        .invoice_month
        .is_none_or(|month| month == carrier.month);
    filter.user_id = Some(UserId::trusted(carrier.user_id));
    filter.invoice_month = Some(carrier.month);
    of_user && of_month
}

/// The last record that a search of all users looks at; `None` when it comes to the end.
async fn search_end(tx: &mut Tx, after: Option<RecordId>) -> Result<Option<RecordId>, StoreError> {
    let mut query = billing_records::table
        .order(billing_records::id.desc())
        .offset(MOST_SEARCHED.saturating_sub(1))
        .select(billing_records::id)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(billing_records::id.lt(DbUuid(after.uuid())));
    }
    let end: Option<DbUuid> = query.first(&mut tx.conn).await.optional()?;
    Ok(end.map(|id| RecordId::new(id.0)))
}

async fn found(
    tx: &mut Tx,
    filter: RecordFilter,
    end: Option<RecordId>,
    limit: i64,
) -> Result<Vec<RecordRow>, StoreError> {
    // Ids rise in the order of recording, so the newest record has the greatest.
    let mut query = billing_records::table
        .order(billing_records::id.desc())
        .limit(limit)
        .select(RecordRow::as_select())
        .into_boxed();
    if let Some(user_id) = filter.user_id {
        query = query.filter(billing_records::user_id.eq(user_id.into_string()));
    }
    if let Some(month) = filter.billing_month {
        query = query.filter(billing_records::billing_month.eq(month.to_string()));
    }
    if let Some(month) = filter.invoice_month {
        let (own, late) = (month.to_string(), month.to_string());
        let own = billing_records::billing_month.eq(own);
        let own = billing_records::invoice_month.is_null().and(own);
        let late = billing_records::invoice_month.assume_not_null().eq(late);
        query = query.filter(own.or(billing_records::invoice_month.is_not_null().and(late)));
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
    if let Some(end) = end {
        query = query.filter(billing_records::id.ge(DbUuid(end.uuid())));
    }
    Ok(query.load(&mut tx.conn).await?)
}

/// Records with the invoices that carry them.
pub(in super::super) async fn with_invoices(
    tx: &mut Tx,
    records: Vec<UsageRecord>,
) -> Result<Vec<InvoicedRecord>, StoreError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let users: HashSet<_> = records
        .iter()
        .map(|found| found.user_id.to_string())
        .collect();
    let months: HashSet<_> = records.iter().map(|found| found.invoice_month).collect();
    let carriers = carriers(
        tx,
        users.into_iter().collect(),
        months.into_iter().collect(),
    );
    let carriers = carriers.await?.into_iter();
    let carriers: HashMap<_, _> = carriers
        .map(|found| ((found.user_id, found.month), found.id))
        .collect();
    let invoiced = records.into_iter().map(|record| {
        let carried = (record.user_id.to_string(), record.invoice_month);
        InvoicedRecord {
            invoice_id: carriers.get(&carried).copied(),
            record,
        }
    });
    Ok(invoiced.collect())
}

/// Records with what the catalog, which is as new as they are, tells of them.
pub(in super::super) fn into_records(
    rows: Vec<RecordRow>,
    catalog: &Catalog,
) -> Result<Vec<UsageRecord>, StoreError> {
    let records = rows.into_iter().map(|row| row.into_record(catalog));
    records.collect()
}
