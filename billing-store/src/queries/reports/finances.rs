//! Sums of fees, invoices, credit and subscriptions over all users.

use billing_core::{
    ids::PlanVersionId,
    invoice::{InvoiceStatus, PAID_WITHOUT_MONEY},
    money::{Money, NumberError},
    month::Month,
    refusal::Refusal,
    report::{Days, Finances},
    subscription::SubscriptionStatus,
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::{count_star, sql},
    prelude::*,
    sql_types::Bool,
};
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;

use super::{
    super::{Tx, invoices::listed::names, sums::exact_sum},
    payments,
};
use crate::{
    StoreError,
    rows::{DbMoney, money, status_text},
    schema::{accounts, credit_notes, invoice_corrections, invoice_lines, invoices, usage_totals},
    sql_types::DbTimestamp,
};

/// How many accounts that are due are advanced at a time.
const DUE_AT_ONCE: i64 = 500;

type Sum = Option<DbMoney>;

pub(super) async fn of_month(tx: &mut Tx, month: Month) -> Result<Finances, StoreError> {
    let now = tx.now();
    let mut finances = Finances {
        fees: fees(tx, month).await?,
        credited: credited(tx, month).await?,
        collected: collected(tx, month).await?,
        outstanding: outstanding(tx, month).await?,
        unapplied_credit: unapplied_credit(tx).await?,
        active_users: active_users(tx, month).await?,
        ..Finances::default()
    };
    (finances.invoiced, finances.tax) = invoiced(tx, month).await?;
    payments::add(tx, month, &mut finances).await?;
    add_subscriptions(tx, now, &mut finances).await?;
    add_due(tx, now, month, &mut finances).await?;
    Ok(finances)
}

fn too_large(error: NumberError) -> StoreError {
    StoreError::corrupt("a sum", error)
}

/// What the first leaves when the others are taken off.
fn less((sum, one, other): (Sum, Sum, Sum)) -> Result<Money, StoreError> {
    let left = money(sum).minus(money(one));
    left.and_then(|left| left.minus(money(other)))
        .map_err(too_large)
}

/// All lines are fees or shares of fees. Some of what is unused is taken back of earlier invoices.
async fn fees(tx: &mut Tx, month: Month) -> Result<Money, StoreError> {
    let charged = invoice_lines::table
        .select(exact_sum(invoice_lines::amount))
        .filter(invoice_lines::billing_month.eq(month.to_string()));
    let charged: Sum = charged.get_result(&mut tx.conn).await?;
    let unused = invoice_corrections::table
        .select(exact_sum(invoice_corrections::amount))
        .filter(invoice_corrections::billing_month.eq(month.to_string()))
        .filter(invoice_corrections::description.is_not_null());
    let unused: Sum = unused.get_result(&mut tx.conn).await?;
    money(charged).plus(money(unused)).map_err(too_large)
}

/// Net of the invoices in force, and the tax in them and in receipts of top-ups.
async fn invoiced(tx: &mut Tx, month: Month) -> Result<(Money, Money), StoreError> {
    let sums = invoices::table
        .select((
            exact_sum(invoices::amount),
            exact_sum(invoices::discount_amount),
            exact_sum(invoices::tax_amount),
        ))
        .filter(invoices::billing_month.eq(month.to_string()))
        .filter(invoices::is_receipt.eq(false))
        .filter(invoices::status.ne_all(names(InvoiceStatus::NOT_IN_FORCE)));
    let (amount, discount, tax): (Sum, Sum, Sum) = sums.get_result(&mut tx.conn).await?;
    let net = money(amount).minus(money(discount)).map_err(too_large)?;
    let in_topups = invoices::table
        .select(exact_sum(invoices::tax_amount))
        .filter(invoices::billing_month.eq(month.to_string()))
        .filter(invoices::is_receipt);
    let in_topups: Sum = in_topups.get_result(&mut tx.conn).await?;
    let tax = money(tax).plus(money(in_topups)).map_err(too_large)?;
    Ok((net, tax))
}

async fn credited(tx: &mut Tx, month: Month) -> Result<Money, StoreError> {
    let of_invoice = credit_notes::user_id
        .eq(invoices::user_id)
        .and(credit_notes::invoice_id.eq(invoices::id));
    let sums = credit_notes::table
        .inner_join(invoices::table.on(of_invoice))
        .select((
            exact_sum(credit_notes::amount),
            exact_sum(credit_notes::tax_amount),
        ))
        .filter(invoices::billing_month.eq(month.to_string()))
        .filter(invoices::is_receipt.eq(false))
        .filter(invoices::status.ne_all(names(InvoiceStatus::NOT_IN_FORCE)));
    let (net, tax): (Sum, Sum) = sums.get_result(&mut tx.conn).await?;
    money(net).plus(money(tax)).map_err(too_large)
}

