//! Changes of invoices that were made: drafts issued, voids, payments, credit notes.

use billing_core::{
    ids::{InvoiceId, UserId},
    invoice::{CreditNote, Invoice, InvoiceRefusal, InvoiceStatus},
    user::User,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Conn, charges,
    invoices::{find, issue_one, only},
    issuing::{self, Issuing},
    prices::CatalogCache,
    users,
};
use crate::{
    CreditNoteOrder, InvoiceChange, Now, StoreError,
    rows::{CreditNoteRow, InvoiceRow},
    schema::{credit_notes, invoice_lines, invoices},
};

/// Carries out a change and answers the invoice.
pub(super) async fn change(
    conn: &mut Conn,
    cache: &CatalogCache,
    user_id: UserId,
    id: InvoiceId,
    change: InvoiceChange,
    now: &Now,
) -> Result<Result<Invoice, InvoiceRefusal>, StoreError> {
    let user = users::lock(conn, &user_id, now()).await?;
    let now = now();
    let Some(mut invoice) = find(conn, &user_id, &id).await? else {
        return Ok(Err(InvoiceRefusal::NotFound));
    };
    let changed = match change {
        InvoiceChange::Pay(payment) => invoice.pay(payment, now),
        InvoiceChange::Finalise if invoice.status != InvoiceStatus::Draft => {
            Err(InvoiceRefusal::MoveNotAllowed(invoice.status.name()))
        }
        InvoiceChange::Finalise => {
            let catalog = users::share_catalog(conn, cache).await?;
            let mut user = users::bring_to(conn, &catalog, user, now, now).await?;
            let issuing = Issuing {
                month: invoice.month,
                catalog: &catalog,
                new_id: &only(id),
                keep_drafts: false,
                now,
            };
            return issue_one(conn, &issuing, &mut user).await;
        }
        InvoiceChange::Void(reason) => {
            let catalog = users::share_catalog(conn, cache).await?;
            let user = users::bring_to(conn, &catalog, user, now, now).await?;
            void(conn, user, &mut invoice, reason, now).await?
        }
    };
    if let Err(refusal) = changed {
        return Ok(Err(refusal));
    }
    diesel::update(invoices::table)
        .filter(invoices::user_id.eq(invoice.user_id.as_str()))
        .filter(invoices::id.eq(invoice.id.as_ref().map_or("", InvoiceId::as_str)))
        .set(InvoiceRow::try_from(&invoice)?)
        .execute(conn)
        .await?;
    Ok(Ok(invoice))
}

async fn void(
    conn: &mut Conn,
    mut user: User,
    invoice: &mut Invoice,
    reason: String,
    now: DateTime<Utc>,
) -> Result<Result<(), InvoiceRefusal>, StoreError> {
    let user_id = user.id().clone();
    let charges = charges::uninvoiced_of(conn, &user_id, invoice.month).await?;
    let mut payer = issuing::payer_of(conn, &user_id).await?;
    let voided = user.void_invoice(invoice, &charges, reason, &mut payer, now);
    if voided.is_ok() {
        users::store(conn, &[&user], &[], now).await?;
        issuing::store_balance(conn, user_id.as_str(), &payer).await?;
        let lines = invoice_lines::table
            .filter(invoice_lines::user_id.eq(user_id.as_str()))
            .filter(invoice_lines::invoice_id.eq(invoice.id.as_ref().map(InvoiceId::as_str)));
        diesel::update(lines)
            .set(invoice_lines::invoice_id.eq(None::<String>))
            .execute(conn)
            .await?;
    }
    Ok(voided)
}

/// Credits a part of an invoice and answers the note.
pub(super) async fn credit(
    conn: &mut Conn,
    order: CreditNoteOrder,
    now: &Now,
) -> Result<Result<CreditNote, InvoiceRefusal>, StoreError> {
    users::lock(conn, &order.user_id, now()).await?;
    let now = now();
    if let Some(earlier) = made_before(conn, &order).await? {
        let same = earlier.invoice_id == order.invoice_id
            && earlier.amount == order.amount
            && earlier.reason == order.reason;
        let conflict = InvoiceRefusal::RequestConflict;
        return Ok(if same { Ok(earlier) } else { Err(conflict) });
    }
    let Some(invoice) = find(conn, &order.user_id, &order.invoice_id).await? else {
        return Ok(Err(InvoiceRefusal::NotFound));
    };
    let note = invoice.credit(order.id, order.amount, order.reason, order.request_id, now);
    let note = match note {
        Ok(note) => note,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut payer = issuing::payer_of(conn, &order.user_id).await?;
    let total = note.total().map_err(issuing::refused)?;
    let balance = payer.credit_balance.plus(total);
    payer.credit_balance = balance.map_err(issuing::refused)?;
    issuing::store_balance(conn, order.user_id.as_str(), &payer).await?;
    diesel::insert_into(credit_notes::table)
        .values(CreditNoteRow::from(&note))
        .execute(conn)
        .await?;
    Ok(Ok(note))
}

/// The note that an earlier call with the same request id made.
async fn made_before(
    conn: &mut Conn,
    order: &CreditNoteOrder,
) -> Result<Option<CreditNote>, StoreError> {
    let Some(request_id) = &order.request_id else {
        return Ok(None);
    };
    let row = credit_notes::table
        .filter(credit_notes::user_id.eq(order.user_id.as_str()))
        .filter(credit_notes::request_id.eq(request_id.as_str()))
        .select(CreditNoteRow::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(CreditNote::from))
}
