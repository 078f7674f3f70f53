//! Closing months for all users, chunk by chunk.

use std::collections::{BTreeMap, BTreeSet};

use billing_core::{
    ids::UserId,
    invoice::{InvoiceMove, InvoiceStatus},
    month::Month,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Conn,
    issuing::{self, Issuing},
    prices::CatalogCache,
    users,
};
use crate::{
    MonthProgress, NewInvoiceId, StoreError, UsersToClose, rows,
    schema::{accounts, invoice_lines, invoices},
    sql_types::DbTimestamp,
};

/// For how many users a month is closed.
pub(super) async fn progress(conn: &mut Conn, month: Month) -> Result<MonthProgress, StoreError> {
    let closed = accounts::table.filter(accounts::open_month.gt(month.to_string()));
    Ok(MonthProgress {
        closed: closed.count().get_result(conn).await?,
        users: accounts::table.count().get_result(conn).await?,
    })
}

/// The next users to be closed.
pub(super) async fn next(
    conn: &mut Conn,
    users: UsersToClose,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let known_by = users.known_by.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let after = users.after.map(UserId::into_string);
    Ok(accounts::table
        .filter(accounts::open_month.le(users.month.to_string()))
        .filter(accounts::created_at.le(DbTimestamp(known_by)))
        .filter(accounts::user_id.gt(after.unwrap_or_default()))
        .order(accounts::user_id)
        .limit(limit)
        .select(accounts::user_id)
        .load(conn)
        .await?)
}

/// Closes every month up to one for users.
pub(super) async fn close(
    conn: &mut Conn,
    cache: &CatalogCache,
    user_ids: Vec<String>,
    month: Month,
    new_id: &NewInvoiceId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (mut users, catalog) = users::lock_many(conn, cache, user_ids, now).await?;
    // Another server may have been faster with some.
    users.retain(|user| user.account.open_month <= month);
    let mut due: BTreeMap<Month, BTreeSet<String>> = BTreeMap::new();
    for user in &users {
        for (uninvoiced, _) in user.account.uninvoiced.range(..=month) {
            due.entry(*uninvoiced)
                .or_default()
                .insert(user.id().to_string());
        }
    }
    for user in &mut users {
        users::store_lines_first(conn, user, now).await?;
    }
    let locked: Vec<_> = users.iter().map(|user| user.id().to_string()).collect();
    for (user_id, of_month) in months_with_lines(conn, &locked, month).await? {
        due.entry(of_month).or_default().insert(user_id);
    }
    for (month, due) in due {
        let issuing = Issuing {
            month,
            catalog: &catalog,
            new_id,
            keep_drafts: false,
            now,
        };
        let users = users.iter_mut();
        let mut users: Vec<_> = users
            .filter(|user| due.contains(user.id().as_str()))
            .collect();
        issuing::issue(conn, &issuing, &mut users).await?;
        for user in users {
            user.close(month);
        }
    }
    for user in &mut users {
        user.close(month);
    }
    issuing::store_users(conn, &users, now).await
}

/// Users and the months up to one that have lines which no invoice carries.
async fn months_with_lines(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<(String, Month)>, StoreError> {
    let rows: Vec<(String, String)> = invoice_lines::table
        .filter(invoice_lines::user_id.eq_any(user_ids))
        .filter(invoice_lines::billing_month.le(month.to_string()))
        .filter(invoice_lines::invoice_id.is_null())
        .select((invoice_lines::user_id, invoice_lines::billing_month))
        .distinct()
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(user_id, text)| Ok((user_id, rows::month("billing_month", &text)?)))
        .collect()
}

/// Has unpaid invoices fall overdue, and answers how many were found.
pub(super) async fn mark_overdue(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<usize, StoreError> {
    let unpaid = InvoiceStatus::Issued;
    let Some(overdue) = unpaid.after(InvoiceMove::FallDue) else {
        return Ok(0);
    };
    let late: Vec<(String, String)> = invoices::table
        .filter(invoices::status.eq(unpaid.name()))
        .filter(invoices::due_date.lt(DbTimestamp(now)))
        .order((invoices::user_id, invoices::id))
        .limit(limit)
        .select((invoices::user_id, invoices::id))
        .load(conn)
        .await?;
    for (user_id, id) in &late {
        let still_unpaid = invoices::table
            .find((user_id, id))
            .filter(invoices::status.eq(unpaid.name()));
        diesel::update(still_unpaid)
            .set((
                invoices::status.eq(overdue.name()),
                invoices::updated_at.eq(DbTimestamp(now)),
            ))
            .execute(conn)
            .await?;
    }
    Ok(late.len())
}
