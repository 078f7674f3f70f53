//! What the provider says of a transaction, with all that comes of it in one transaction.

use billing_core::{
    account::PaymentInHand,
    ids::{TransactionId, UserId},
    payment::{Charge, Failure, Transaction, TransactionKind, TransactionStatus},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, dialect, invoices::one_invoice},
    next_turn, refunds, stored,
};
use crate::{
    StoreError,
    rows::{InvoiceRow, TransactionRow},
    schema::payment_transactions,
};

pub(super) async fn charge(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
    charge: Charge,
) -> Result<Transaction, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let transaction = stored(tx, &user_id, id).await?;
    let topups = if PaymentInHand::needs_topups(&transaction, &charge) {
        topups(tx, &user_id).await?
    } else {
        Vec::new()
    };
    let mut invoices = Vec::with_capacity(transaction.allocations.len());
    for part in &transaction.allocations {
        invoices.push(one_invoice(tx, user_id.clone(), part.invoice_id).await?);
    }
    let mut hand = PaymentInHand {
        transaction,
        invoices,
        topups,
    };
    let observed = ready.account.follow_charge(&mut hand, &charge, ready.now)?;
    if observed.is_nothing() {
        return Ok(hand.transaction);
    }
    let rows = hand.invoices.iter().map(InvoiceRow::try_from);
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    dialect::upsert(&mut tx.conn, rows).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    keep(tx, hand.transaction).await
}

pub(super) async fn refused(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
    failure: Failure,
) -> Result<Transaction, StoreError> {
    let held = tx.hold(&user_id).await?;
    let mut transaction = stored(tx, &user_id, id).await?;
    if transaction.kind == TransactionKind::Refund {
        return refunds::refused(tx, transaction, failure).await;
    }
    drop(transaction.refused(failure, held.now));
    keep(tx, transaction).await
}

pub(super) async fn lapsed(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
) -> Result<Transaction, StoreError> {
    let held = tx.hold(&user_id).await?;
    let mut transaction = stored(tx, &user_id, id).await?;
    drop(transaction.lapse(held.now));
    keep(tx, transaction).await
}

pub(super) async fn attention(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
    reason: String,
) -> Result<Transaction, StoreError> {
    let held = tx.hold(&user_id).await?;
    let mut transaction = stored(tx, &user_id, id).await?;
    drop(transaction.note_attention(&reason, held.now));
    keep(tx, transaction).await
}

/// The user's top-ups whose money has arrived, oldest first: ids begin with their time.
pub(super) async fn topups(tx: &mut Tx, user_id: &UserId) -> Result<Vec<Transaction>, StoreError> {
    let statuses = TransactionStatus::ALL.into_iter();
    let arrived = statuses.filter(|status| status.has_succeeded());
    let arrived: Vec<_> = arrived.map(TransactionStatus::name).collect();
    let rows: Vec<TransactionRow> = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::kind.eq(TransactionKind::Topup.name()))
        .filter(payment_transactions::status.eq_any(arrived))
        .order(payment_transactions::id)
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    rows.into_iter().map(Transaction::try_from).collect()
}

async fn keep(tx: &mut Tx, transaction: Transaction) -> Result<Transaction, StoreError> {
    let row = TransactionRow::new(&transaction, next_turn(&transaction, tx.now()));
    dialect::upsert(&mut tx.conn, vec![row]).await?;
    Ok(transaction)
}
