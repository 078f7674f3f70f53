//! Lists of invoices and credit notes, and which invoice carries a record.

use billing_core::{
    ids::{CreditNoteId, InvoiceId, UserId},
    invoice::{CreditNote, Invoice, InvoiceStatus},
    month::Month,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::Tx;
use crate::{
    InvoiceFilter, StoreError,
    rows::{CreditNoteRow, InvoiceRow, month},
    schema::{credit_notes, invoices},
    sql_types::{DbTimestamp, DbUuid},
};

/// The names of statuses.
pub(in super::super) fn names(statuses: [InvoiceStatus; 2]) -> [&'static str; 2] {
    statuses.map(InvoiceStatus::name)
}

/// A boxed query of invoices, as far as a filter lets them through.
macro_rules! narrowed {
    ($query:expr, $filter:expr) => {{
        let (mut query, filter) = ($query.into_boxed(), $filter);
        if let Some(user_id) = &filter.user_id {
            query = query.filter(invoices::user_id.eq(user_id.to_string()));
        }
        if let Some(status) = filter.status {
            query = query.filter(invoices::status.eq(status.name()));
        }
        if let Some(month) = filter.month {
            query = query.filter(invoices::billing_month.eq(month.to_string()));
        }
        if let Some(from) = filter.issued_from {
            query = query.filter(invoices::issued_at.ge(DbTimestamp(from)));
        }
        if let Some(until) = filter.issued_until {
            query = query.filter(invoices::issued_at.lt(DbTimestamp(until)));
        }
        if filter.unpaid {
            query = query.filter(invoices::status.eq_any(names(InvoiceStatus::UNPAID)));
        }
        query
    }};
}

/// A page of invoices, and how many there are. Those of all users stand in the order of their ids,
/// which begin with their time: one that is made later moves none that was read before.
pub(super) async fn page(
    tx: &mut Tx,
    filter: InvoiceFilter,
    offset: i64,
    limit: i64,
) -> Result<(Vec<Invoice>, i64), StoreError> {
    let count = narrowed!(invoices::table, &filter).count();
    let total = count.get_result(&mut tx.conn).await?;
    let found = narrowed!(invoices::table, &filter)
        .offset(offset)
        .limit(limit)
        .select(InvoiceRow::as_select());
    let found = match filter.user_id {
        Some(_) => found.order((invoices::billing_month.desc(), invoices::id.desc())),
        None => found.order(invoices::id),
    };
    Ok((in_order(found.load(&mut tx.conn).await?)?, total))
}

/// Invoices that come after one by id.
pub(super) async fn after(
    tx: &mut Tx,
    filter: InvoiceFilter,
    after: Option<InvoiceId>,
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    let after = after.map(InvoiceId::uuid).unwrap_or_default();
    let found = narrowed!(invoices::table, &filter)
        .filter(invoices::id.gt(DbUuid(after)))
        .order(invoices::id)
        .limit(limit)
        .select(InvoiceRow::as_select());
    in_order(found.load(&mut tx.conn).await?)
}

fn in_order(rows: Vec<InvoiceRow>) -> Result<Vec<Invoice>, StoreError> {
    rows.into_iter().map(Invoice::try_from).collect()
}

/// Credit notes, newest first: their ids begin with their time.
pub(super) async fn credit_notes(
    tx: &mut Tx,
    user_id: Option<UserId>,
    after: Option<CreditNoteId>,
    limit: i64,
) -> Result<Vec<CreditNote>, StoreError> {
    let mut query = credit_notes::table
        .order(credit_notes::id.desc())
        .limit(limit)
        .select(CreditNoteRow::as_select())
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(credit_notes::user_id.eq(user_id.into_string()));
    }
    if let Some(after) = after {
        query = query.filter(credit_notes::id.lt(DbUuid(after.uuid())));
    }
    let rows = query.load(&mut tx.conn).await?.into_iter();
    rows.map(CreditNote::try_from).collect()
}

/// An invoice in force and what it carries: the records of its user and month.
pub(in super::super) struct Carrier {
    pub(in super::super) id: InvoiceId,
    pub(in super::super) user_id: String,
    pub(in super::super) month: Month,
}

/// A carrier as it is read.
type CarrierRow = (DbUuid, String, String);

impl TryFrom<CarrierRow> for Carrier {
    type Error = StoreError;

    fn try_from((id, user_id, billing_month): CarrierRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: InvoiceId::new(id.0),
            user_id,
            month: month("billing_month", &billing_month)?,
        })
    }
}

/// The invoices in force of these users and months; some may be of pairs that nobody asked for.
pub(in super::super) async fn carriers(
    tx: &mut Tx,
    user_ids: Vec<String>,
    months: Vec<Month>,
) -> Result<Vec<Carrier>, StoreError> {
    let months = months.iter().map(Month::to_string);
    let rows: Vec<CarrierRow> = invoices::table
        .filter(invoices::user_id.eq_any(user_ids))
        .filter(invoices::billing_month.eq_any(months.collect::<Vec<_>>()))
        .filter(invoices::status.ne_all(names(InvoiceStatus::NOT_IN_FORCE)))
        .filter(invoices::is_receipt.eq(false))
        .select((invoices::id, invoices::user_id, invoices::billing_month))
        .load(&mut tx.conn)
        .await?;
    rows.into_iter().map(Carrier::try_from).collect()
}

/// An invoice that is in force.
pub(in super::super) async fn carrier(
    tx: &mut Tx,
    id: InvoiceId,
) -> Result<Option<Carrier>, StoreError> {
    let row: Option<CarrierRow> = invoices::table
        .filter(invoices::id.eq(DbUuid(id.uuid())))
        .filter(invoices::status.ne_all(names(InvoiceStatus::NOT_IN_FORCE)))
        .filter(invoices::is_receipt.eq(false))
        .select((invoices::id, invoices::user_id, invoices::billing_month))
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.map(Carrier::try_from).transpose()
}
