//! Reading accounts and usage records, and the door to the usage transaction.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::Account,
    ids::{RecordId, UserId},
    rating::{Outcome, UsageRecord},
    usage::Usage,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, commit};
use crate::{
    RecordFilter, StoreError, UsageStore,
    rows::{AccountRow, RecordRow},
    schema::{accounts, billing_records},
    sql_types::DbTimestamp,
};

#[async_trait]
impl UsageStore for Backend {
    async fn commit_usage(&self, batch: &[Arc<Usage>]) -> Result<Vec<Outcome>, StoreError> {
        let batch = batch.to_vec();
        let cache = self.catalog.clone();
        self.write(move |conn| {
            Box::pin(async move { commit::usage_transaction(conn, &cache, &batch).await })
        })
        .await
    }

    async fn account(&self, user_id: UserId) -> Result<Account, StoreError> {
        self.read(move |conn| Box::pin(async move { find_account(conn, user_id).await }))
            .await
    }

    async fn record(
        &self,
        user_id: UserId,
        id: RecordId,
    ) -> Result<Option<UsageRecord>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let row = billing_records::table
                    .find((user_id.as_str(), id.as_str()))
                    .select(RecordRow::as_select())
                    .first(conn)
                    .await
                    .optional()?;
                row.map(UsageRecord::try_from).transpose()
            })
        })
        .await
    }

    async fn records(
        &self,
        filter: RecordFilter,
        limit: i64,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        self.read(move |conn| Box::pin(async move { list(conn, filter, limit).await }))
            .await
    }
}

pub(super) async fn find_account(conn: &mut Conn, user_id: UserId) -> Result<Account, StoreError> {
    let row = accounts::table
        .find(user_id.as_str())
        .select(AccountRow::as_select())
        .first(conn)
        .await
        .optional()?;
    match row {
        Some(row) => Account::try_from(row),
        None => Ok(Account::new(user_id)),
    }
}

async fn list(
    conn: &mut Conn,
    filter: RecordFilter,
    limit: i64,
) -> Result<Vec<UsageRecord>, StoreError> {
    // Record ids begin with their time, so the newest record has the greatest id.
    let mut query = billing_records::table
        .filter(billing_records::user_id.eq(filter.user_id.into_string()))
        .order(billing_records::id.desc())
        .limit(limit)
        .select(RecordRow::as_select())
        .into_boxed();
    if let Some(month) = filter.billing_month {
        query = query.filter(billing_records::billing_month.eq(month.to_string()));
    }
    if let Some(model) = filter.model {
        query = query.filter(billing_records::model.eq(model.into_string()));
    }
    if let Some(from) = filter.from {
        query = query.filter(billing_records::created_at.ge(DbTimestamp(from)));
    }
    if let Some(until) = filter.until {
        query = query.filter(billing_records::created_at.lt(DbTimestamp(until)));
    }
    if let Some(request_id) = filter.request_id {
        query = query.filter(billing_records::request_id.eq(request_id.into_string()));
    }
    if let Some(after) = filter.after {
        query = query.filter(billing_records::id.lt(after.into_string()));
    }
    let rows = query.load(conn).await?;
    rows.into_iter().map(UsageRecord::try_from).collect()
}
