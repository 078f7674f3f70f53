//! Reading what a check of a month's invoices needs.

use std::collections::HashMap;

use billing_core::{
    ids::UserId,
    invoice::{Reconciled, UserMonth},
    month::Month,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, accounts::redemptions_of},
    charges,
};
use crate::{
    StoreError,
    json::Json,
    rows::{self, Amounts, InvoiceRow, UsageSumRow},
    schema::{accounts, invoices},
};

/// Checks a month of at most `limit` users. A closed month changes only when its invoice is voided
/// or made again, so nothing is locked.
pub(super) async fn month(
    tx: &mut Tx,
    month: Month,
    after: Option<UserId>,
    limit: i64,
) -> Result<Reconciled, StoreError> {
    let accounts: Vec<(String, String, Json<Amounts>)> = accounts::table
        .filter(accounts::user_id.gt(after.map(UserId::into_string).unwrap_or_default()))
        .order(accounts::user_id)
        .limit(limit)
        .select((
            accounts::user_id,
            accounts::open_month,
            accounts::uninvoiced,
        ))
        .load(&mut tx.conn)
        .await?;
    let ids: Vec<_> = accounts
        .iter()
        .map(|(user_id, ..)| user_id.clone())
        .collect();
    let stored = invoices::table
        .filter(invoices::user_id.eq_any(&ids))
        .filter(invoices::is_receipt.eq(false))
        .select(InvoiceRow::as_select())
        .load(&mut tx.conn)
        .await?;
    let mut invoices = by_user(stored, |row: &InvoiceRow| &row.user_id);
    let recorded = charges::recorded(tx, &ids, month).await?;
    let mut recorded = by_user(recorded, |row: &UsageSumRow| &row.user_id);
    let summed = charges::summed(tx, &ids, month).await?;
    let mut summed = by_user(summed, |row: &UsageSumRow| &row.user_id);
    let lines = charges::lines(tx, &ids, month).await?;
    let mut lines = by_user(lines, |row| &row.user_id);
    let corrections = charges::corrections(tx, &ids, month).await?;
    let mut corrections = by_user(corrections, |row| &row.user_id);
    let mut records = charges::record_counts(tx, &ids, month).await?;
    let mut redemptions = redemptions_of(&mut tx.conn, &ids).await?;
    let catalog = tx.catalog().await?;
    let mut found = Reconciled::default();
    for (user_id, open_month, uninvoiced) in accounts {
        let passed = rows::month("open_month", &open_month)? > month;
        let user = UserMonth {
            month,
            is_closed: passed && !uninvoiced.0.0.contains_key(&month),
            invoices: all_of(&mut invoices, &user_id)?,
            recorded: all_of(&mut recorded, &user_id)?,
            summed: all_of(&mut summed, &user_id)?,
            lines: all_of(&mut lines, &user_id)?,
            corrections: all_of(&mut corrections, &user_id)?,
            redemptions: redemptions.remove(&user_id).unwrap_or_default(),
            records: records.remove(&user_id).unwrap_or_default(),
            user_id: UserId::trusted(user_id),
        };
        user.check(&catalog, &mut found)?;
    }
    Ok(found)
}

fn by_user<T>(rows: Vec<T>, user_id: impl Fn(&T) -> &String) -> HashMap<String, Vec<T>> {
    let mut by_user: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        by_user.entry(user_id(&row).clone()).or_default().push(row);
    }
    by_user
}

fn all_of<Row, T: TryFrom<Row, Error = StoreError>>(
    rows: &mut HashMap<String, Vec<Row>>,
    user_id: &str,
) -> Result<Vec<T>, StoreError> {
    let rows = rows.remove(user_id).unwrap_or_default();
    rows.into_iter().map(T::try_from).collect()
}
