//! Checking a month's invoices against the records and lines that they stand for.

use std::{collections::BTreeMap, fmt::Display};

use super::{
    Bill, Charges, Correction, CouponPart, DiscountSource, Invoice, InvoiceLine, Item, Subtotal,
    UsageSum,
};
use crate::{
    catalog::Catalog,
    coupon::Redemption,
    ids::{InvoiceId, PriceId, UserId},
    money::{Money, NumberError},
    month::Month,
    refusal::Refusal,
    usage::{Sums, WindowRef},
};

/// What is stored of a user's month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMonth {
    /// The user.
    pub user_id: UserId,
    /// The month.
    pub month: Month,
    /// Whether later usage joins later invoices.
    pub is_closed: bool,
    /// The user's invoices of all months.
    pub invoices: Vec<Invoice>,
    /// The month's usage, summed up from the records themselves.
    pub recorded: Vec<UsageSum>,
    /// The month's usage as sums of records are read.
    pub summed: Vec<UsageSum>,
    /// The month's lines.
    pub lines: Vec<CarriedLine>,
    /// What the month takes back of earlier invoices.
    pub corrections: Vec<CarriedCorrection>,
    /// All that the user has redeemed.
    pub redemptions: Vec<Redemption>,
    /// How many records the month's invoice stands for.
    pub records: i64,
}

/// A line with the invoice that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedLine {
    /// The line.
    pub line: InvoiceLine,
    /// The invoice; `None` while it waits for one.
    pub invoice_id: Option<InvoiceId>,
}

/// A correction with the invoice that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedCorrection {
    /// The correction.
    pub correction: Correction,
    /// The invoice; `None` while it waits for one.
    pub invoice_id: Option<InvoiceId>,
}

/// What a check of invoices found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// Invoices checked.
    pub invoices: i64,
    /// Records that map to exactly one invoice.
    pub records: i64,
    /// Users with charges in the month that wait for an invoice.
    pub open_users: i64,
    /// Everything at fault.
    pub differences: Vec<Difference>,
    /// The last user looked at; `None` when there was nobody left.
    pub last: Option<UserId>,
}

/// What is at fault with an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The user.
    pub user_id: UserId,
    /// The invoice; `None` when there should be one.
    pub invoice_id: Option<InvoiceId>,
    /// What it is.
    pub mismatch: Mismatch,
}

/// Something that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What, such as "amount".
    pub field: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Mismatch {
    /// `found` where `expected` should be; `None` when they are the same.
    pub fn of<T: PartialEq + Display>(
        field: impl Into<String>,
        expected: &T,
        found: &T,
    ) -> Option<Self> {
        (expected != found).then(|| Self {
            field: field.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        })
    }
}

impl UserMonth {
    /// Checks the month and adds what was found.
    ///
    /// # Errors
    /// When an amount does not fit, or the catalog lacks what usage was charged by.
    pub fn check(&self, catalog: &Catalog, found: &mut Reconciled) -> Result<(), Refusal> {
        let mut invoices = self.invoices.iter();
        let live =
            invoices.find(|invoice| invoice.month == self.month && invoice.status.is_issued());
        let mut mismatches = self.check_sums()?;
        let charges = self.charges(live);
        match live {
            Some(invoice) => {
                found.invoices = found.invoices.saturating_add(1);
                found.records = found.records.saturating_add(self.records);
                mismatches.extend(invoice.check(&charges, &self.redemptions, catalog)?);
                mismatches.extend(self.check_lines(invoice));
                mismatches.extend(self.check_redemptions()?);
            }
            None if Subtotal::new(self.month, &charges, catalog)?.is_none() => {}
            // It waits for its close, perhaps once more.
            None if !self.is_closed => {
                found.open_users = found.open_users.saturating_add(1);
            }
            None => mismatches.extend(Mismatch::of("invoice", &"one", &"none")),
        }
        let differences = mismatches.into_iter().map(|mismatch| Difference {
            user_id: self.user_id.clone(),
            invoice_id: live.and_then(|invoice| invoice.id),
            mismatch,
        });
        found.differences.extend(differences);
        found.last = Some(self.user_id.clone());
        Ok(())
    }

