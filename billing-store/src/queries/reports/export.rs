//! The records of a month, page by page.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;

use super::super::{
    Tx,
    usage::{into_records, with_invoices},
};
use crate::{
    InvoicedRecord, MonthFilter, StoreError,
    rows::RecordRow,
    schema::billing_records,
    sql_types::{DbUuid, UuidBytes},
};

/// At most `limit` records in the order of their key, so that every page begins where the index
/// says and none is sorted.
pub(super) async fn month_records(
    tx: &mut Tx,
    filter: MonthFilter,
    limit: i64,
) -> Result<Vec<InvoicedRecord>, StoreError> {
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
                .bind::<UuidBytes, _>(DbUuid(id.uuid()))
                .sql(")"),
        ),
        // Of one user, SQLite finds the place in its index by the id alone.
        (Some(user_id), after) => {
            let id = after.map(|(_, id)| id.uuid()).unwrap_or_default();
            query
                .filter(billing_records::user_id.eq(user_id.into_string()))
                .filter(billing_records::id.gt(DbUuid(id)))
        }
    };
    let rows = query.load(&mut tx.conn).await?;
    let records = into_records(rows, tx.catalog().await?.as_ref())?;
    with_invoices(tx, records).await
}
