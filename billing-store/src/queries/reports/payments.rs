//! Sums of payments over all users: what came in, went back and was lost, and what tokens that are
//! not used have cost.

use std::collections::HashMap;

use billing_core::{
    money::Money,
    month::Month,
    payment::{Purchase, Purchases, Transaction, TransactionKind, TransactionStatus},
    report::Finances,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{Tx, payments::arrived, sums::exact_sum};
use crate::{
    StoreError,
    rows::{DbMoney, TransactionRow, money},
    schema::{accounts, payment_transactions},
    sql_types::DbTimestamp,
};

/// How many users with bought tokens are summed up at a time.
const USERS_AT_ONCE: i64 = 500;

/// The sum of a column over the transactions whose money moved in a month, by one of their times.
macro_rules! moved {
    ($tx:ident, $month:ident, $column:expr, by $time:ident, $filter:expr) => {{
        let sum: Option<DbMoney> = payment_transactions::table
            .select(exact_sum($column))
            .filter(payment_transactions::$time.ge(DbTimestamp($month.start())))
            .filter(payment_transactions::$time.lt(DbTimestamp($month.next().start())))
            .filter($filter)
            .get_result(&mut $tx.conn)
            .await?;
        money(sum)
    }};
}

pub(super) async fn add(
    tx: &mut Tx,
    month: Month,
    finances: &mut Finances,
) -> Result<(), StoreError> {
    let is = |kind: TransactionKind| payment_transactions::kind.eq(kind.name());
    let (amount, topup) = (payment_transactions::amount, is(TransactionKind::Topup));
    finances.topups = moved!(tx, month, amount, by succeeded_at, topup);
    // A refund that came back later has given back nothing.
    let given = payment_transactions::status.eq(TransactionStatus::Succeeded.name());
    let given = is(TransactionKind::Refund).and(given);
    finances.refunds = moved!(tx, month, amount, by succeeded_at, given);
    let lost = payment_transactions::status.eq(TransactionStatus::ChargedBack.name());
    let disputed = payment_transactions::disputed_amount;
    finances.lost_disputes = moved!(tx, month, disputed, by lost_at, lost);
    let known = payment_transactions::fee.is_not_null();
    let charge_fee = payment_transactions::fee.assume_not_null();
    finances.provider_fees = moved!(tx, month, charge_fee, by succeeded_at, known);
    finances.prepaid_tokens = prepaid_tokens(tx).await?;
    Ok(())
}

/// Its cost grows with the number of users who have bought tokens left.
async fn prepaid_tokens(tx: &mut Tx) -> Result<Money, StoreError> {
    let mut sum = Money::ZERO;
    let mut last = String::new();
    loop {
        let balances: Vec<(String, i64)> = accounts::table
            .filter(accounts::topup_balance.gt(0))
            .filter(accounts::user_id.gt(last))
            .order(accounts::user_id)
            .limit(USERS_AT_ONCE)
            .select((accounts::user_id, accounts::topup_balance))
            .load(&mut tx.conn)
            .await?;
        let users: Vec<&str> = balances
            .iter()
            .map(|(user_id, _)| user_id.as_str())
            .collect();
        let mut bought = purchases(tx, &users).await?;
        for (user_id, balance) in &balances {
            let purchases = bought.remove(user_id).unwrap_or_default();
            let worth = Purchases::new(*balance, purchases).worth();
            let added = worth.and_then(|worth| sum.plus(worth));
            sum = added.map_err(|error| StoreError::corrupt("a sum", error))?;
        }
        match balances.into_iter().next_back() {
            Some((user_id, _)) => last = user_id,
            None => return Ok(sum),
        }
    }
}

/// What users have bought, oldest first: ids begin with their time.
async fn purchases(
    tx: &mut Tx,
    users: &[&str],
) -> Result<HashMap<String, Vec<Purchase>>, StoreError> {
    let rows: Vec<TransactionRow> = payment_transactions::table
        .filter(payment_transactions::user_id.eq_any(users))
        .filter(payment_transactions::kind.eq(TransactionKind::Topup.name()))
        .filter(payment_transactions::status.eq_any(arrived()))
        .order((payment_transactions::user_id, payment_transactions::id))
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    let mut all: HashMap<String, Vec<Purchase>> = HashMap::new();
    for row in rows {
        let topup = Transaction::try_from(row)?;
        let of_user = all.entry(topup.user_id.to_string()).or_default();
        of_user.push(Purchase::of(&topup));
    }
    Ok(all)
}
