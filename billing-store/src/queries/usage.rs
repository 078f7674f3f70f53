//! Reading accounts and usage records, and the door to the usage transaction.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::Account,
    correction::VoidRefusal,
    ids::{RecordId, UserId},
    rating::{Outcome, Quote, QuoteError, UsageRecord, quote},
    usage::Usage,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, commit, users, voids};
use crate::{
    Now, RecordFilter, StoreError, UsageStore, VoidOrder, rows::RecordRow, schema::billing_records,
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

    async fn quote(
        &self,
        usage: Usage,
        now: DateTime<Utc>,
    ) -> Result<Result<Quote, QuoteError>, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                let (model, created_at) = (usage.model.as_str(), usage.created_at);
                let earliest = created_at.min(now);
                let (user, catalog) =
                    users::view(conn, &cache, usage.user_id, earliest, now).await?;
                Ok(quote(
                    &catalog,
                    &user,
                    model,
                    &usage.tokens,
                    created_at,
                    now,
                ))
            })
        })
        .await
    }

    async fn void_usage(
        &self,
        order: VoidOrder,
        now: Now,
    ) -> Result<Result<UsageRecord, VoidRefusal>, StoreError> {
        let cache = self.catalog.clone();
        self.write_again(move |conn| {
            let (cache, order, now) = (cache.clone(), order.clone(), Arc::clone(&now));
            Box::pin(async move { voids::void_usage(conn, &cache, order, now).await })
        })
        .await
    }

    async fn account(&self, user_id: UserId, now: DateTime<Utc>) -> Result<Account, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                let (user, _) = users::view(conn, &cache, user_id, now, now).await?;
                Ok(user.account)
            })
        })
        .await
    }

    async fn record(
        &self,
        user_id: UserId,
        id: RecordId,
    ) -> Result<Option<UsageRecord>, StoreError> {
        self.read(move |conn| Box::pin(async move { find_record(conn, &user_id, &id).await }))
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

pub(super) async fn find_record(
    conn: &mut Conn,
    user_id: &UserId,
    id: &RecordId,
) -> Result<Option<UsageRecord>, StoreError> {
    let row = billing_records::table
        .find((user_id.as_str(), id.as_str()))
        .select(RecordRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(UsageRecord::try_from).transpose()
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
