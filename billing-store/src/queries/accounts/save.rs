//! Storing what became of accounts that the transaction has locked.

use billing_core::{
    account::{Account, AccountChange, PendingChanges},
    catalog::Catalog,
    usage::UsageRecord,
};
use chrono::{DateTime, Utc};

use super::super::{Changes, Conn, Tx, dialect};
use crate::{
    StoreError,
    rows::{
        AccountRow, CatchUpRow, CorrectionRow, DiscountRow, LineRow, PeriodRow, RecordRow,
        RedemptionRow, SubscriptionRow, TransactionRow,
    },
};

impl Tx {
    /// Stores what is pending of accounts, and their new records.
    pub(in super::super) async fn save(
        &mut self,
        accounts: &[Account],
        records: &[&UsageRecord],
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut changes = Changes::default();
        for record in records {
            changes.records.push(RecordRow::new(record, catalog)?);
        }
        for account in accounts {
            let rows = match account.pending().account {
                AccountChange::Nothing => continue,
                AccountChange::Counters => &mut changes.counters,
                AccountChange::All => &mut changes.accounts,
            };
            rows.push(AccountRow::new(&account.state, now));
            let redemptions = account.changed_redemptions();
            let redemptions = redemptions.map(|r| RedemptionRow::new(account.id(), r));
            changes.redemptions.extend(redemptions);
        }
        let inserted = dialect::write_usage(&mut self.conn, changes).await?;
        if inserted != records.len() {
            // Someone recorded one of them without the account's lock: the batch is run again.
            let expected = records.len();
            return Err(StoreError::Contention(format!(
                "{inserted} of {expected} records were inserted"
            )));
        }
        if !records.is_empty() {
            let tails = accounts.iter().map(|account| {
                let tail = account.state.tail_records;
                (account.id().to_string(), tail)
            });
            self.tails.extend(tails);
        }
        for account in accounts {
            for event in &account.pending().events {
                self.tell(account.id(), event, now);
            }
        }
        store_rarities(&mut self.conn, accounts, now).await
    }

    /// Stores the lines that are pending so far, so that the transaction's own queries find them.
    /// The account has to be saved too.
    pub(in super::super) async fn save_lines_first(
        &mut self,
        accounts: &mut [Account],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for account in accounts {
            let lines = account.take_lines();
            let lines = lines.iter();
            rows.extend(lines.map(|line| LineRow::new(account.id(), line, now)));
        }
        dialect::insert(&mut self.conn, rows).await
    }
}

/// Stores what only few transactions change.
async fn store_rarities(
    conn: &mut Conn,
    accounts: &[Account],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut discounts = Vec::new();
    let mut subscriptions = Vec::new();
    let mut windows = Vec::new();
    let mut lines = Vec::new();
    let mut corrections = Vec::new();
    let mut catch_ups = Vec::new();
    let mut transactions = Vec::new();
    for account in accounts {
        let (user_id, pending) = (account.id(), account.pending());
        let PendingChanges {
            discount,
            subscriptions: changed,
            lines: added,
            corrections: taken_back,
            catch_ups: caught_up,
            transactions: charges,
            ..
        } = pending;
        discounts.extend(discount.map(|change| DiscountRow::new(user_id, change, now)));
        let changed = changed.iter();
        subscriptions.extend(changed.map(|record| SubscriptionRow::new(user_id, record)));
        let changed = account.changed_windows();
        windows.extend(changed.map(|archived| PeriodRow::new(user_id, archived, now)));
        lines.extend(added.iter().map(|line| LineRow::new(user_id, line, now)));
        let taken_back = taken_back.iter();
        corrections.extend(taken_back.map(|of| CorrectionRow::new(user_id, of, now)));
        let caught_up = caught_up.iter();
        catch_ups.extend(caught_up.map(|of| CatchUpRow::new(user_id, of, now)));
        // The provider hears of them at once.
        transactions.extend(charges.iter().map(|of| TransactionRow::new(of, Some(now))));
    }
    dialect::upsert(conn, discounts).await?;
    dialect::upsert(conn, subscriptions).await?;
    dialect::upsert(conn, windows).await?;
    dialect::insert(conn, lines).await?;
    dialect::insert(conn, corrections).await?;
    dialect::insert(conn, catch_ups).await?;
    dialect::insert(conn, transactions).await?;
    Ok(())
}
