//! What PostgreSQL spells differently from SQLite; same signatures as `sqlite::dialect`.

use billing_core::ids::WebhookEndpointId;
use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use diesel_async::RunQueryDsl;
use futures_util::future::try_join3;

use super::{
    Conn,
    bulk::{Arrays, FindRecorded, Fold, LockAccounts},
    queries::{Changes, Keys, Locked},
};
use crate::{
    StoreError,
    rows::{
        AccountRow, CouponRow, OutletRow, RecordRow, SeriesRow, WebhookEndpointRow,
        statements::{Insert, InsertNew, Update, UpdateAccounts, UpdateCounters, Upsert},
        table::{Role, Row},
    },
    schema::{CATALOG, catalog_version, coupons, document_series, outlets, webhook_endpoints},
    sql_types::{DbTimestamp, DbUuid, ExactDecimal, UtcTimestamp, lower},
};

diesel::define_sql_function! {
    /// Sums exact decimals.
    #[aggregate]
    #[sql_name = "sum"]
    fn exact_sum(number: ExactDecimal) -> Nullable<ExactDecimal>;
}

/// Accounts that one statement folds.
pub(super) const FOLDED_AT_ONCE: usize = 100;

/// Sends all three statements at once. They run one after another, and the look for repeats takes
/// its snapshot only when the accounts are locked.
pub(super) async fn lock_usage(
    conn: &mut Conn,
    keys: Keys,
    now: DateTime<Utc>,
) -> Result<Locked, StoreError> {
    let (mut first, mut second, mut third) = (&*conn, &*conn, &*conn);
    // Shared: usage does not wait for usage, but a price change waits for both.
    let share_catalog = catalog_version::table
        .find(CATALOG)
        .select(catalog_version::version)
        .for_share();
    let (accounts, catalog_version, recorded) = try_join3(
        LockAccounts::new(keys.users, DbTimestamp(now)).load(&mut first),
        share_catalog.first(&mut second),
        FindRecorded::new(keys.requests).load(&mut third),
    )
    .await?;
    Ok(Locked {
        accounts,
        catalog_version,
        recorded,
    })
}

/// Writes everything in one round and answers how many records were inserted.
pub(super) async fn write_usage(conn: &mut Conn, changes: Changes) -> Result<usize, StoreError> {
    let shared = &*conn;
    let (inserted, (), ()) = try_join3(
        insert_records(shared, changes.records),
        update_counters(shared, changes.counters),
        update_accounts(shared, changes.accounts),
    )
    .await?;
    upsert(conn, changes.redemptions).await?;
    Ok(inserted)
}

async fn insert_records(mut conn: &Conn, rows: Vec<RecordRow>) -> Result<usize, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let rows = Arrays::new(rows, Role::is_inserted);
    Ok(InsertNew::<Pg, _>::new(rows).execute(&mut conn).await?)
}

async fn update_counters(mut conn: &Conn, rows: Vec<AccountRow>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = Arrays::new(rows, Role::is_key_or_counter);
        UpdateCounters::<Pg, _>::new(rows)
            .execute(&mut conn)
            .await?;
    }
    Ok(())
}

async fn update_accounts(mut conn: &Conn, rows: Vec<AccountRow>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = Arrays::new(rows, Role::is_key_or_set);
        UpdateAccounts::<Pg, _>::new(rows)
            .execute(&mut conn)
            .await?;
    }
    Ok(())
}

/// Inserts rows.
pub(super) async fn insert<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = Arrays::new(rows, Role::is_inserted);
        Insert::<Pg, _>::new(rows).execute(conn).await?;
    }
    Ok(())
}

/// Inserts rows that are not there, and answers how many.
pub(super) async fn insert_new<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<usize, StoreError> {
    let rows = Arrays::new(rows, Role::is_inserted);
    Ok(InsertNew::<Pg, _>::new(rows).execute(conn).await?)
}

/// Inserts rows, or sets what may change of those that are there.
pub(super) async fn upsert<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = Arrays::new(rows, Role::is_inserted);
        Upsert::<Pg, _>::new(rows).execute(conn).await?;
    }
    Ok(())
}

