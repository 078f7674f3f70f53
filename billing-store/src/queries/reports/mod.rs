//! Figures over many records.

mod breakdown;
mod export;
mod finances;
mod payments;
mod top_users;
mod totals;

use async_trait::async_trait;
use billing_core::{
    ids::UserId,
    month::Month,
    report::{GroupSums, MonthFigures, RankBy, TopUser},
};
use futures_util::FutureExt;

use super::{Backend, Tx};
use crate::{InvoicedRecord, MonthFilter, ReportStore, StoreError, SumsFilter, UserUsage};

#[async_trait]
impl ReportStore for Backend {
    async fn user_usage(&self, user_id: UserId) -> Result<UserUsage, StoreError> {
        self.read(user_id, |tx, user_id| user_usage(tx, user_id).boxed())
            .await
    }

    async fn month_figures(&self, month: Month) -> Result<MonthFigures, StoreError> {
        self.read(month, |tx, month| month_figures(tx, month).boxed())
            .await
    }

    async fn usage_sums(
        &self,
        filter: SumsFilter,
        limit: i64,
    ) -> Result<Vec<GroupSums>, StoreError> {
        self.read((filter, limit), |tx, (filter, limit)| {
            breakdown::usage_sums(tx, filter, limit).boxed()
        })
        .await
    }

    async fn top_users(
        &self,
        month: Month,
        by: RankBy,
        limit: usize,
    ) -> Result<Vec<TopUser>, StoreError> {
        self.read((month, by, limit), |tx, (month, by, limit)| {
            top_users::top_users(tx, month, by, limit).boxed()
        })
        .await
    }

    async fn month_records(
        &self,
        filter: MonthFilter,
        limit: i64,
    ) -> Result<Vec<InvoicedRecord>, StoreError> {
        self.read((filter, limit), |tx, (filter, limit)| {
            export::month_records(tx, filter, limit).boxed()
        })
        .await
    }
}

async fn month_figures(tx: &mut Tx, month: Month) -> Result<MonthFigures, StoreError> {
    Ok(MonthFigures {
        usage: totals::of_month(tx, None, month).await?,
        finances: finances::of_month(tx, month).await?,
    })
}

async fn user_usage(tx: &mut Tx, user_id: UserId) -> Result<UserUsage, StoreError> {
    let ready = tx.view(user_id).await?;
    let account = ready.account;
    let month = Month::of(ready.now);
    Ok(UserUsage {
        month: totals::of_month(tx, Some(account.id()), month).await?,
        total_cost: totals::all_time_cost(tx, &account).await?,
        account,
    })
}
