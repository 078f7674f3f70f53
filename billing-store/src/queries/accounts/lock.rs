//! Locking and reading accounts. Every transaction that changes one goes through here.

use std::sync::Arc;

use billing_core::{
    account::{Account, AccountState, Needs},
    catalog::Catalog,
    ids::UserId,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, dialect},
    relations::with_relations,
};
use crate::{StoreError, rows::AccountRow, schema::accounts};

/// An account that is locked, as it is stored.
pub(in super::super) struct Held {
    pub(in super::super) state: AccountState,
    pub(in super::super) catalog: Arc<Catalog>,
    /// The time, asked under the lock.
    pub(in super::super) now: DateTime<Utc>,
}

/// Accounts as of a time, with what they need and the catalog as of then.
pub(in super::super) struct Ready<A> {
    pub(in super::super) account: A,
    pub(in super::super) catalog: Arc<Catalog>,
    pub(in super::super) now: DateTime<Utc>,
}

impl Tx {
    /// Locks an account, creating its row when it is missing, and keeps the catalog as it is until
    /// the transaction ends.
    pub(in super::super) async fn hold(&mut self, user_id: &UserId) -> Result<Held, StoreError> {
        let (rows, catalog, now) = self.hold_rows(vec![user_id.to_string()]).await?;
        let row = rows.into_iter().next();
        let row = row.ok_or_else(|| StoreError::Failed("the account was not locked".to_owned()))?;
        Ok(Held {
            state: row.into_state(&catalog)?,
            catalog,
            now,
        })
    }

    /// Locks the rows of accounts in the order given, creating those that are missing, and keeps
    /// the catalog as it is. The time is asked under the locks.
    async fn hold_rows(
        &mut self,
        user_ids: Vec<String>,
    ) -> Result<(Vec<AccountRow>, Arc<Catalog>, DateTime<Utc>), StoreError> {
        let asked = self.now();
        let rows = dialect::lock_accounts(&mut self.conn, user_ids, asked).await?;
        let now = self.now();
        let version = dialect::share_catalog(&mut self.conn).await?;
        Ok((rows, self.catalog_at(version).await?, now))
    }

    /// Reads what a locked account needs for times from `earliest` on, and advances it to now.
    pub(in super::super) async fn ready(
        &mut self,
        held: Held,
        needs: Needs,
    ) -> Result<Ready<Account>, StoreError> {
        let Held {
            state,
            catalog,
            now,
        } = held;
        let states = vec![(state, needs)];
        let accounts = with_relations(&mut self.conn, &catalog, states).await?;
        let account = accounts.into_iter().next();
        let account = account.ok_or_else(|| StoreError::Failed("no account".to_owned()))?;
        advanced(account, catalog, now)
    }

    /// Locks an account and advances it to now.
    pub(in super::super) async fn lock(
        &mut self,
        user_id: &UserId,
    ) -> Result<Ready<Account>, StoreError> {
        let held = self.hold(user_id).await?;
        let needs = held.state.needs(held.now, held.now);
        self.ready(held, needs).await
    }

    /// Locks accounts in the order of their ids' bytes, and advances them to now.
    pub(in super::super) async fn lock_many(
        &mut self,
        mut user_ids: Vec<String>,
    ) -> Result<Ready<Vec<Account>>, StoreError> {
        user_ids.sort_unstable();
        let (rows, catalog, now) = self.hold_rows(user_ids).await?;
        self.advance_all(rows, catalog, now).await
    }

    /// Reads what accounts need, and advances them.
    async fn advance_all(
        &mut self,
        rows: Vec<AccountRow>,
        catalog: Arc<Catalog>,
        now: DateTime<Utc>,
    ) -> Result<Ready<Vec<Account>>, StoreError> {
        let states = rows.into_iter().map(|row| {
            let state = row.into_state(&catalog)?;
            let needs = state.needs(now, now);
            Ok((state, needs))
        });
        let states = states.collect::<Result<_, StoreError>>()?;
        let mut accounts = with_relations(&mut self.conn, &catalog, states).await?;
        for account in &mut accounts {
            account.advance_to(&catalog, now)?;
        }
        Ok(Ready {
            account: accounts,
            catalog,
            now,
        })
    }

    /// Reads an account as it is now, without locking anything.
    pub(in super::super) async fn view(
        &mut self,
        user_id: UserId,
    ) -> Result<Ready<Account>, StoreError> {
        self.view_for(user_id, |state, now| state.needs(now, now))
            .await
    }

    /// Reads accounts as they are now, without locking anything. Those that are not stored are left
    /// out.
    pub(in super::super) async fn view_many(
        &mut self,
        user_ids: &[String],
    ) -> Result<Ready<Vec<Account>>, StoreError> {
        let rows: Vec<AccountRow> = accounts::table
            .filter(accounts::user_id.eq_any(user_ids))
            .select(AccountRow::as_select())
            .load(&mut self.conn)
            .await?;
        let catalog = self.catalog().await?;
        let now = self.now();
        self.advance_all(rows, catalog, now).await
    }

    /// Reads an account as it is now, with the relations that the caller chooses.
    pub(in super::super) async fn view_for(
        &mut self,
        user_id: UserId,
        needs: impl FnOnce(&AccountState, DateTime<Utc>) -> Needs + Send,
    ) -> Result<Ready<Account>, StoreError> {
        let row = accounts::table
            .find(user_id.as_str())
            .select(AccountRow::as_select())
            .first(&mut self.conn)
            .await
            .optional()?;
        let catalog = self.catalog().await?;
        let state = match row {
            Some(row) => row.into_state(&catalog)?,
            None => AccountState::new(user_id),
        };
        let now = self.now();
        let needs = needs(&state, now);
        let held = Held {
            state,
            catalog,
            now,
        };
        self.ready(held, needs).await
    }
}

fn advanced(
    mut account: Account,
    catalog: Arc<Catalog>,
    now: DateTime<Utc>,
) -> Result<Ready<Account>, StoreError> {
    account.advance_to(&catalog, now)?;
    Ok(Ready {
        account,
        catalog,
        now,
    })
}
