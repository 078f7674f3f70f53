//! Voiding records.

use billing_core::{
    account::{VoidOrder, Voided},
    usage::UsageRecord,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, dialect, invoices::invoiced_month},
    records,
};
use crate::{
    StoreError,
    rows::{InvoiceRow, RecordRow},
    schema::billing_records,
};

pub(super) async fn void(tx: &mut Tx, order: VoidOrder) -> Result<UsageRecord, StoreError> {
    let held = tx.hold(&order.user_id).await?;
    let original = records::stored(tx, &order.user_id, order.id).await?;
    let original = original.into_record(&held.catalog)?;
    original.check_voidable()?;
    let earliest = original.void_needs_from(held.now);
    let needs = held.state.needs(earliest, held.now);
    let invoiced = if held.state.is_open(original.invoice_month) {
        None
    } else {
        invoiced_month(tx, &order.user_id, original.invoice_month).await?
    };
    let mut ready = tx.ready(held, needs).await?;
    let voided = ready.account.void(original, order, invoiced, ready.now)?;
    let Voided {
        original,
        correction,
        invoice,
    } = voided;
    if let Some(invoice) = invoice {
        let row = InvoiceRow::try_from(&invoice)?;
        dialect::upsert(&mut tx.conn, vec![row]).await?;
    }
    let row = RecordRow::new(&original, &ready.catalog)?;
    diesel::update(billing_records::table.find((row.user_id, row.id)))
        .set((
            billing_records::status.eq(row.status),
            billing_records::void_reason.eq(row.void_reason),
            billing_records::updated_at.eq(row.updated_at),
        ))
        .execute(&mut tx.conn)
        .await?;
    let accounts = std::slice::from_ref(&ready.account);
    let corrections = [&correction];
    tx.save(accounts, &corrections, &ready.catalog, ready.now)
        .await?;
    Ok(correction)
}
