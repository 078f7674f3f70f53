//! What PostgreSQL spells differently from SQLite; same signatures as `sqlite::dialect`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::try_join3;

use super::{
    Conn,
    bulk::{
        FindRecorded, InsertRecords, LockAccounts, UpdateAccounts, UpsertRedemptions, UpsertRollups,
    },
    queries::{Changes, Keys, Locked},
};
use crate::{
    StoreError,
    rows::{AccountRow, CouponRow, InvoiceRow, PriceRow},
    schema::{CATALOG, catalog_version, coupons, invoices, model_prices},
    sql_types::{DbTimestamp, ExactDecimal, lower},
};

diesel::define_sql_function! {
    /// Sums exact decimals.
    #[aggregate]
    #[sql_name = "sum"]
    fn exact_sum(number: ExactDecimal) -> Nullable<ExactDecimal>;
}

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
    let (mut first, mut second, mut third) = (&*conn, &*conn, &*conn);
    let (inserted, _, _) = try_join3(
        InsertRecords::new(changes.records).execute(&mut first),
        UpsertRollups::new(changes.rollups).execute(&mut second),
        UpdateAccounts::new(changes.accounts).execute(&mut third),
    )
    .await?;
    if !changes.redemptions.is_empty() {
        UpsertRedemptions::new(changes.redemptions)
            .execute(conn)
            .await?;
    }
    Ok(inserted)
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

/// Inserts invoices.
pub(super) async fn insert_invoices(
    conn: &mut Conn,
    rows: Vec<InvoiceRow>,
) -> Result<(), StoreError> {
    diesel::insert_into(invoices::table)
        .values(&rows)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn upsert_prices(conn: &mut Conn, rows: Vec<PriceRow>) -> Result<(), StoreError> {
    for row in &rows {
        diesel::insert_into(model_prices::table)
            .values(row)
            .on_conflict((model_prices::model_id, model_prices::effective_from))
            .do_update()
            .set(row)
            .execute(conn)
            .await?;
    }
    Ok(())
}