    /// What the month's invoice stands for. Corrections that went to the credit balance stay with an
    /// invoice that was voided.
    fn charges(&self, live: Option<&Invoice>) -> Charges {
        let lines = self.lines.iter().map(|carried| carried.line.clone());
        let carrier = live.and_then(|invoice| invoice.id);
        let corrections = self.corrections.iter();
        let corrections = corrections.filter(|carried| carried.invoice_id == carrier);
        Charges {
            usage: self.recorded.clone(),
            lines: lines.collect(),
            corrections: corrections
                .map(|carried| carried.correction.clone())
                .collect(),
        }
    }

    /// Every line of the month is carried by its invoice, and no correction waits for one.
    fn check_lines(&self, invoice: &Invoice) -> Vec<Mismatch> {
        let name = |id: Option<InvoiceId>| id.map(|id| id.to_string()).unwrap_or_default();
        let lines = self.lines.iter();
        let lines = lines.map(|carried| ("invoice of a line", carried.invoice_id));
        let corrections = self.corrections.iter();
        let waiting = corrections.filter(|carried| carried.invoice_id.is_none());
        let waiting = waiting.map(|_| ("invoice of a correction", None));
        let mismatches = lines
            .chain(waiting)
            .filter_map(|(field, carrier)| Mismatch::of(field, &name(invoice.id), &name(carrier)));
        mismatches.collect()
    }

    /// The sums, which invoices are made from, are those of the records.
    fn check_sums(&self) -> Result<Vec<Mismatch>, NumberError> {
        let (expected, found) = (by_key(&self.recorded)?, by_key(&self.summed)?);
        let mut keys: Vec<_> = expected.keys().chain(found.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let none = Sums::default();
        let mismatches = keys.into_iter().filter_map(|key| {
            let expected = expected.get(key).unwrap_or(&none);
            let found = found.get(key).unwrap_or(&none);
            (expected != found).then(|| Mismatch {
                field: key.to_string(),
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
            })
        });
        Ok(mismatches.collect())
    }

    /// What a redemption has saved is what its user's invoices say and what open months took.
    fn check_redemptions(&self) -> Result<Vec<Mismatch>, NumberError> {
        let mut mismatches = Vec::new();
        let issued = || self.invoices.iter().filter(|i| i.status.is_issued());
        for redemption in &self.redemptions {
            let open = redemption.open.values().copied();
            let invoiced = issued().map(|invoice| invoice.bill.taken_by(redemption.id));
            let mut parts = open.chain(invoiced);
            let saved = parts.try_fold(Money::ZERO, Money::plus)?;
            let field = format!("saved by {}", redemption.code);
            mismatches.extend(Mismatch::of(field, &saved, &redemption.saved));
        }
        Ok(mismatches)
    }
}

/// What usage is summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SumKey {
    month: Month,
    price_id: PriceId,
    window: Option<WindowRef>,
    is_reversal: bool,
}

impl Display for SumKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sums of {} by {}", self.month, self.price_id)?;
        if let Some(window) = self.window {
            let start = window.start.to_rfc3339();
            write!(
                f,
                " in the window of {} from {start}",
                window.plan_version_id
            )?;
        }
        f.write_str(if self.is_reversal { ", reversed" } else { "" })
    }
}

fn by_key(usage: &[UsageSum]) -> Result<BTreeMap<SumKey, Sums>, NumberError> {
    let mut by_key: BTreeMap<SumKey, Sums> = BTreeMap::new();
    for of_usage in usage {
        let key = SumKey {
            month: of_usage.billing_month,
            price_id: of_usage.price_id,
            window: of_usage.window,
            is_reversal: of_usage.is_reversal,
        };
        let sums = by_key.entry(key).or_default();
        *sums = sums.plus(&of_usage.sums)?;
    }
    // Records that were all voided leave sums of nothing.
    by_key.retain(|_, sums| *sums != Sums::default());
    Ok(by_key)
}

