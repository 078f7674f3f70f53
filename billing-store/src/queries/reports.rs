//! Figures over many records, read from the rollups.

use async_trait::async_trait;
use billing_core::{
    ids::UserId,
    money::Money,
    month::Month,
    rating::UsageRecord,
    report::{Days, GroupSums, RankBy, TopUser, UsageTotals},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, breakdown, dialect::exact_sum, export, top_users, users};
use crate::{
    MonthFilter, ReportStore, StoreError, SumsFilter, UserUsage,
    rows::{TotalsRow, money, usage_totals},
    schema::{coupon_usages, usage_rollups},
    sql_types::ExactDecimal,
};

diesel::define_sql_function! {
    /// Sums whole numbers. Both databases widen the result, which reads as a decimal on either.
    #[aggregate]
    #[sql_name = "sum"]
    fn whole_sum(number: diesel::sql_types::BigInt) -> diesel::sql_types::Nullable<ExactDecimal>;
}

#[async_trait]
impl ReportStore for Backend {
    async fn user_usage(
        &self,
        user_id: UserId,
        now: DateTime<Utc>,
    ) -> Result<UserUsage, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                let (user, _) = users::view(conn, &cache, user_id, now, now).await?;
                Ok(UserUsage {
                    month: totals(conn, Some(user.id()), Some(Month::of(now))).await?,
                    total_cost: totals(conn, Some(user.id()), None).await?.final_cost,
                    account: user.account,
                })
            })
        })
        .await
    }

    async fn month_totals(&self, month: Month) -> Result<UsageTotals, StoreError> {
        self.read(move |conn| Box::pin(async move { totals(conn, None, Some(month)).await }))
            .await
    }

    async fn usage_sums(
        &self,
        filter: SumsFilter,
        limit: i64,
    ) -> Result<Vec<GroupSums>, StoreError> {
        self.read(move |conn| Box::pin(breakdown::usage_sums(conn, filter, limit)))
            .await
    }

    async fn top_users(
        &self,
        month: Month,
        by: RankBy,
        limit: usize,
    ) -> Result<Vec<TopUser>, StoreError> {
        self.read(move |conn| Box::pin(top_users::top_users(conn, month, by, limit)))
            .await
    }

    async fn month_records(
        &self,
        filter: MonthFilter,
        limit: i64,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        self.read(move |conn| Box::pin(export::month_records(conn, filter, limit)))
            .await
    }
}

/// The totals of a user or of all, of a month or of all time.
async fn totals(
    conn: &mut Conn,
    user_id: Option<&UserId>,
    month: Option<Month>,
) -> Result<UsageTotals, StoreError> {
    let mut query = usage_rollups::table
        .select((
            exact_sum(usage_rollups::final_cost),
            whole_sum(usage_rollups::prompt_tokens),
            whole_sum(usage_rollups::completion_tokens),
            whole_sum(usage_rollups::record_count),
        ))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(usage_rollups::user_id.eq(user_id.as_str()));
    }
    if let Some(days) = month.map(Days::of_month) {
        query = query
            .filter(usage_rollups::day.ge(days.first.to_string()))
            .filter(usage_rollups::day.lt(days.end.to_string()));
    }
    let row = query.first::<TotalsRow>(conn).await?;
    usage_totals(row, taken_at_apply(conn, user_id, month).await?)
}

/// What redemptions took of usage that was there before them.
async fn taken_at_apply(
    conn: &mut Conn,
    user_id: Option<&UserId>,
    month: Option<Month>,
) -> Result<Money, StoreError> {
    let mut query = coupon_usages::table
        .select(exact_sum(coupon_usages::taken_at_apply))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(coupon_usages::user_id.eq(user_id.as_str()));
    }
    if let Some(month) = month {
        query = query.filter(coupon_usages::billing_month.eq(month.to_string()));
    }
    Ok(money(query.first(conn).await?))
}
