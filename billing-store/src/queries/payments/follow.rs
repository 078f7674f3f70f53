//! What the provider says of a transaction, with all that comes of it in one transaction.

use billing_core::{
    account::{Account, PaymentInHand},
    ids::{TransactionId, UserId},
    invoice::Invoice,
    month::Month,
    payment::{
        Charge, ChargeStatus, Failure, Observation, Transaction, TransactionKind, TransactionStatus,
    },
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{
        Tx,
        accounts::Ready,
        dialect,
        invoices::{one_invoice, store_new},
    },
    keep_all, list, refunds, stored,
};
use crate::{
    Followed, StoreError,
    rows::{InvoiceRow, TransactionRow},
    schema::{invoices, payment_transactions},
};

pub(super) async fn charge(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
    charge: Charge,
) -> Result<Followed, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let policy = tx.automatic();
    let mut hand = in_hand(tx, &user_id, id, &charge).await?;
    let observed = ready
        .account
        .follow_charge(&mut hand, &charge, policy.as_deref(), ready.now)?;
    let is_ready = charge.status == ChargeStatus::Ready && hand.transaction.status.is_open();
    let is_wanted = is_ready
        && ready
            .account
            .still_wants(&hand, policy.as_deref(), ready.now)?;
    if observed.is_nothing() && ready.account.pending().is_empty() {
        return Ok(Followed {
            transaction: hand.transaction,
            is_wanted,
        });
    }
    let rows = hand.invoices.iter().map(InvoiceRow::try_from);
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    dialect::upsert(&mut tx.conn, rows).await?;
    let mut receipts = Vec::new();
    if Account::owes_receipt(&hand.transaction, &observed) {
        receipts.push(receipt(tx, &mut ready, &hand.transaction).await?);
    }
    tx.note_if_all_paid(&mut ready).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    let transaction = keep(tx, hand.transaction).await?;
    store_new(tx, &mut receipts, ready.now).await?;
    Ok(Followed {
        transaction,
        is_wanted,
    })
}

/// The receipt of a top-up.
async fn receipt(
    tx: &mut Tx,
    ready: &mut Ready<Account>,
    transaction: &Transaction,
) -> Result<Invoice, StoreError> {
    let account = &mut ready.account;
    let user_id = account.id().as_str();
    let earlier = invoices::table
        .filter(invoices::user_id.eq(user_id))
        .filter(invoices::billing_month.eq(Month::of(ready.now).to_string()))
        .filter(invoices::is_receipt)
        .count()
        .get_result(&mut tx.conn)
        .await?;
    let parties = tx.parties(account.id()).await?;
    Ok(account.receipt(transaction, earlier, parties, ready.now)?)
}

/// A transaction with all that its charge may change.
async fn in_hand(
    tx: &mut Tx,
    user_id: &UserId,
    id: TransactionId,
    charge: &Charge,
) -> Result<PaymentInHand, StoreError> {
    let transaction = stored(tx, user_id, id).await?;
    let topups = if PaymentInHand::needs_topups(&transaction, charge) {
        topups(tx, user_id).await?
    } else {
        Vec::new()
    };
    let mut invoices = Vec::with_capacity(transaction.allocations.len());
    for part in &transaction.allocations {
        invoices.push(one_invoice(tx, user_id.clone(), part.invoice_id).await?);
    }
    let has_other_disputes = charge.dispute.is_some() && {
        let disputed = list::with_status(tx, user_id, &[TransactionStatus::Disputed]).await?;
        disputed.iter().any(|other| other.id != id)
    };
    Ok(PaymentInHand {
        transaction,
        invoices,
        topups,
        has_other_disputes,
    })
}

pub(super) async fn refused(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
    failure: Failure,
) -> Result<Transaction, StoreError> {
    let ready = tx.lock(&user_id).await?;
    let transaction = stored(tx, &user_id, id).await?;
    if transaction.kind == TransactionKind::Refund {
        return refunds::refused(tx, transaction, failure).await;
    }
    ended(tx, ready, transaction, |of, now| of.refused(failure, now)).await
}

pub(super) async fn lapsed(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
) -> Result<Transaction, StoreError> {
    let ready = tx.lock(&user_id).await?;
    let transaction = stored(tx, &user_id, id).await?;
    ended(tx, ready, transaction, Transaction::lapse).await
}

/// Ends a transaction whose money cannot move any more: `end` ends it.
async fn ended(
    tx: &mut Tx,
    mut ready: Ready<Account>,
    mut transaction: Transaction,
    end: impl FnOnce(&mut Transaction, DateTime<Utc>) -> Observation + Send,
) -> Result<Transaction, StoreError> {
    let (policy, now) = (tx.automatic(), ready.now);
    let account = &mut ready.account;
    account.follow_end(&mut transaction, policy.as_deref(), now, |of| end(of, now))?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, now).await?;
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

pub(super) async fn clear_attention(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
) -> Result<(Transaction, Option<String>), StoreError> {
    let held = tx.hold(&user_id).await?;
    let mut transaction = stored(tx, &user_id, id).await?;
    let read = transaction.attention.clone();
    drop(transaction.clear_attention(held.now));
    Ok((keep(tx, transaction).await?, read))
}

/// The statuses of payments whose money has arrived.
pub(in super::super) fn arrived() -> Vec<&'static str> {
    let statuses = TransactionStatus::ALL.into_iter();
    let arrived = statuses.filter(|status| status.has_succeeded());
    arrived.map(TransactionStatus::name).collect()
}

/// The user's top-ups whose money has arrived, oldest first: ids begin with their time.
pub(super) async fn topups(tx: &mut Tx, user_id: &UserId) -> Result<Vec<Transaction>, StoreError> {
    let rows: Vec<TransactionRow> = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::kind.eq(TransactionKind::Topup.name()))
        .filter(payment_transactions::status.eq_any(arrived()))
        .order(payment_transactions::id)
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    rows.into_iter().map(Transaction::try_from).collect()
}

async fn keep(tx: &mut Tx, transaction: Transaction) -> Result<Transaction, StoreError> {
    keep_all(tx, &transaction.user_id, &[&transaction]).await?;
    Ok(transaction)
}
