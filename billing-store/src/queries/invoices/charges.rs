//! What users are charged for in an invoice month.

use std::collections::{BTreeMap, HashMap};

use billing_core::{
    account::Account,
    ids::{InvoiceId, SubscriptionId, UserId},
    invoice::{
        CarriedCorrection, CarriedLine, ChargedFee, Charges, InvoicedFee, InvoicedMonth, UsageSum,
    },
    money::Money,
    month::Month,
    refusal::Refusal,
};
use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;

use super::{
    super::{
        Tx,
        coupons::taken_at_once,
        sums::{exact_sum, whole_sum},
    },
    stored,
};
use crate::{
    StoreError,
    rows::{self, CorrectionRow, DbMoney, LineRow, UsageSumRow, sums_of},
    schema::{invoice_corrections, invoice_lines, record_totals, usage_totals},
    sql_types::{DbFixed, DbUuid},
};

/// What no invoice carries yet, by user.
pub(super) async fn uninvoiced(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, Charges>, StoreError> {
    let mut charges: HashMap<String, Charges> = HashMap::new();
    for row in summed(tx, user_ids, month).await? {
        let of_user = charges.entry(row.user_id.clone()).or_default();
        of_user.usage.push(UsageSum::try_from(row)?);
    }
    let lines = lines(tx, user_ids, month).await?;
    for line in lines.into_iter().filter(|line| line.invoice_id.is_none()) {
        let of_user = charges.entry(line.user_id.clone()).or_default();
        of_user.lines.push(CarriedLine::try_from(line)?.line);
    }
    for row in corrections(tx, user_ids, month).await? {
        let user_id = row.user_id.clone();
        let carried = CarriedCorrection::try_from(row)?;
        if carried.invoice_id.is_none() {
            let of_user = charges.entry(user_id).or_default();
            of_user.corrections.push(carried.correction);
        }
    }
    Ok(charges)
}

/// What no invoice carries yet of one user's month.
pub(super) async fn uninvoiced_of(
    tx: &mut Tx,
    user_id: &UserId,
    month: Month,
) -> Result<Charges, StoreError> {
    let found = uninvoiced(tx, &[user_id.to_string()], month).await?;
    Ok(found.into_values().next().unwrap_or_default())
}

/// One user's month, of which only the usage is asked.
pub(super) async fn usage_of(
    tx: &mut Tx,
    user_id: &UserId,
    month: Month,
) -> Result<Charges, StoreError> {
    let rows = summed(tx, &[user_id.to_string()], month).await?;
    let usage: Result<_, _> = rows.into_iter().map(UsageSum::try_from).collect();
    Ok(Charges {
        usage: usage?,
        ..Charges::default()
    })
}

/// The lines of a month, in the order they arose.
pub(super) async fn lines(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<LineRow>, StoreError> {
    Ok(invoice_lines::table
        .filter(invoice_lines::user_id.eq_any(user_ids))
        .filter(invoice_lines::billing_month.eq(month.to_string()))
        .order((invoice_lines::user_id, invoice_lines::sequence))
        .select(LineRow::as_select())
        .load(&mut tx.conn)
        .await?)
}

/// What a month's invoices take back of earlier ones, in the order it arose.
pub(super) async fn corrections(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<CorrectionRow>, StoreError> {
    Ok(invoice_corrections::table
        .filter(invoice_corrections::user_id.eq_any(user_ids))
        .filter(invoice_corrections::billing_month.eq(month.to_string()))
        .order((invoice_corrections::user_id, invoice_corrections::sequence))
        .select(CorrectionRow::as_select())
        .load(&mut tx.conn)
        .await?)
}

/// The invoice of a user's month that is closed, and what its records owed; `None` when there was
/// nothing to bill.
pub(in super::super) async fn invoiced_month(
    tx: &mut Tx,
    user_id: &UserId,
    month: Month,
) -> Result<Option<InvoicedMonth>, StoreError> {
    let Some(live) = stored::of_user(tx, user_id, month).await?.live else {
        return Ok(None);
    };
    let invoice = stored::one(tx, user_id.clone(), live.id).await?;
    let charges = usage_of(tx, user_id, month).await?;
    Ok(Some(InvoicedMonth {
        invoice,
        net: charges.owed_by_records().map_err(Refusal::from)?,
        taken_at_apply: taken_at_once(tx, Some(user_id), Some(month)).await?,
    }))
}

/// The latest fee of a subscription that is stored, and its invoice.
pub(in super::super) async fn charged_fee(
    tx: &mut Tx,
    user_id: &UserId,
    subscription_id: SubscriptionId,
) -> Result<Option<ChargedFee>, StoreError> {
    let latest = invoice_lines::table
        .filter(invoice_lines::user_id.eq(user_id.as_str()))
        .filter(invoice_lines::subscription_id.eq(DbUuid(subscription_id.uuid())))
        .filter(invoice_lines::amount.gt(DbFixed(Money::ZERO)))
        .order(invoice_lines::sequence.desc())
        .select(LineRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    let Some(CarriedLine { line, invoice_id }) = latest.map(CarriedLine::try_from).transpose()?
    else {
        return Ok(None);
    };
    let invoiced = match invoice_id {
        Some(id) => Some(invoiced_fee(tx, user_id, line.month, id).await?),
        None => None,
    };
    Ok(Some(ChargedFee { line, invoiced }))
}

async fn invoiced_fee(
    tx: &mut Tx,
    user_id: &UserId,
    month: Month,
    id: InvoiceId,
) -> Result<InvoicedFee, StoreError> {
    let usage = usage_of(tx, user_id, month).await?;
    let taken = usage.taken_of_records().map_err(Refusal::from)?;
    let at_once = taken_at_once(tx, Some(user_id), Some(month)).await?;
    let lines = lines(tx, &[user_id.to_string()], month).await?;
    let mut lines = lines.iter().map(|line| line.amount.0);
    let lines = lines.try_fold(Money::ZERO, Money::plus);
    Ok(InvoicedFee {
        invoice: stored::one(tx, user_id.clone(), id).await?,
        lines: lines.map_err(Refusal::from)?,
        taken_of_records: taken.plus(at_once).map_err(Refusal::from)?,
    })
}

/// Sums of an invoice month's usage by user, day, price and window, from a table of totals.
macro_rules! usage_sums {
    ($table:ident, $tx:ident, $user_ids:ident, $month:ident) => {
        $table::table
            .group_by((
                $table::user_id,
                $table::day,
                $table::price_id,
                $table::plan_version_id,
                $table::window_start,
                $table::reversal,
            ))
            .select((
                $table::user_id,
                $table::day,
                $table::price_id,
                $table::plan_version_id,
                $table::window_start,
                $table::reversal,
                sums_of!($table),
            ))
            .filter($table::user_id.eq_any($user_ids))
            .filter($table::invoice_month.eq($month.to_string()))
            .load(&mut $tx.conn)
            .await?
    };
}

/// Sums of an invoice month's usage as all readers read them.
pub(super) async fn summed(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<UsageSumRow>, StoreError> {
    Ok(usage_sums!(usage_totals, tx, user_ids, month))
}

/// Sums of an invoice month's usage from the records themselves.
pub(super) async fn recorded(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<UsageSumRow>, StoreError> {
    Ok(usage_sums!(record_totals, tx, user_ids, month))
}

/// How many records a month's invoice stands for, by user.
pub(super) async fn record_counts(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, i64>, StoreError> {
    let counts: Vec<(String, i64)> = record_totals::table
        .group_by(record_totals::user_id)
        .select((record_totals::user_id, count_star()))
        .filter(record_totals::user_id.eq_any(user_ids))
        .filter(record_totals::invoice_month.eq(month.to_string()))
        .load(&mut tx.conn)
        .await?;
    Ok(counts.into_iter().collect())
}

/// What usage has cost by invoice month, by user.
pub(super) type Costs = HashMap<String, BTreeMap<Month, Money>>;

/// What usage has cost by invoice month, from the accounts' earliest open months up to one.
pub(super) async fn costs(
    tx: &mut Tx,
    accounts: &[Account],
    up_to: Month,
) -> Result<Costs, StoreError> {
    let user_ids = accounts.iter().map(|account| account.id().to_string());
    let user_ids: Vec<_> = user_ids.collect();
    let open_months = accounts.iter().map(|account| account.state.earliest_open());
    let first = open_months.min().unwrap_or(up_to);
    let found: Vec<(String, String, Option<DbMoney>)> = usage_totals::table
        .group_by((usage_totals::user_id, usage_totals::invoice_month))
        .select((
            usage_totals::user_id,
            usage_totals::invoice_month,
            exact_sum(usage_totals::final_cost),
        ))
        .filter(usage_totals::user_id.eq_any(user_ids))
        .filter(usage_totals::invoice_month.ge(first.to_string()))
        .filter(usage_totals::invoice_month.le(up_to.to_string()))
        .load(&mut tx.conn)
        .await?;
    let mut costs = Costs::new();
    for (user_id, month, cost) in found {
        let month = rows::month("invoice_month", &month)?;
        let of_user = costs.entry(user_id).or_default();
        of_user.insert(month, rows::money(cost));
    }
    Ok(costs)
}
