//! The charges of a month before coupons and tax, and the bill that they come to.

use std::collections::BTreeMap;

use super::{
    Bill, Charges, Correction, CouponPart, Item, bill,
    groups::{ChargedUsage, items},
    sum, tax,
};
use crate::{
    catalog::Catalog,
    coupon::{Parts, Redemption},
    money::{Money, NumberError, Rate},
    month::Month,
    refusal::Refusal,
};

/// The charges of a month before coupons and tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtotal {
    items: Vec<Item>,
    /// What records and fees owe before coupons, exactly, in USD: the contract's S.
    owed: Money,
    /// What the user's rate takes off list prices, exactly, in USD.
    account_discount: Money,
    /// What is taken back, by rate of tax: before tax and the tax, in USD, negative.
    taken_back: BTreeMap<Rate, (Money, Money)>,
}

impl Subtotal {
    /// The charges of a month; `None` when there are none.
    ///
    /// # Errors
    /// When an amount does not fit, or the catalog lacks what usage was charged by.
    pub fn new(
        month: Month,
        charges: &Charges,
        catalog: &Catalog,
    ) -> Result<Option<Self>, Refusal> {
        let usage = charges.usage.iter();
        let usage: Vec<_> = usage
            .map(|sum| ChargedUsage::find(sum, catalog))
            .collect::<Result<_, _>>()?;
        let items = items(month, &usage, charges)?;
        if items.is_empty() {
            return Ok(None);
        }
        let records = usage.iter().map(ChargedUsage::net);
        let lines = charges.lines.iter().map(|line| Ok(line.amount));
        Ok(Some(Self {
            items,
            owed: sum(records.chain(lines))?,
            account_discount: sum(usage.iter().map(ChargedUsage::account_discount))?,
            taken_back: taken_back(&charges.corrections)?,
        }))
    }

    /// What records and fees owe before coupons, exactly, in USD: what coupons take their parts of.
    #[must_use]
    pub const fn owed(&self) -> Money {
        self.owed
    }

    /// What redemptions, oldest first, take of the month, in the order of taking.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn coupons(
        &self,
        month: Month,
        redemptions: &[Redemption],
    ) -> Result<Vec<CouponPart>, NumberError> {
        let parts = Parts::of(redemptions, month, self.owed)?;
        let taken = parts.taken(redemptions);
        Ok(taken
            .filter(|(_, exact)| *exact != Money::ZERO)
            .map(|(redemption, exact)| CouponPart {
                redemption_id: redemption.id,
                code: redemption.code.clone(),
                exact,
            })
            .collect())
    }

    /// The bill with what coupons take and at a tax rate.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn bill(self, coupons: Vec<CouponPart>, tax_rate: Rate) -> Result<Bill, NumberError> {
        let mut items = self.items;
        let all = sum(items.iter().map(|item| Ok(item.amount)))?;
        let corrections = self.taken_back.values();
        let charged = all.minus(sum(corrections.map(|(net, _)| Ok(*net)))?)?;
        let discounts = bill::discounts(charged, self.owed, self.account_discount, coupons)?;
        let discount_amount = sum(discounts.iter().map(|discount| Ok(discount.amount)))?;
        let moved = Moved::of(&self.taken_back, charged.minus(discount_amount)?, tax_rate)?;
        let credited = moved.net;
        if credited != Money::ZERO {
            items.push(bill::credit_item(credited));
        }
        let amount = all.plus(credited)?;
        let net = amount.minus(discount_amount)?;
        let tax_amount = tax(net, tax_rate)?;
        Ok(Bill {
            items,
            amount,
            discounts,
            discount_amount,
            tax_rate,
            tax_amount,
            final_amount: net.plus(tax_amount)?,
            credited,
            credited_tax: moved.tax,
        })
    }
}

/// What goes to the credit balance, in USD.
struct Moved {
    net: Money,
    tax: Money,
}

impl Moved {
    /// What was charged at another rate of tax goes there whole, with that tax; of the rest, what
    /// exceeds the charges, which come to `charged` after discounts.
    fn of(
        taken_back: &BTreeMap<Rate, (Money, Money)>,
        charged: Money,
        tax_rate: Rate,
    ) -> Result<Self, NumberError> {
        let others = || taken_back.iter().filter(|(rate, _)| **rate != tax_rate);
        let mut net = sum(others().map(|(_, (net, _))| net.negated()))?;
        let mut tax_of = sum(others().map(|(_, (_, tax))| tax.negated()))?;
        if let Some((same, same_tax)) = taken_back.get(&tax_rate) {
            let excess = same.negated()?.minus(charged)?.max(Money::ZERO);
            net = net.plus(excess)?;
            let tax_on_excess = tax(excess, tax_rate)?.min(same_tax.negated()?);
            let tax_on_excess = if excess == same.negated()? {
                same_tax.negated()?
            } else {
                tax_on_excess
            };
            tax_of = tax_of.plus(tax_on_excess)?;
        }
        Ok(Self { net, tax: tax_of })
    }
}

fn taken_back(corrections: &[Correction]) -> Result<BTreeMap<Rate, (Money, Money)>, NumberError> {
    let mut by_rate: BTreeMap<Rate, (Money, Money)> = BTreeMap::new();
    for correction in corrections {
        let (net, tax) = by_rate.entry(correction.tax_rate).or_default();
        *net = net.plus(correction.amount)?;
        *tax = tax.plus(correction.tax_amount)?;
    }
    Ok(by_rate)
}
