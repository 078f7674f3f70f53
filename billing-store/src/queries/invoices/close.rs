//! Closing months for all users, chunk by chunk.

use std::collections::{BTreeMap, BTreeSet};

use billing_core::{
    account::Account,
    ids::UserId,
    invoice::{InvoiceRun, InvoiceStatus},
    money::Money,
    month::Month,
    refusal::Refusal,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

use super::{
    super::{Backend, Tx, dialect},
    charges::{self, Costs},
    numbers, run,
    stored::unpaid_of,
};
use crate::{
    ClosedUsers, MonthProgress, NewInvoiceId, StoreError, UsersToClose,
    rows::InvoiceRow,
    schema::{accounts, invoices},
    sql_types::DbTimestamp,
};

impl Backend {
    pub(super) async fn close_chunk(
        &self,
        users: UsersToClose,
        limit: i64,
        new_id: NewInvoiceId,
    ) -> Result<ClosedUsers, StoreError> {
        let month = users.month;
        let chunk = self.read((users, limit), |tx, (users, limit)| {
            next(tx, users, limit).boxed()
        });
        let chunk = chunk.await?;
        let mut closed = ClosedUsers {
            last: chunk.last().cloned().map(UserId::trusted),
            ..ClosedUsers::default()
        };
        match self.close(chunk.clone(), month, &new_id).await {
            Ok(()) => {
                closed.closed = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
                return Ok(closed);
            }
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(_) => {}
        }
        // Somebody's data is at fault: everybody else is closed one by one.
        for user_id in chunk {
            match self.close(vec![user_id.clone()], month, &new_id).await {
                Ok(()) => closed.closed += 1,
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    let failed = (UserId::trusted(user_id), error.to_string());
                    closed.failed.push(failed);
                }
            }
        }
        Ok(closed)
    }

    /// Closes every month up to one for users, in one transaction.
    async fn close(
        &self,
        user_ids: Vec<String>,
        month: Month,
        new_id: &NewInvoiceId,
    ) -> Result<(), StoreError> {
        if user_ids.is_empty() {
            return Ok(());
        }
        let order = (user_ids, month, NewInvoiceId::clone(new_id));
        self.write(order, |tx, (user_ids, month, new_id)| {
            close(tx, user_ids, month, new_id).boxed()
        })
        .await
    }
}

/// For how many users a month is closed.
pub(super) async fn progress(tx: &mut Tx, month: Month) -> Result<MonthProgress, StoreError> {
    let closed = accounts::table
        .filter(accounts::open_month.gt(month.to_string()))
        .filter(
            accounts::reopened_month
                .is_null()
                .or(accounts::reopened_month.gt(month.to_string())),
        );
    Ok(MonthProgress {
        closed: closed.count().get_result(&mut tx.conn).await?,
        users: accounts::table.count().get_result(&mut tx.conn).await?,
    })
}

/// The next users to be closed.
async fn next(tx: &mut Tx, users: UsersToClose, limit: i64) -> Result<Vec<String>, StoreError> {
    let known_by = users.known_by.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let after = users.after.map(UserId::into_string);
    let month = users.month.to_string();
    // A month that was opened again on purpose waits for the next month's end, or for a call.
    let reopened_by = users.reopened.then(|| month.clone());
    Ok(accounts::table
        .filter(
            accounts::open_month
                .le(month)
                .or(accounts::reopened_month.le(reopened_by).assume_not_null()),
        )
        .filter(accounts::created_at.le(DbTimestamp(known_by)))
        .filter(accounts::user_id.gt(after.unwrap_or_default()))
        .order(accounts::user_id)
        .limit(limit)
        .select(accounts::user_id)
        .load(&mut tx.conn)
        .await?)
}

