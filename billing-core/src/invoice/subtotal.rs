//! The charges of a month before coupons and tax, and the bill that they come to.

use super::{
    Bill, Charges, CouponPart, Item, ItemKind, bill,
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
        let is_correction = |item: &&Item| item.kind == ItemKind::Correction;
        let amounts = |items: &[Item]| sum(items.iter().map(|item| Ok(item.amount)));
        let corrections = sum(items
            .iter()
            .filter(is_correction)
            .map(|item| Ok(item.amount)))?;
        let all = amounts(&items)?;
        let charged = all.minus(corrections)?;
        let discounts = bill::discounts(charged, self.owed, self.account_discount, coupons)?;
        let discount_amount = sum(discounts.iter().map(|discount| Ok(discount.amount)))?;
        let credited = discount_amount.minus(all)?.max(Money::ZERO);
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
        })
    }
}
