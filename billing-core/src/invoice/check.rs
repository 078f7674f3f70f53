//! Computing an invoice again from the records and lines that it stands for.

use std::fmt::Display;

use super::{Bill, Charges, CouponPart, DiscountSource, Draft, Invoice, Item};
use crate::{
    coupon::{CouponValue, Redemption},
    money::{Money, NumberError},
    pricing::Catalog,
};

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

impl Invoice {
    /// Everything in which the invoice differs from what its charges come to. Which redemptions
    /// took a part of it, and what a fixed one had left, is known from the invoice alone.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn check(
        &self,
        charges: &Charges,
        redemptions: &[Redemption],
        catalog: &Catalog,
    ) -> Result<Vec<Mismatch>, NumberError> {
        let Some(draft) = Draft::new(self.month, charges, catalog)? else {
            let nothing = Mismatch::of("items", &0, &self.bill.items.len());
            return Ok(nothing.into_iter().collect());
        };
        let parts = self.bill.coupon_parts();
        let mut mismatches = check_parts(draft.owed(), &parts, redemptions)?;
        let expected = draft.bill(parts, self.bill.tax_rate)?;
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
                    redemption_id: redemption_id.clone(),
                    code: code.clone(),
                    exact: discount.exact,
                }),
            })
            .collect()
    }
}

/// Each percentage takes its part of what is left; a fixed coupon no more than its value and what
/// is left.
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
            Some(CouponValue::Percentage(percent)) => left.percent(percent)?,
            Some(CouponValue::Fixed(value)) => part.exact.min(value).min(left),
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
