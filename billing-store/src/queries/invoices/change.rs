//! Changes of invoices that were made: drafts issued, voids, payments, credit notes.

use billing_core::{
    account::Account,
    ids::{InvoiceId, UserId},
    invoice::{CreditNote, CreditNoteOrder, Invoice, InvoiceRun},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, dialect},
    charges, issue_one, numbers, stored,
};
use crate::{
    InvoiceChange, StoreError,
    rows::{CreditNoteRow, InvoiceRow},
    schema::{credit_notes, invoice_corrections, invoice_lines},
    sql_types::{DbFixed, DbUuid},
};

/// Carries out a change and answers the invoice.
pub(super) async fn change(
    tx: &mut Tx,
    user_id: UserId,
    id: InvoiceId,
    change: InvoiceChange,
) -> Result<Invoice, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let mut invoice = stored::one(tx, user_id, id).await?;
    match change {
        InvoiceChange::Finalise => {
            invoice.check_draft()?;
            let documents = tx.documents();
            let run = InvoiceRun {
                month: invoice.month,
                catalog: &ready.catalog,
                seller: &documents.seller,
                keep_drafts: false,
                now: ready.now,
            };
            return issue_one(tx, &run, ready.account, id).await;
        }
        InvoiceChange::Pay(payment) => {
            let account = &mut ready.account;
            account.pay_invoice(&mut invoice, payment, ready.now)?;
        }
        InvoiceChange::Void {
            reason,
            write_off: true,
        } => {
            let account = &mut ready.account;
            account.write_off_invoice(&mut invoice, reason, ready.now)?;
        }
        InvoiceChange::Void { reason, .. } => {
            void(tx, &mut ready.account, &mut invoice, reason, ready.now).await?;
        }
    }
    let row = InvoiceRow::try_from(&invoice)?;
    dialect::upsert(&mut tx.conn, vec![row]).await?;
    tx.note_if_all_paid(&mut ready).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    numbers::store_cancellation(tx, &mut invoice, ready.now).await?;
    Ok(invoice)
}

/// Takes an invoice back, and with it its lines and what it took back of others.
async fn void(
    tx: &mut Tx,
    account: &mut Account,
    invoice: &mut Invoice,
    reason: String,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let charges = charges::usage_of(tx, account.id(), invoice.month).await?;
    account.void_invoice(invoice, &charges, reason, now)?;
    let id = invoice.id.map(|id| DbUuid(id.uuid()));
    let lines = invoice_lines::table
        .filter(invoice_lines::user_id.eq(account.id().as_str()))
        .filter(invoice_lines::invoice_id.eq(id));
    diesel::update(lines)
        .set(invoice_lines::invoice_id.eq(None::<DbUuid>))
        .execute(&mut tx.conn)
        .await?;
    // Those at another rate of tax went to the credit balance, and stay there.
    let corrections = invoice_corrections::table
        .filter(invoice_corrections::user_id.eq(account.id().as_str()))
        .filter(invoice_corrections::invoice_id.eq(id))
        .filter(invoice_corrections::tax_rate.eq(DbFixed(invoice.bill.tax_rate)));
    diesel::update(corrections)
        .set(invoice_corrections::invoice_id.eq(None::<DbUuid>))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

/// Credits a part of an invoice and answers the note.
pub(super) async fn credit(tx: &mut Tx, order: CreditNoteOrder) -> Result<CreditNote, StoreError> {
    let mut ready = tx.lock(&order.user_id).await?;
    if let Some(earlier) = made_before(tx, &order).await? {
        order.check_repeat(&earlier)?;
        return Ok(earlier);
    }
    let mut invoice = stored::one(tx, order.user_id.clone(), order.invoice_id).await?;
    let parties = tx.parties(&order.user_id).await?;
    let account = &mut ready.account;
    let mut note = account.credit(&mut invoice, order, parties, ready.now)?;
    let row = InvoiceRow::try_from(&invoice)?;
    dialect::upsert(&mut tx.conn, vec![row]).await?;
    tx.note_if_all_paid(&mut ready).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    numbers::store_note(tx, &mut note, ready.now).await?;
    Ok(note)
}

/// The note that an earlier call with the same request id made.
async fn made_before(
    tx: &mut Tx,
    order: &CreditNoteOrder,
) -> Result<Option<CreditNote>, StoreError> {
    let Some(request_id) = &order.request_id else {
        return Ok(None);
    };
    let row = credit_notes::table
        .filter(credit_notes::user_id.eq(order.user_id.as_str()))
        .filter(credit_notes::request_id.eq(request_id.as_str()))
        .select(CreditNoteRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.map(CreditNote::try_from).transpose()
}
