//! Refunds, with what they take back of a payment.

use billing_core::{
    account::{Account, RefundInHand, RefundOrder},
    ids::{InvoiceId, TransactionId, UserId},
    invoice::CreditNote,
    payment::{Failure, Observation, RefundReport, Transaction, TransactionKind},
    refusal::Refusal,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{
        Tx, dialect,
        invoices::{find_invoice, store_note},
    },
    follow::topups,
    keep_all, repeated, stored,
};
use crate::{
    StoreError,
    rows::{InvoiceRow, TransactionRow},
    schema::payment_transactions,
    sql_types::DbUuid,
};

pub(super) async fn begin(
    tx: &mut Tx,
    user_id: UserId,
    payment: TransactionId,
    order: RefundOrder,
) -> Result<(Transaction, Transaction), StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    if let Some(earlier) = repeated(tx, &user_id, order.request.as_ref()).await? {
        return Ok((earlier, stored(tx, &user_id, payment).await?));
    }
    let mut hand = in_hand(tx, &user_id, payment).await?;
    let refund = ready.account.order_refund(&mut hand, order, ready.now)?;
    let payment = hand.payment.clone();
    keep(tx, hand).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    Ok((refund, payment))
}

pub(super) async fn follow(
    tx: &mut Tx,
    user_id: UserId,
    payment: TransactionId,
    report: RefundReport,
    new: TransactionId,
) -> Result<Transaction, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let mut hand = in_hand(tx, &user_id, payment).await?;
    let mut known = hand.refunds.iter().filter(|of| of.is_told_by(&report));
    let id = match known.next().map(|refund| refund.id) {
        Some(id) => id,
        None => {
            let found = ready
                .account
                .find_refund(&mut hand, new, &report, ready.now)?;
            found.id
        }
    };
    let now = ready.now;
    let moved = |refund: &mut Transaction| refund.observe_refund(&report, now);
    let (refund, observed) = moved_on(&mut ready.account, &mut hand, id, moved, now)?;
    let receipt = Account::refunded_receipt(&hand.payment, &observed);
    keep(tx, hand).await?;
    let note = match receipt {
        Some(id) => credit_receipt(tx, &mut ready.account, id, &refund, now).await?,
        None => None,
    };
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, now).await?;
    if let Some(mut note) = note {
        store_note(tx, &mut note, now).await?;
    }
    Ok(refund)
}

/// Credits what was given back of a receipt, and answers the note, which is numbered and stored
/// last. Money that came without being what was asked for has no receipt.
async fn credit_receipt(
    tx: &mut Tx,
    account: &mut Account,
    id: InvoiceId,
    refund: &Transaction,
    now: DateTime<Utc>,
) -> Result<Option<CreditNote>, StoreError> {
    let Some(mut receipt) = find_invoice(tx, &refund.user_id, id).await? else {
        return Ok(None);
    };
    let parties = tx.parties(&refund.user_id).await?;
    let note = account.refund_note(&mut receipt, refund, parties, now)?;
    if note.is_some() {
        let row = InvoiceRow::try_from(&receipt)?;
        dialect::upsert(&mut tx.conn, vec![row]).await?;
    }
    Ok(note)
}

/// Ends a refund that the provider refuses to make.
pub(super) async fn refused(
    tx: &mut Tx,
    refund: Transaction,
    failure: Failure,
) -> Result<Transaction, StoreError> {
    let user_id = refund.user_id.clone();
    let mut ready = tx.lock(&user_id).await?;
    let payment = refund.refund_of;
    let payment = payment.ok_or_else(|| Refusal::TransactionNotFound(refund.id.to_string()))?;
    let mut hand = in_hand(tx, &user_id, payment).await?;
    let now = ready.now;
    let moved = |refund: &mut Transaction| refund.refused(failure, now);
    let (refund, _) = moved_on(&mut ready.account, &mut hand, refund.id, moved, now)?;
    keep(tx, hand).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, now).await?;
    Ok(refund)
}

fn moved_on(
    account: &mut Account,
    hand: &mut RefundInHand,
    id: TransactionId,
    moved: impl FnOnce(&mut Transaction) -> Observation,
    now: DateTime<Utc>,
) -> Result<(Transaction, Observation), StoreError> {
    let observed = account.follow_refund(hand, id, moved, now)?;
    let mut refunds = hand.refunds.iter();
    let refund = refunds.find(|refund| refund.id == id).cloned();
    let refund = refund.ok_or_else(|| Refusal::TransactionNotFound(id.to_string()))?;
    Ok((refund, observed))
}

async fn in_hand(
    tx: &mut Tx,
    user_id: &UserId,
    payment: TransactionId,
) -> Result<RefundInHand, StoreError> {
    let payment = stored(tx, user_id, payment).await?;
    let topups = match payment.kind {
        TransactionKind::Topup => topups(tx, user_id).await?,
        TransactionKind::InvoicePayment | TransactionKind::Refund => Vec::new(),
    };
    Ok(RefundInHand {
        refunds: of_payment(tx, user_id, payment.id).await?,
        payment,
        topups,
    })
}

/// A payment's refunds, oldest first.
pub(super) async fn of_payment(
    tx: &mut Tx,
    user_id: &UserId,
    payment: TransactionId,
) -> Result<Vec<Transaction>, StoreError> {
    let rows: Vec<TransactionRow> = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::refund_of.eq(DbUuid(payment.uuid())))
        .order(payment_transactions::id)
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    rows.into_iter().map(Transaction::try_from).collect()
}

async fn keep(tx: &mut Tx, hand: RefundInHand) -> Result<(), StoreError> {
    let all: Vec<_> = hand.refunds.iter().chain([&hand.payment]).collect();
    keep_all(tx, &hand.payment.user_id, &all).await
}
