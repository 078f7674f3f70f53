//! Whose turn a day's sweep is, and what it compares.

use billing_core::payment::{Provider, Transaction, TransactionKind};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, dialect},
    arrived,
    list::domain,
};
use crate::{
    StoreError,
    json::Json,
    rows::{LeaseRow, SweptJson, TransactionRow},
    schema::{job_leases, payment_transactions},
    sql_types::DbTimestamp,
};

/// The job's name.
const JOB: &str = "payment_sweep";
/// How long a server may take for a day before another one tries.
const LEASE: TimeDelta = TimeDelta::hours(1);

pub(super) async fn succeeded(
    tx: &mut Tx,
    provider: Provider,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Transaction>, StoreError> {
    let rows = payment_transactions::table
        .filter(payment_transactions::succeeded_at.ge(DbTimestamp(from)))
        .filter(payment_transactions::succeeded_at.lt(DbTimestamp(until)))
        .filter(payment_transactions::provider.eq(provider.name()))
        .filter(payment_transactions::kind.ne(TransactionKind::Refund.name()))
        .filter(payment_transactions::status.eq_any(arrived()))
        .order(payment_transactions::succeeded_at)
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    domain(rows)
}

/// Whoever changes the end of the lease first has taken the day.
pub(super) async fn take(tx: &mut Tx, last: NaiveDate) -> Result<Option<NaiveDate>, StoreError> {
    let now = tx.now();
    let found: Option<LeaseRow> = job_leases::table
        .find(JOB)
        .select(LeaseRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    let Some(lease) = found else {
        let row = lease(None, now.checked_add_signed(LEASE).unwrap_or(now));
        let is_new = dialect::insert_new(&mut tx.conn, vec![row]).await? > 0;
        return Ok(is_new.then_some(last));
    };
    let swept = lease.state.0.swept.as_deref().map(str::parse::<NaiveDate>);
    let swept = swept.transpose();
    let swept = swept.map_err(|error| StoreError::corrupt("state", error))?;
    let day = swept.and_then(|day| day.succ_opt()).unwrap_or(last);
    if day > last || lease.expires_at.0 > now {
        return Ok(None);
    }
    let as_it_was = job_leases::table
        .find(JOB)
        .filter(job_leases::expires_at.eq(lease.expires_at));
    let until = now.checked_add_signed(LEASE).unwrap_or(now);
    let changed = diesel::update(as_it_was)
        .set(job_leases::expires_at.eq(DbTimestamp(until)))
        .execute(&mut tx.conn)
        .await?;
    Ok((changed > 0).then_some(day))
}

pub(super) async fn swept(tx: &mut Tx, day: NaiveDate) -> Result<(), StoreError> {
    let row = lease(Some(day), tx.now());
    dialect::upsert(&mut tx.conn, vec![row]).await
}

fn lease(swept: Option<NaiveDate>, until: DateTime<Utc>) -> LeaseRow {
    LeaseRow {
        name: JOB.to_owned(),
        owner: String::new(),
        expires_at: DbTimestamp(until),
        state: Json(SweptJson {
            swept: swept.map(|day| day.to_string()),
        }),
    }
}
