//! What SQLite spells differently from PostgreSQL; same signatures as `postgres::dialect`.
//!
//! The transaction holds the file's only write lock from its start, so reading is locking.

use billing_core::{ids::WebhookEndpointId, money::Money};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sqlite::{Sqlite, SqliteAggregateFunction},
};

use super::{
    Conn,
    fold::{RaiseWatermark, SumTail},
    queries::{Changes, Keys, Locked, coupons::find_coupon, webhooks::find_endpoint},
};
use crate::{
    StoreError,
    rows::{
        AccountRow, CouponRow, OutletRow, RecordRow, SeriesRow, WebhookEndpointRow,
        statements::{Insert, InsertNew, Source, Update, UpdateAccounts, UpdateCounters, Upsert},
        table::{Row, Wanted},
    },
    schema::{
        CATALOG, accounts, billing_records, catalog_version, document_series, outlets,
        webhook_endpoints,
    },
    sql_types::{DbTimestamp, ExactDecimal, UtcTimestamp},
};

diesel::define_sql_function! {
    /// Sums exact decimals; SQLite's own sum is a float.
    #[aggregate]
    fn exact_sum(number: ExactDecimal) -> Nullable<ExactDecimal>;
}

/// What SQLite sees: diesel registers functions over its own types only.
mod registered {
    use diesel::sql_types::Text;

    diesel::define_sql_function! {
        /// Sums exact decimals.
        #[aggregate]
        fn exact_sum(number: Text) -> Nullable<Text>;
    }

    diesel::define_sql_function! {
        /// Adds two exact decimals; NULL when the sum does not fit.
        fn exact_add(a: Text, b: Text) -> Nullable<Text>;
    }
}

/// Gives a connection the functions above.
pub(super) fn register_functions(conn: &mut SqliteConnection) -> QueryResult<()> {
    registered::exact_sum_utils::register_impl::<ExactSum, _>(conn)?;
    registered::exact_add_utils::register_impl(conn, |a: String, b: String| add(&a, &b))
}

fn add(a: &str, b: &str) -> Option<String> {
    let (a, b): (Money, Money) = (a.parse().ok()?, b.parse().ok()?);
    a.plus(b).ok().map(|sum| sum.to_string())
}

/// The sum so far, or `None` when it does not fit.
struct ExactSum(Option<Money>);

impl Default for ExactSum {
    fn default() -> Self {
        Self(Some(Money::ZERO))
    }
}

impl SqliteAggregateFunction<String> for ExactSum {
    type Output = Option<String>;

    fn step(&mut self, number: String) {
        let number = number.parse().ok();
        self.0 = self
            .0
            .zip(number)
            .and_then(|(sum, number)| sum.plus(number).ok());
    }

    fn finalize(sum: Option<Self>) -> Option<String> {
        // A sum that does not fit must be an error, not nothing.
        sum.map(|sum| {
            sum.0
                .map_or_else(|| "too large".to_owned(), |sum| sum.to_string())
        })
    }
}

pub(super) async fn lock_usage(
    conn: &mut Conn,
    keys: Keys,
    now: DateTime<Utc>,
) -> Result<Locked, StoreError> {
    let locked = conn.spawn_blocking(move |conn| {
        let accounts = keys
            .users
            .iter()
            .map(|user| find_or_create(conn, user, DbTimestamp(now)))
            .collect::<QueryResult<_>>()?;
        let mut recorded = Vec::new();
        for (user, request) in keys.requests {
            recorded.extend(find_recorded(conn, &user, &request)?);
        }
        Ok(Locked {
            accounts,
            catalog_version: read_version(conn)?,
            recorded,
        })
    });
    Ok(locked.await?)
}

fn find_or_create(
    conn: &mut SqliteConnection,
    user: &str,
    now: DbTimestamp,
) -> QueryResult<AccountRow> {
    if let Some(account) = find_account(conn, user).optional()? {
        return Ok(account);
    }
    diesel::insert_into(accounts::table)
        .values((
            accounts::user_id.eq(user),
            accounts::created_at.eq(now),
            accounts::updated_at.eq(now),
        ))
        .execute(conn)?;
    find_account(conn, user)
}

fn find_account(conn: &mut SqliteConnection, user: &str) -> QueryResult<AccountRow> {
    accounts::table
        .find(user)
        .select(AccountRow::as_select())
        .first(conn)
}

fn find_recorded(
    conn: &mut SqliteConnection,
    user: &str,
    request: &str,
) -> QueryResult<Option<RecordRow>> {
    billing_records::table
        .filter(billing_records::user_id.eq(user))
        .filter(billing_records::request_id.eq(request))
        .select(RecordRow::as_select())
        .first(conn)
        .optional()
}

fn read_version(conn: &mut SqliteConnection) -> QueryResult<i64> {
    catalog_version::table
        .find(CATALOG)
        .select(catalog_version::version)
        .first(conn)
}

/// Writes everything in one blocking closure and answers how many records were inserted.
pub(super) async fn write_usage(conn: &mut Conn, changes: Changes) -> Result<usize, StoreError> {
    let inserted = conn.spawn_blocking(move |conn| {
        let inserted = each(conn, changes.records, InsertNew::<Sqlite, _>::new)?;
        each(conn, changes.counters, UpdateCounters::<Sqlite, _>::new)?;
        each(conn, changes.accounts, UpdateAccounts::<Sqlite, _>::new)?;
        each(conn, changes.redemptions, Upsert::<Sqlite, _>::new)?;
        Ok(inserted)
    });
    Ok(inserted.await?)
}

