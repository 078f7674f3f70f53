//! Checking a month's invoices against the records and lines that they stand for.

use std::collections::{BTreeMap, HashMap};

use billing_core::{
    coupon::Redemption,
    ids::{InvoiceId, ModelId, UserId},
    invoice::{Charges, Draft, Invoice, InvoiceStatus, Mismatch, UsageSum},
    money::{Money, NumberError},
    month::Month,
    pricing::Catalog,
    terms::Terms,
    user::InvoiceLine,
};
use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Conn, charges, issuing::refused, prices::CatalogCache, users};
use crate::{
    Difference, Reconciled, StoreError,
    rows::{InvoiceRow, LineRow},
    schema::{accounts, billing_records, invoices},
};

/// What is stored of a user's month.
struct UserMonth {
    user_id: UserId,
    month: Month,
    /// Whether later usage joins later invoices.
    is_closed: bool,
    /// The user's invoices of all months.
    invoices: Vec<Invoice>,
    recorded: Vec<UsageSum>,
    rolled_up: Vec<UsageSum>,
    lines: Vec<LineRow>,
    redemptions: Vec<Redemption>,
    records: i64,
}

/// Checks a month of at most `limit` users. A closed month changes only when its invoice is voided
/// or made again, so nothing is locked.
pub(super) async fn month(
    conn: &mut Conn,
    cache: &CatalogCache,
    month: Month,
    after: Option<UserId>,
    limit: i64,
) -> Result<Reconciled, StoreError> {
    let catalog = cache.current(conn).await?;
    let accounts: Vec<(String, String)> = accounts::table
        .filter(accounts::user_id.gt(after.map(UserId::into_string).unwrap_or_default()))
        .order(accounts::user_id)
        .limit(limit)
        .select((accounts::user_id, accounts::open_month))
        .load(conn)
        .await?;
    let ids: Vec<_> = accounts
        .iter()
        .map(|(user_id, _)| user_id.clone())
        .collect();
    let stored = invoices::table
        .filter(invoices::user_id.eq_any(&ids))
        .select(InvoiceRow::as_select());
    let mut invoices = by_user(stored.load(conn).await?, |row: &InvoiceRow| &row.user_id);
    let recorded = charges::recorded(conn, &ids, month).await?;
    let mut recorded = by_user(recorded, |row| &row.user_id);
    let rolled_up = charges::rolled_up(conn, &ids, month).await?;
    let mut rolled_up = by_user(rolled_up, |row| &row.user_id);
    let lines = charges::lines(conn, &ids, month).await?;
    let mut lines = by_user(lines, |row| &row.user_id);
    let mut records = record_counts(conn, &ids, month).await?;
    let mut redemptions = users::redemptions_of(conn, ids).await?;
    let mut found = Reconciled::default();
    for (user_id, open_month) in accounts {
        let user = UserMonth {
            month,
            is_closed: open_month > month.to_string(),
            invoices: all_of(&mut invoices, &user_id)?,
            recorded: all_of(&mut recorded, &user_id)?,
            rolled_up: all_of(&mut rolled_up, &user_id)?,
            lines: lines.remove(&user_id).unwrap_or_default(),
            redemptions: redemptions.remove(&user_id).unwrap_or_default(),
            records: records.remove(&user_id).unwrap_or_default(),
            user_id: UserId::trusted(user_id),
        };
        user.check(&catalog, &mut found)?;
        found.last = Some(user.user_id);
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

/// How many records a month's invoice stands for, by user.
async fn record_counts(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, i64>, StoreError> {
    let counts: Vec<(String, i64)> = billing_records::table
        .group_by(billing_records::user_id)
        .select((billing_records::user_id, count_star()))
        .filter(billing_records::user_id.eq_any(user_ids))
        .filter(billing_records::billing_month.le(month.to_string()))
        .filter(billing_records::invoice_month.eq(month.to_string()))
        .load(conn)
        .await?;
    Ok(counts.into_iter().collect())
}

impl UserMonth {
    fn check(&self, catalog: &Catalog, found: &mut Reconciled) -> Result<(), StoreError> {
        let of_month = |invoice: &&Invoice| invoice.month == self.month;
        let mut of_month = self.invoices.iter().filter(of_month);
        let live = of_month.clone().find(|invoice| is_issued(invoice));
        let mut mismatches = self.check_rollups().map_err(refused)?;
        let charges = self.charges()?;
        match live {
            Some(invoice) => {
                found.invoices += 1;
                found.records += self.records;
                let checked = invoice.check(&charges, &self.redemptions, catalog);
                mismatches.extend(checked.map_err(refused)?);
                mismatches.extend(self.check_lines(invoice));
                mismatches.extend(self.check_redemptions().map_err(refused)?);
            }
            None if Draft::new(self.month, &charges, catalog)
                .map_err(refused)?
                .is_none() => {}
            // It waits for its close, or to be issued again.
            None if !self.is_closed || of_month.next().is_some() => found.open_users += 1,
            None => mismatches.extend(Mismatch::of("invoice", &"one", &"none")),
        }
        let invoice_id = live.and_then(|invoice| invoice.id.clone());
        let differences = mismatches.into_iter().map(|mismatch| Difference {
            user_id: self.user_id.clone(),
            invoice_id: invoice_id.clone(),
            field: mismatch.field,
            expected: mismatch.expected,
            found: mismatch.found,
        });
        found.differences.extend(differences);
        Ok(())
    }

    /// What the month's invoice stands for.
    fn charges(&self) -> Result<Charges, StoreError> {
        let lines = self.lines.iter().map(InvoiceLine::try_from);
        Ok(Charges {
            usage: self.recorded.clone(),
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    /// Every line of the month is carried by its invoice.
    fn check_lines(&self, invoice: &Invoice) -> Vec<Mismatch> {
        let id = invoice.id.as_ref().map_or("", InvoiceId::as_str);
        let lines = self.lines.iter();
        lines
            .filter_map(|line| {
                let carried_by = line.invoice_id.as_deref().unwrap_or_default();
                Mismatch::of("invoice of a line", &id, &carried_by)
            })
            .collect()
    }

    /// The rollups, which invoices are made from, are the sums of the records.
    fn check_rollups(&self) -> Result<Vec<Mismatch>, NumberError> {
        let (expected, found) = (summed(&self.recorded)?, summed(&self.rolled_up)?);
        let mut keys: Vec<_> = expected.keys().chain(found.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mismatches = keys.into_iter().filter_map(|key| {
            let none = Sums::default();
            let (expected, found) = (
                expected.get(key).unwrap_or(&none),
                found.get(key).unwrap_or(&none),
            );
            let (month, model, terms) = key;
            (expected != found).then(|| Mismatch {
                field: format!("rollup of {month}, {model}, \"{terms}\""),
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
            })
        });
        Ok(mismatches.collect())
    }

    /// What a redemption has saved is what its user's invoices say and what open months took.
    fn check_redemptions(&self) -> Result<Vec<Mismatch>, NumberError> {
        let mut mismatches = Vec::new();
        for redemption in &self.redemptions {
            let mut saved = Money::ZERO;
            for open in redemption.open.values() {
                saved = saved.plus(*open)?;
            }
            for invoice in self.invoices.iter().filter(|invoice| is_issued(invoice)) {
                saved = saved.plus(invoice.bill.taken_by(&redemption.id))?;
            }
            let field = format!("saved by {}", redemption.code);
            mismatches.extend(Mismatch::of(field, &saved, &redemption.saved));
        }
        Ok(mismatches)
    }
}

fn is_issued(invoice: &Invoice) -> bool {
    !matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Void)
}

type SumsByKey<'a> = BTreeMap<(Month, &'a ModelId, &'a Terms), Sums>;

/// Tokens, overage tokens, and amounts in USD.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    tokens: [i64; 6],
    amounts: [Money; 5],
}

fn summed(sums: &[UsageSum]) -> Result<SumsByKey<'_>, NumberError> {
    let mut by_key = SumsByKey::new();
    for sum in sums {
        let tokens = &sum.tokens;
        let tokens = [
            tokens.prompt,
            tokens.completion,
            tokens.cached_prompt,
            tokens.cache_write,
            tokens.reasoning,
            sum.overage_tokens,
        ];
        let amounts = [
            sum.cost_usd,
            sum.covered_amount,
            sum.overage_cost,
            sum.discount_amount,
            sum.final_cost,
        ];
        let key = (sum.billing_month, &sum.model, &sum.terms);
        let of_key = by_key.entry(key).or_default();
        for (total, more) in of_key.tokens.iter_mut().zip(tokens) {
            *total += more;
        }
        for (total, more) in of_key.amounts.iter_mut().zip(amounts) {
            *total = total.plus(more)?;
        }
    }
    // Records that were all voided leave rollups of nothing.
    by_key.retain(|_, sums| *sums != Sums::default());
    Ok(by_key)
}