async fn close(
    tx: &mut Tx,
    user_ids: Vec<String>,
    month: Month,
    new_id: NewInvoiceId,
) -> Result<(), StoreError> {
    let mut ready = tx.lock_many(user_ids).await?;
    let now = ready.now;
    let mut accounts = std::mem::take(&mut ready.account);
    // Another server may have been faster with some.
    accounts.retain(|account| account.state.earliest_open() <= month);
    fold(tx, &mut accounts).await?;
    tx.save_lines_first(&mut accounts, now).await?;
    let costs = charges::costs(tx, &accounts, month).await?;
    let documents = tx.documents();
    let mut made = Vec::new();
    for (due_month, due) in due_months(&accounts, month) {
        let run = InvoiceRun {
            month: due_month,
            catalog: &ready.catalog,
            seller: &documents.seller,
            keep_drafts: false,
            now,
        };
        let due = accounts
            .iter_mut()
            .filter(|account| due.contains(account.id().as_str()));
        let mut due: Vec<_> = due.collect();
        made.extend(run::issue(tx, &run, &mut due, &costs, &new_id).await?);
        for account in due {
            close_month(account, due_month, &costs)?;
        }
    }
    for account in &mut accounts {
        close_month(account, month, &costs)?;
    }
    tx.save(&accounts, &[], &ready.catalog, now).await?;
    numbers::store_new(tx, &mut made, now).await
}

/// Folds accounts that the transaction has locked: what is summed up now need not be read record by
/// record below, nor ever again.
async fn fold(tx: &mut Tx, accounts: &mut [Account]) -> Result<(), StoreError> {
    let user_ids = accounts.iter().map(|account| account.id().to_string());
    dialect::fold(&mut tx.conn, user_ids.collect()).await?;
    for account in accounts {
        // Nobody else can have recorded since they were locked.
        account.state.folded_to = account.state.last_record_id;
        account.state.tail_records = 0;
    }
    Ok(())
}

/// Has later usage of a month join later invoices, also where there was nothing to bill.
fn close_month(account: &mut Account, month: Month, costs: &Costs) -> Result<(), StoreError> {
    let of_account = costs.get(account.id().as_str());
    account.close(month, of_account.unwrap_or(&BTreeMap::new()))?;
    Ok(())
}

/// The months up to one that accounts have something to invoice of, and whose.
fn due_months(accounts: &[Account], month: Month) -> BTreeMap<Month, BTreeSet<String>> {
    let mut due: BTreeMap<Month, BTreeSet<String>> = BTreeMap::new();
    for account in accounts {
        for (uninvoiced, _) in account.state.uninvoiced.range(..=month) {
            let users = due.entry(*uninvoiced).or_default();
            users.insert(account.id().to_string());
        }
    }
    due
}

/// Has unpaid invoices fall overdue, and answers how many were found. Those that ask for less than
/// the provider charges have no date any more: they are paid with the next.
pub(super) async fn mark_overdue(tx: &mut Tx, limit: i64) -> Result<usize, StoreError> {
    let late = late(tx, tx.now(), limit).await?;
    let found = late.len();
    if found == 0 {
        return Ok(0);
    }
    let users: BTreeSet<_> = late.iter().map(|row| row.user_id.clone()).collect();
    let mut ready = tx.lock_many(users.into_iter().collect()).await?;
    let now = ready.now;
    let ids: BTreeSet<_> = late.iter().map(|row| row.id.0).collect();
    let least = tx.automatic().map_or(Money::ZERO, |policy| policy.least);
    // Some may have been paid until their accounts were locked.
    let mut changed = Vec::with_capacity(found);
    for account in &mut ready.account {
        for mut invoice in unpaid_of(tx, account.id()).await? {
            let is_late = invoice.id.is_some_and(|id| ids.contains(&id.uuid()));
            if !is_late || invoice.status != InvoiceStatus::Issued {
                continue;
            }
            if invoice.amount_due().map_err(Refusal::from)? < least {
                invoice.due_date = None;
            } else {
                account.note_overdue(&mut invoice, now)?;
            }
            changed.push(InvoiceRow::try_from(&invoice)?);
        }
    }
    dialect::upsert(&mut tx.conn, changed).await?;
    tx.save(&ready.account, &[], &ready.catalog, now).await?;
    Ok(found)
}

/// Invoices that were issued, are unpaid and were due.
async fn late(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<InvoiceRow>, StoreError> {
    Ok(invoices::table
        .filter(invoices::status.eq(InvoiceStatus::Issued.name()))
        .filter(invoices::due_date.lt(DbTimestamp(now)))
        .order((invoices::user_id, invoices::id))
        .limit(limit)
        .select(InvoiceRow::as_select())
        .load(&mut tx.conn)
        .await?)
}