/// One row's values.
struct Values<R>(R);

impl<R: Row> Source<Sqlite> for Values<R> {
    type Row = R;

    fn push<'b>(&'b self, wanted: Wanted, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("VALUES (");
        self.0.push_values(wanted, out)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Runs a statement for each row, and answers how many rows they changed.
fn each<R: Row, S>(
    conn: &mut SqliteConnection,
    rows: Vec<R>,
    statement: fn(Values<R>) -> S,
) -> QueryResult<usize>
where
    S: QueryFragment<Sqlite> + QueryId + RunQueryDsl<SqliteConnection>,
{
    let mut changed = 0;
    for row in rows {
        changed += statement(Values(row)).execute(conn)?;
    }
    Ok(changed)
}

/// Inserts rows.
pub(super) async fn insert<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<(), StoreError> {
    let insert = Insert::<Sqlite, _>::new;
    conn.spawn_blocking(move |conn| each(conn, rows, insert))
        .await?;
    Ok(())
}

/// Inserts rows that are not there, and answers how many.
pub(super) async fn insert_new<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<usize, StoreError> {
    let insert = InsertNew::<Sqlite, _>::new;
    let inserted = conn.spawn_blocking(move |conn| each(conn, rows, insert));
    Ok(inserted.await?)
}

/// Inserts rows, or sets what may change of those that are there.
pub(super) async fn upsert<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<(), StoreError> {
    let upsert = Upsert::<Sqlite, _>::new;
    conn.spawn_blocking(move |conn| each(conn, rows, upsert))
        .await?;
    Ok(())
}

/// Sets what may change of rows that are there.
pub(super) async fn update<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<(), StoreError> {
    let update = Update::<Sqlite, _>::new;
    conn.spawn_blocking(move |conn| each(conn, rows, update))
        .await?;
    Ok(())
}

/// Accounts that one transaction folds; usage waits for it.
pub(super) const FOLDED_AT_ONCE: usize = 16;

/// Folds accounts one after another, and answers them.
pub(super) async fn fold(
    conn: &mut Conn,
    user_ids: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    let folded = conn.spawn_blocking(move |conn| {
        for user_id in &user_ids {
            SumTail(user_id).execute(conn)?;
            RaiseWatermark(user_id).execute(conn)?;
        }
        Ok(user_ids)
    });
    Ok(folded.await?)
}

/// Reads accounts, creating those that are missing.
pub(super) async fn lock_accounts(
    conn: &mut Conn,
    user_ids: Vec<String>,
    now: DateTime<Utc>,
) -> Result<Vec<AccountRow>, StoreError> {
    let locked = conn.spawn_blocking(move |conn| {
        let users = user_ids.iter();
        users
            .map(|user| find_or_create(conn, user, DbTimestamp(now)))
            .collect()
    });
    Ok(locked.await?)
}

/// Finds the coupon with a code, in any case.
pub(super) async fn lock_coupon(
    conn: &mut Conn,
    code: &str,
) -> Result<Option<CouponRow>, StoreError> {
    find_coupon(conn, code).await
}

/// Finds the webhook endpoint with an id.
pub(super) async fn lock_endpoint(
    conn: &mut Conn,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpointRow>, StoreError> {
    find_endpoint(conn, id).await
}

/// Finds how an outlet fares: nobody else writes now.
pub(super) async fn try_lock_outlet(
    conn: &mut Conn,
    outlet: &str,
) -> Result<Option<OutletRow>, StoreError> {
    lock_outlet(conn, outlet).await
}

/// Finds how an outlet fares.
pub(super) async fn lock_outlet(
    conn: &mut Conn,
    outlet: &str,
) -> Result<Option<OutletRow>, StoreError> {
    let outlet = outlet.to_owned();
    let found = conn.spawn_blocking(move |conn| {
        let outlet = outlets::table.find(outlet);
        outlet.select(OutletRow::as_select()).first(conn).optional()
    });
    Ok(found.await?)
}

/// Reads endpoints.
pub(super) async fn share_endpoints(
    conn: &mut Conn,
) -> Result<Vec<WebhookEndpointRow>, StoreError> {
    let found = conn.spawn_blocking(move |conn| {
        webhook_endpoints::table
            .order(webhook_endpoints::id)
            .select(WebhookEndpointRow::as_select())
            .load(conn)
    });
    Ok(found.await?)
}

/// The time by the clock of the database's only machine.
pub(super) async fn clock(conn: &mut Conn) -> Result<DateTime<Utc>, StoreError> {
    let micros = "CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000";
    let found = conn.spawn_blocking(move |conn| {
        diesel::select(diesel::dsl::sql::<UtcTimestamp>(micros)).get_result::<DbTimestamp>(conn)
    });
    Ok(found.await?.0)
}

/// Finds the series of a year.
pub(super) async fn lock_series(
    conn: &mut Conn,
    name: &str,
    year: i32,
) -> Result<Option<SeriesRow>, StoreError> {
    let name = name.to_owned();
    let found = conn.spawn_blocking(move |conn| {
        let series = document_series::table.find((name, year));
        series.select(SeriesRow::as_select()).first(conn).optional()
    });
    Ok(found.await?)
}

/// Answers the version of prices and plans.
pub(super) async fn share_catalog(conn: &mut Conn) -> Result<i64, StoreError> {
    lock_catalog(conn).await
}

/// Answers the version of prices and plans.
pub(super) async fn lock_catalog(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(conn.spawn_blocking(read_version).await?)
}