/// What a month's invoices ask for in money, of those that a filter leaves.
macro_rules! asked_for {
    ($tx:ident, $month:ident, $filter:expr) => {
        less(
            invoices::table
                .select((
                    exact_sum(invoices::final_amount),
                    exact_sum(invoices::credit_applied),
                    exact_sum(invoices::credit_noted),
                ))
                .filter(invoices::billing_month.eq($month.to_string()))
                .filter(invoices::is_receipt.eq(false))
                .filter($filter)
                .get_result(&mut $tx.conn)
                .await?,
        )
    };
}

async fn collected(tx: &mut Tx, month: Month) -> Result<Money, StoreError> {
    let with_money = invoices::payment_method.is_not_null().and(
        invoices::payment_method
            .assume_not_null()
            .ne_all(PAID_WITHOUT_MONEY),
    );
    let paid = invoices::status.eq(InvoiceStatus::Paid.name());
    asked_for!(tx, month, paid.and(with_money))
}

async fn outstanding(tx: &mut Tx, month: Month) -> Result<Money, StoreError> {
    asked_for!(
        tx,
        month,
        invoices::status.eq_any(names(InvoiceStatus::UNPAID))
    )
}

async fn unapplied_credit(tx: &mut Tx) -> Result<Money, StoreError> {
    let sum = accounts::table.select(exact_sum(accounts::credit_balance));
    Ok(money(sum.get_result(&mut tx.conn).await?))
}

/// Users whose calls were not all voided: a voided one and its correction add up to none.
async fn active_users(tx: &mut Tx, month: Month) -> Result<i64, StoreError> {
    let days = Days::of_month(month);
    let mut users = usage_totals::table
        .group_by(usage_totals::user_id)
        .having(sql::<Bool>("sum(record_count) > 0"))
        .select(usage_totals::user_id)
        .filter(usage_totals::day.ge(days.first.to_string()))
        .filter(usage_totals::day.lt(days.end.to_string()))
        .load_stream::<String>(&mut tx.conn)
        .await?;
    let mut count = 0_i64;
    while users.try_next().await?.is_some() {
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// Live subscriptions that are charged, as they are stored: those whose window is running.
async fn add_subscriptions(
    tx: &mut Tx,
    now: DateTime<Utc>,
    finances: &mut Finances,
) -> Result<(), StoreError> {
    let trialing = status_text(SubscriptionStatus::Trialing);
    let live: Vec<(Option<i32>, i64)> = accounts::table
        .group_by(accounts::plan_version_id)
        .select((accounts::plan_version_id, count_star()))
        .filter(accounts::subscription_id.is_not_null())
        .filter(accounts::subscription_status.ne(trialing))
        .filter(accounts::window_end.gt(DbTimestamp(now)))
        .load(&mut tx.conn)
        .await?;
    let catalog = tx.catalog().await?;
    for (version, count) in live {
        let id = PlanVersionId::new(version.unwrap_or_default());
        let version = catalog.plan_version(id);
        let version = version.ok_or(Refusal::PlanVersionUnknown(id))?;
        let added = finances.add_subscriptions(version, count);
        added.map_err(too_large)?;
    }
    Ok(())
}

/// Accounts whose window is over count as the job will leave them.
async fn add_due(
    tx: &mut Tx,
    now: DateTime<Utc>,
    month: Month,
    finances: &mut Finances,
) -> Result<(), StoreError> {
    let mut last = String::new();
    loop {
        let due: Vec<String> = accounts::table
            .filter(accounts::subscription_id.is_not_null())
            .filter(accounts::window_end.le(DbTimestamp(now)))
            .filter(accounts::user_id.gt(last))
            .order(accounts::user_id)
            .limit(DUE_AT_ONCE)
            .select(accounts::user_id)
            .load(&mut tx.conn)
            .await?;
        for account in tx.view_many(&due).await?.account {
            let added = finances.add_advanced(&account, month);
            added.map_err(too_large)?;
        }
        match due.into_iter().next_back() {
            Some(user_id) => last = user_id,
            None => return Ok(()),
        }
    }
}
