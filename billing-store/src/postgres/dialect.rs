//! What PostgreSQL spells differently from SQLite; same signatures as `sqlite::dialect`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::try_join3;

use super::{
    Conn,
    bulk::{FindRecorded, InsertRecords, LockAccounts, UpdateAccounts, UpsertRollups},
    queries::{Changes, Keys, Locked},
};
use crate::{
    StoreError,
    rows::{AccountRow, PriceRow},
    schema::{CATALOG, catalog_version, model_prices},
    sql_types::{DbTimestamp, ExactDecimal},
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

/// Locks a user's account, which is created when missing, until the transaction ends.
pub(super) async fn lock_account(
    conn: &mut Conn,
    user_id: &str,
    now: DateTime<Utc>,
) -> Result<AccountRow, StoreError> {
    let users = vec![user_id.to_owned()];
    Ok(LockAccounts::new(users, DbTimestamp(now))
        .get_result(conn)
        .await?)
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
    Ok(inserted)
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
