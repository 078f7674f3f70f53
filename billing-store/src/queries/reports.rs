//! Figures over many records, read from the rollups.

use async_trait::async_trait;
use billing_core::{
    ids::UserId,
    money::{Fixed, Money},
    month::Month,
    report::UsageTotals,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, dialect::exact_sum, users};
use crate::{
    ReportStore, StoreError, UserUsage,
    rows::DbMoney,
    schema::{coupon_usages, usage_rollups},
    sql_types::{DbFixed, ExactDecimal},
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
    if let Some(month) = month {
        query = query
            .filter(usage_rollups::day.ge(month.first_day().to_string()))
            .filter(usage_rollups::day.lt(month.next().first_day().to_string()));
    }
    let (cost, prompt, completion, records) = query
        .first::<(Option<DbMoney>, Option<Whole>, Option<Whole>, Option<Whole>)>(conn)
        .await?;
    let taken = taken_at_apply(conn, user_id, month).await?;
    Ok(UsageTotals {
        final_cost: cost
            .map_or(Money::ZERO, |sum| sum.0)
            .minus(taken)
            .map_err(|error| StoreError::corrupt("final_cost", error))?,
        tokens: whole("tokens", prompt)? + whole("tokens", completion)?,
        records: whole("record_count", records)?,
    })
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
    let taken = query.first::<Option<DbMoney>>(conn).await?;
    Ok(taken.map_or(Money::ZERO, |sum| sum.0))
}

type Whole = DbFixed<0>;

fn whole(column: &'static str, sum: Option<Whole>) -> Result<i64, StoreError> {
    let sum = sum.map_or(Fixed::ZERO, |sum| sum.0);
    sum.to_i64()
        .map_err(|error| StoreError::corrupt(column, error))
}
