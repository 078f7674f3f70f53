//! The records of a month, page by page.

use billing_core::rating::UsageRecord;
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;

use super::Conn;
use crate::{MonthFilter, StoreError, rows::RecordRow, schema::billing_records};

/// At most `limit` records in the order of their key, so that every page begins where the index
/// says and none is sorted.
pub(super) async fn month_records(
    conn: &mut Conn,
    filter: MonthFilter,
    limit: i64,
) -> Result<Vec<UsageRecord>, StoreError> {
    let mut query = billing_records::table
        .filter(billing_records::billing_month.eq(filter.month.to_string()))
        .order((billing_records::user_id, billing_records::id))
        .limit(limit)
        .select(RecordRow::as_select())
        .into_boxed();
    if let Some(user_id) = filter.user_id {
        query = query.filter(billing_records::user_id.eq(user_id.into_string()));
    }
    if let Some((user_id, id)) = filter.after {
        let later = sql::<Bool>("(user_id, id) > (")
            .bind::<Text, _>(user_id.into_string())
            .sql(", ")
            .bind::<Text, _>(id.into_string())
            .sql(")");
        query = query.filter(later);
    }
    let rows = query.load(conn).await?;
    rows.into_iter().map(UsageRecord::try_from).collect()
}
