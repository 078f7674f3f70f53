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
    query = match (filter.user_id, filter.after) {
        (None, None) => query,
        (None, Some((user_id, id))) => query.filter(
            sql::<Bool>("(user_id, id) > (")
                .bind::<Text, _>(user_id.into_string())
                .sql(", ")
                .bind::<Text, _>(id.into_string())
                .sql(")"),
        ),
        // Of one user, SQLite finds the place in its index by the id alone.
        (Some(user_id), after) => {
            let id = after.map(|(_, id)| id.into_string()).unwrap_or_default();
            query
                .filter(billing_records::user_id.eq(user_id.into_string()))
                .filter(billing_records::id.gt(id))
        }
    };
    let rows = query.load(conn).await?;
    rows.into_iter().map(UsageRecord::try_from).collect()
}
