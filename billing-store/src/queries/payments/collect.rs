//! Collecting invoices of users who agreed to that, when their turn has come.

use billing_core::{
    account::{Account, CollectionStep},
    ids::{TransactionId, UserId},
    invoice::Invoice,
    money::Money,
    payment::TransactionStatus,
};
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, accounts::Ready, dialect, invoices::unpaid_of},
    list,
};
use crate::{
    StoreError,
    rows::TransactionRow,
    schema::{accounts, payment_transactions},
    sql_types::{DbTimestamp, DbUuid},
};

/// For how long a collection is put off that cannot be begun.
const LATER: TimeDelta = TimeDelta::hours(1);

/// The users whose turn it is, the longest waiting first.
pub(super) async fn due(tx: &mut Tx, limit: i64) -> Result<Vec<UserId>, StoreError> {
    let now = DbTimestamp(tx.now());
    let due: Vec<String> = accounts::table
        .filter(accounts::collect_at.le(now))
        .order(accounts::collect_at)
        .limit(limit)
        .select(accounts::user_id)
        .load(&mut tx.conn)
        .await?;
    Ok(due.into_iter().map(UserId::trusted).collect())
}

/// Begins to collect what a user's invoices ask for, if it is still their turn.
pub(super) async fn begin(
    tx: &mut Tx,
    user_id: UserId,
    id: TransactionId,
) -> Result<(), StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let due_at = ready.account.state.automation.collecting.due_at;
    let policy = tx.automatic();
    let policy = policy.filter(|_| due_at.is_some_and(|at| at <= ready.now));
    let Some(policy) = policy else {
        return Ok(());
    };
    let invoices = unpaid_of(tx, &user_id).await?;
    let mut statuses = TransactionStatus::OPEN.to_vec();
    statuses.push(TransactionStatus::ChargedBack);
    let others = list::with_status(tx, &user_id, &statuses).await?;
    let account = &mut ready.account;
    let step = account.collect_invoices(id, &invoices, &others, &policy, ready.now)?;
    match step {
        CollectionStep::Nothing => {}
        CollectionStep::After(waiting) => end_soon(tx, &user_id, waiting).await?,
        CollectionStep::Charge(transaction) => {
            let row = TransactionRow::new(&transaction, Some(ready.now));
            dialect::insert(&mut tx.conn, vec![row]).await?;
        }
    }
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await
}

/// Has a user's turn come in an hour, whatever is wrong with what is stored of them.
pub(super) async fn put_off(tx: &mut Tx, user_id: UserId) -> Result<(), StoreError> {
    let later = tx.now().checked_add_signed(LATER).map(DbTimestamp);
    diesel::update(accounts::table.find(user_id.as_str()))
        .set(accounts::collect_at.eq(later))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

/// Ends the time that users have for their part, so that the provider is told next.
async fn end_soon(
    tx: &mut Tx,
    user_id: &UserId,
    waiting: Vec<TransactionId>,
) -> Result<(), StoreError> {
    let now = Some(DbTimestamp(tx.now()));
    let ids: Vec<_> = waiting.into_iter().map(|id| DbUuid(id.uuid())).collect();
    let waiting = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::id.eq_any(ids));
    diesel::update(waiting)
        .set((
            payment_transactions::expires_at.eq(now),
            payment_transactions::next_look_at.eq(now),
        ))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

impl Tx {
    /// Notes when no invoice asks for anything any more of a user for whose payment something
    /// waits. Invoices that have changed are stored before, and the account after.
    pub(in super::super) async fn note_if_all_paid(
        &mut self,
        ready: &mut Ready<Account>,
    ) -> Result<(), StoreError> {
        if !ready.account.awaits_payment() {
            return Ok(());
        }
        for invoice in unpaid_of(self, ready.account.id()).await? {
            if asks_for_money(&invoice)? {
                return Ok(());
            }
        }
        ready.account.note_all_paid(ready.now);
        Ok(())
    }
}

fn asks_for_money(invoice: &Invoice) -> Result<bool, StoreError> {
    let due = invoice.amount_due();
    let due = due.map_err(|error| StoreError::corrupt("an invoice", error))?;
    Ok(due > Money::ZERO)
}
