//! From charges to a total: discounts, each source rounded once, and tax.

use super::{
    UsageSum,
    items::{Charges, Item, ItemKind, items},
    sum, tax,
};
use crate::{
    coupon::{Parts, Redemption},
    ids::RedemptionId,
    money::{CENTS, Money, NumberError, Rate},
    month::Month,
    pricing::Catalog,
};

/// What credit for more than a month charges is called.
const CREDITED: &str = "Moved to the credit balance";

/// The charges of a month before coupons and tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    items: Vec<Item>,
    /// What records and fees owe before coupons, exactly, in USD: the contract's S.
    owed: Money,
    /// What the user's rate takes off list prices, exactly, in USD.
    account_discount: Money,
}

/// What a redemption takes of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponPart {
    /// The redemption.
    pub redemption_id: RedemptionId,
    /// What the user entered.
    pub code: String,
    /// How much, exactly, in USD.
    pub exact: Money,
}

/// What an invoice asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The charges.
    pub items: Vec<Item>,
    /// The sum of the items, in USD.
    pub amount: Money,
    /// What is taken off, in the order of taking.
    pub discounts: Vec<Discount>,
    /// The sum of the discounts, in USD.
    pub discount_amount: Money,
    /// The rate of the tax: 0.1 = 10 %.
    pub tax_rate: Rate,
    /// The tax, in USD.
    pub tax_amount: Money,
    /// What is to be paid, in USD.
    pub final_amount: Money,
    /// What goes to the credit balance because it exceeds the charges, in USD before tax.
    pub credited: Money,
}

/// What one source takes off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// Where it comes from.
    pub source: DiscountSource,
    /// How much, exactly, in USD.
    pub exact: Money,
    /// How much, in USD, rounded once to whole cents.
    pub amount: Money,
}

/// Where a discount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiscountSource {
    /// The user's rate.
    Account,
    /// A redeemed coupon.
    Coupon {
        /// The redemption.
        redemption_id: RedemptionId,
        /// What the user entered.
        code: String,
    },
}

impl Draft {
    /// The charges of a month; `None` when there are none.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn new(
        month: Month,
        charges: &Charges,
        catalog: &Catalog,
    ) -> Result<Option<Self>, NumberError> {
        let items = items(month, charges, catalog)?;
        if items.is_empty() {
            return Ok(None);
        }
        let usage = || charges.usage.iter().filter(|sum| !sum.is_correction());
        let records = usage().map(UsageSum::net);
        let lines = charges.lines.iter().map(|line| Ok(line.amount));
        Ok(Some(Self {
            items,
            owed: sum(records.chain(lines))?,
            account_discount: sum(usage().map(UsageSum::account_discount))?,
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
                redemption_id: redemption.id.clone(),
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
        let discounts = discounts(charged, self.owed, self.account_discount, coupons)?;
        let discount_amount = sum(discounts.iter().map(|discount| Ok(discount.amount)))?;
        let credited = discount_amount.minus(all)?.max(Money::ZERO);
        if credited != Money::ZERO {
            items.push(credit_item(credited));
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

impl Bill {
    /// What is charged after discounts and before tax, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn net(&self) -> Result<Money, NumberError> {
        self.amount.minus(self.discount_amount)
    }
}

/// Rounds every source once; none takes more than the ones before have left of what is charged, and
/// nothing is left when the exact amounts leave nothing.
fn discounts(
    charged: Money,
    owed: Money,
    account: Money,
    coupons: Vec<CouponPart>,
) -> Result<Vec<Discount>, NumberError> {
    let mut exact_left = owed;
    let mut sources = Vec::with_capacity(coupons.len().saturating_add(1));
    if account != Money::ZERO {
        sources.push((DiscountSource::Account, account));
    }
    for part in coupons {
        exact_left = exact_left.minus(part.exact)?;
        let source = DiscountSource::Coupon {
            redemption_id: part.redemption_id,
            code: part.code,
        };
        sources.push((source, part.exact));
    }
    let mut left = charged.max(Money::ZERO);
    let mut discounts = Vec::with_capacity(sources.len());
    for (source, exact) in sources {
        let amount = exact.rounded(CENTS)?.min(left);
        left = left.minus(amount)?;
        discounts.push(Discount {
            source,
            exact,
            amount,
        });
    }
    if exact_left == Money::ZERO
        && let Some(last) = discounts.last_mut()
    {
        last.amount = last.amount.plus(left)?;
    }
    Ok(discounts)
}

fn credit_item(credited: Money) -> Item {
    Item {
        kind: ItemKind::Correction,
        model: None,
        quantity: 1,
        unit_price: credited,
        amount: credited,
        description: CREDITED.to_owned(),
        period_start: None,
        breakdown: Vec::new(),
    }
}
