//! Reading invoices.

use std::collections::HashMap;

use billing_core::{
    ids::{InvoiceId, UserId},
    invoice::{CreditNote, Invoice, InvoiceStatus, LiveInvoice, MonthInvoices},
    month::Month,
    refusal::Refusal,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::Tx;
use crate::{
    StoreError,
    rows::{CreditNoteRow, InvoiceRow},
    schema::{credit_notes, invoices},
    sql_types::{DbTimestamp, DbUuid},
};

/// One invoice with its credit notes.
pub(in super::super) async fn one(
    tx: &mut Tx,
    user_id: UserId,
    id: InvoiceId,
) -> Result<Invoice, StoreError> {
    let found = find(tx, &user_id, id).await?;
    Ok(found.ok_or_else(|| Refusal::InvoiceNotFound(id.to_string()))?)
}

/// One invoice with its credit notes, if there is one.
pub(in super::super) async fn find(
    tx: &mut Tx,
    user_id: &UserId,
    id: InvoiceId,
) -> Result<Option<Invoice>, StoreError> {
    let row = invoices::table
        .find((user_id.as_str(), DbUuid(id.uuid())))
        .select(InvoiceRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let notes = credit_notes::table
        .filter(credit_notes::user_id.eq(user_id.as_str()))
        .filter(credit_notes::invoice_id.eq(DbUuid(id.uuid())))
        .order((credit_notes::created_at, credit_notes::id))
        .select(CreditNoteRow::as_select())
        .load(&mut tx.conn)
        .await?;
    let mut invoice = Invoice::try_from(row)?;
    let notes = notes.into_iter().map(CreditNote::try_from);
    invoice.credit_notes = notes.collect::<Result<_, _>>()?;
    Ok(Some(invoice))
}

/// A user's invoices that wait to be paid, without their credit notes.
pub(in super::super) async fn unpaid_of(
    tx: &mut Tx,
    user_id: &UserId,
) -> Result<Vec<Invoice>, StoreError> {
    let unpaid = InvoiceStatus::UNPAID.map(InvoiceStatus::name);
    let rows: Vec<InvoiceRow> = invoices::table
        .filter(invoices::user_id.eq(user_id.as_str()))
        .filter(invoices::status.eq_any(unpaid))
        .select(InvoiceRow::as_select())
        .load(&mut tx.conn)
        .await?;
    rows.into_iter().map(Invoice::try_from).collect()
}

/// What there is of users' invoices of a month, by user.
pub(super) async fn of_month(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, MonthInvoices>, StoreError> {
    let rows: Vec<(String, DbUuid, String, DbTimestamp)> = invoices::table
        .filter(invoices::user_id.eq_any(user_ids))
        .filter(invoices::billing_month.eq(month.to_string()))
        .filter(invoices::is_receipt.eq(false))
        .select((
            invoices::user_id,
            invoices::id,
            invoices::status,
            invoices::created_at,
        ))
        .load(&mut tx.conn)
        .await?;
    let mut found: HashMap<String, MonthInvoices> = HashMap::new();
    for (user_id, id, status, created_at) in rows {
        let named = InvoiceStatus::named(&status);
        let status = named.ok_or_else(|| StoreError::corrupt("status", &status))?;
        let invoice = LiveInvoice {
            id: InvoiceId::new(id.0),
            status,
            created_at: created_at.0,
        };
        found.entry(user_id).or_default().add(invoice);
    }
    Ok(found)
}

/// What there is of a user's invoices of a month.
pub(super) async fn of_user(
    tx: &mut Tx,
    user_id: &UserId,
    month: Month,
) -> Result<MonthInvoices, StoreError> {
    let found = of_month(tx, &[user_id.to_string()], month).await?;
    Ok(found.into_values().next().unwrap_or_default())
}
