//! Figures over many records, read from the rollups.

use async_trait::async_trait;
use billing_core::{
    ids::UserId,
    money::{Fixed, Money},
    month::Month,
    report::UsageTotals,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, dialect::exact_sum, usage::find_account};
use crate::{
    ReportStore, StoreError, UserUsage,
    rows::DbMoney,
    schema::usage_rollups,
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
    async fn user_usage(&self, user_id: UserId, month: Month) -> Result<UserUsage, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let total_cost = usage_rollups::table
                    .filter(usage_rollups::user_id.eq(user_id.as_str()))
                    .select(exact_sum(usage_rollups::final_cost))
                    .first::<Option<DbMoney>>(conn)
                    .await?;
                Ok(UserUsage {
                    month: totals(conn, Some(&user_id), month).await?,
                    total_cost: total_cost.map_or(Money::ZERO, |sum| sum.0),
                    account: find_account(conn, user_id).await?,
                })
            })
        })
        .await
    }

    async fn month_totals(&self, month: Month) -> Result<UsageTotals, StoreError> {
        self.read(move |conn| Box::pin(async move { totals(conn, None, month).await }))
            .await
    }
}

async fn totals(
    conn: &mut Conn,
    user_id: Option<&UserId>,
    month: Month,
) -> Result<UsageTotals, StoreError> {
    let mut query = usage_rollups::table
        .filter(usage_rollups::day.ge(month.first_day().to_string()))
        .filter(usage_rollups::day.lt(month.next().first_day().to_string()))
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
    let (cost, prompt, completion, records) = query
        .first::<(Option<DbMoney>, Option<Whole>, Option<Whole>, Option<Whole>)>(conn)
        .await?;
    Ok(UsageTotals {
        final_cost: cost.map_or(Money::ZERO, |sum| sum.0),
        tokens: whole("tokens", prompt)? + whole("tokens", completion)?,
        records: whole("record_count", records)?,
    })
}

type Whole = DbFixed<0>;

fn whole(column: &'static str, sum: Option<Whole>) -> Result<i64, StoreError> {
    let sum = sum.map_or(Fixed::ZERO, |sum| sum.0);
    sum.to_i64()
        .map_err(|error| StoreError::corrupt(column, error))
}