/// Sets what may change of rows that are there.
pub(super) async fn update<R: Row>(conn: &mut Conn, rows: Vec<R>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = Arrays::new(rows, Role::is_key_or_set);
        Update::<Pg, _>::new(rows).execute(conn).await?;
    }
    Ok(())
}

/// Folds accounts in one statement, and answers those that no other transaction had locked.
pub(super) async fn fold(
    conn: &mut Conn,
    user_ids: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    Ok(Fold::new(user_ids).load(conn).await?)
}

/// Locks accounts in the order given and reads them, creating those that are missing.
pub(super) async fn lock_accounts(
    conn: &mut Conn,
    user_ids: Vec<String>,
    now: DateTime<Utc>,
) -> Result<Vec<AccountRow>, StoreError> {
    Ok(LockAccounts::new(user_ids, DbTimestamp(now))
        .load(conn)
        .await?)
}

/// Locks the coupon with a code, in any case.
pub(super) async fn lock_coupon(
    conn: &mut Conn,
    code: &str,
) -> Result<Option<CouponRow>, StoreError> {
    let row = coupons::table
        .filter(lower(coupons::code).eq(code.to_ascii_lowercase()))
        .select(CouponRow::as_select())
        .for_update()
        .first(conn)
        .await;
    Ok(row.optional()?)
}

/// Locks the webhook endpoint with an id.
pub(super) async fn lock_endpoint(
    conn: &mut Conn,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpointRow>, StoreError> {
    let row = webhook_endpoints::table
        .find(DbUuid(id.uuid()))
        .select(WebhookEndpointRow::as_select())
        .for_update()
        .first(conn)
        .await;
    Ok(row.optional()?)
}

/// Locks how an outlet fares; `None` while somebody else has locked it.
pub(super) async fn try_lock_outlet(
    conn: &mut Conn,
    outlet: &str,
) -> Result<Option<OutletRow>, StoreError> {
    let row = outlets::table
        .find(outlet)
        .select(OutletRow::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await;
    Ok(row.optional()?)
}

/// Locks how an outlet fares.
pub(super) async fn lock_outlet(
    conn: &mut Conn,
    outlet: &str,
) -> Result<Option<OutletRow>, StoreError> {
    let row = outlets::table
        .find(outlet)
        .select(OutletRow::as_select())
        .for_update()
        .first(conn)
        .await;
    Ok(row.optional()?)
}

/// Keeps endpoints as they are until the transaction ends, and reads them.
pub(super) async fn share_endpoints(
    conn: &mut Conn,
) -> Result<Vec<WebhookEndpointRow>, StoreError> {
    Ok(webhook_endpoints::table
        .order(webhook_endpoints::id)
        .select(WebhookEndpointRow::as_select())
        .for_share()
        .load(conn)
        .await?)
}

/// The time by the database's own clock, which all servers share.
pub(super) async fn clock(conn: &mut Conn) -> Result<DateTime<Utc>, StoreError> {
    let now = diesel::dsl::sql::<UtcTimestamp>("clock_timestamp()");
    let now: DbTimestamp = diesel::select(now).get_result(conn).await?;
    Ok(now.0)
}

/// Locks the series of a year.
pub(super) async fn lock_series(
    conn: &mut Conn,
    name: &str,
    year: i32,
) -> Result<Option<SeriesRow>, StoreError> {
    let row = document_series::table
        .find((name, year))
        .select(SeriesRow::as_select())
        .for_update()
        .first(conn)
        .await;
    Ok(row.optional()?)
}

/// Keeps prices and plans as they are until the transaction ends, and answers their version.
pub(super) async fn share_catalog(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(catalog_version::table
        .find(CATALOG)
        .select(catalog_version::version)
        .for_share()
        .first(conn)
        .await?)
}

/// Keeps usage from being priced until the transaction ends, and answers the prices' version.
pub(super) async fn lock_catalog(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(catalog_version::table
        .find(CATALOG)
        .select(catalog_version::version)
        .for_update()
        .first(conn)
        .await?)
}