impl Invoice {
    /// Everything in which the invoice differs from what its charges come to. Which redemptions
    /// took a part of it, and what a fixed one had left, is known from the invoice alone.
    ///
    /// # Errors
    /// When an amount does not fit, or the catalog lacks what usage was charged by.
    pub fn check(
        &self,
        charges: &Charges,
        redemptions: &[Redemption],
        catalog: &Catalog,
    ) -> Result<Vec<Mismatch>, Refusal> {
        let Some(subtotal) = Subtotal::new(self.month, charges, catalog)? else {
            let nothing = Mismatch::of("items", &0, &self.bill.items.len());
            return Ok(nothing.into_iter().collect());
        };
        let parts = self.bill.coupon_parts();
        let mut mismatches = check_parts(subtotal.owed(), &parts, redemptions)?;
        let expected = subtotal.bill(parts, self.bill.tax_rate)?;
        mismatches.extend(compare(&expected, &self.bill));
        Ok(mismatches)
    }
}

impl Bill {
    fn coupon_parts(&self) -> Vec<CouponPart> {
        let discounts = self.discounts.iter();
        discounts
            .filter_map(|discount| match &discount.source {
                DiscountSource::Account => None,
                DiscountSource::Coupon {
                    redemption_id,
                    code,
                } => Some(CouponPart {
                    redemption_id: *redemption_id,
                    code: code.clone(),
                    exact: discount.exact,
                }),
            })
            .collect()
    }
}

/// Each takes its part of what is left; one that can be used up, no more than that.
fn check_parts(
    owed: Money,
    parts: &[CouponPart],
    redemptions: &[Redemption],
) -> Result<Vec<Mismatch>, NumberError> {
    let mut left = owed;
    let mut mismatches = Vec::new();
    for part in parts {
        let field = format!("coupon {}", part.code);
        let redemption = redemptions.iter().find(|r| r.id == part.redemption_id);
        let expected = match redemption.map(|redemption| redemption.value) {
            None => Money::ZERO,
            Some(value) if value.lasts_until_used_up() => {
                part.exact.min(value.part_of(left, Money::ZERO)?)
            }
            Some(value) => value.part_of(left, Money::ZERO)?,
        };
        mismatches.extend(Mismatch::of(field, &expected, &part.exact));
        left = left.minus(part.exact)?;
    }
    Ok(mismatches)
}

fn compare(expected: &Bill, found: &Bill) -> Vec<Mismatch> {
    let amounts = [
        ("amount", expected.amount, found.amount),
        (
            "discount_amount",
            expected.discount_amount,
            found.discount_amount,
        ),
        ("tax_amount", expected.tax_amount, found.tax_amount),
        ("final_amount", expected.final_amount, found.final_amount),
        ("credited", expected.credited, found.credited),
    ];
    let amounts = amounts.iter();
    let amounts = amounts.filter_map(|(field, a, b)| Mismatch::of(*field, a, b));
    let count = Mismatch::of("items", &expected.items.len(), &found.items.len());
    let items = expected.items.iter().zip(&found.items).enumerate();
    let items = items.filter(|(_, (a, b))| a != b);
    let items = items.map(|(place, (a, b))| Mismatch {
        field: format!("items[{place}]"),
        expected: describe(a),
        found: describe(b),
    });
    let discounts = expected.discounts.iter().zip(&found.discounts).enumerate();
    let discounts = discounts.filter_map(|(place, (a, b))| {
        Mismatch::of(format!("discounts[{place}]"), &a.amount, &b.amount)
    });
    amounts.chain(count).chain(items).chain(discounts).collect()
}

fn describe(item: &Item) -> String {
    format!("{} x {}: {}", item.quantity, item.description, item.amount)
}
