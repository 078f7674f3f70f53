//! What an invoice asks for: items, discounts, each source rounded once, and tax.

use super::{Item, ItemKind, sum};
use crate::{
    ids::RedemptionId,
    money::{CENTS, Money, NumberError, Rate},
};

/// What credit for more than a month charges is called.
const CREDITED: &str = "Moved to the credit balance";

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
    /// What goes to the credit balance, in USD before tax: corrections at another rate of tax, and
    /// what exceeds the charges.
    pub credited: Money,
    /// The tax that goes with it, in USD.
    pub credited_tax: Money,
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

impl Bill {
    /// What is charged after discounts and before tax, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn net(&self) -> Result<Money, NumberError> {
        self.amount.minus(self.discount_amount)
    }

    /// What rounding each item to the cent has changed of their sum, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn rounding_difference(&self) -> Result<Money, NumberError> {
        self.amount
            .minus(sum(self.items.iter().map(Item::exact_amount))?)
    }

    /// What a redemption took, in USD and whole cents.
    #[must_use]
    pub fn taken_by(&self, id: RedemptionId) -> Money {
        self.discount_of(id)
            .map_or(Money::ZERO, |discount| discount.amount)
    }

    /// What all redemptions took, exactly, in USD.
    pub(super) fn taken_by_coupons(&self) -> Result<Money, NumberError> {
        let coupons = self.discounts.iter();
        let coupons = coupons.filter(|discount| discount.source != DiscountSource::Account);
        sum(coupons.map(|discount| Ok(discount.exact)))
    }

    pub(crate) fn discount_of(&self, id: RedemptionId) -> Option<&Discount> {
        self.discounts.iter().find(|discount| {
            matches!(
                &discount.source,
                DiscountSource::Coupon { redemption_id, .. } if *redemption_id == id
            )
        })
    }
}

/// Rounds every source once; none takes more than the ones before have left of what is charged, and
/// nothing is left when the exact amounts leave nothing.
pub(super) fn discounts(
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

pub(super) fn credit_item(credited: Money) -> Item {
    Item {
        kind: ItemKind::Correction,
        model: None,
        quantity: 1,
        unit_price: credited,
        amount: credited,
        description: CREDITED.to_owned(),
        period_start: None,
        period_end: None,
        breakdown: Vec::new(),
    }
}
