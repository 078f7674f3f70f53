//! What an invoice is made of.

use billing_proto::v1;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Error, convert};

/// What an item charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvoiceItemType {
    /// Usage of the month.
    Usage,
    /// The fee of a period.
    PlanFee,
    /// The share of a fee, for a change within a period.
    Proration,
    /// Tokens beyond quota and topped-up balance.
    Overage,
    /// Usage of an earlier month that came in late.
    LateUsage,
    /// What was invoiced before and is taken back.
    Correction,
    /// A type that this version of the client does not know.
    Unknown,
}

impl From<v1::ItemType> for InvoiceItemType {
    fn from(kind: v1::ItemType) -> Self {
        match kind {
            v1::ItemType::Unspecified => Self::Unknown,
            v1::ItemType::Usage => Self::Usage,
            v1::ItemType::PlanFee => Self::PlanFee,
            v1::ItemType::Proration => Self::Proration,
            v1::ItemType::Overage => Self::Overage,
            v1::ItemType::LateUsage => Self::LateUsage,
            v1::ItemType::Correction => Self::Correction,
        }
    }
}

/// A charge on an invoice, before discounts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoiceItem {
    /// The model; empty for what is no usage.
    pub model: String,
    /// Tokens of usage, else 1.
    pub quantity: i64,
    /// USD per 1,000 tokens of usage, for display: blended where parts differ; else the amount.
    pub unit_price: Decimal,
    /// The charge in USD, rounded once to the cent.
    pub amount: Decimal,
    /// What the charge is for.
    pub description: String,
    /// What kind of charge.
    pub item_type: InvoiceItemType,
    /// The parts that the charge is made of, exactly.
    pub breakdown: Vec<InvoiceItemPart>,
    /// The first moment of the quota window of overage.
    pub period_start: Option<DateTime<Utc>>,
}

impl TryFrom<v1::InvoiceItem> for InvoiceItem {
    type Error = Error;

    fn try_from(item: v1::InvoiceItem) -> Result<Self, Error> {
        Ok(Self {
            item_type: item.r#type().into(),
            model: item.model,
            quantity: item.quantity,
            unit_price: convert::decimal(item.unit_price, "unit_price")?,
            amount: convert::amount(item.amount, "amount")?,
            description: item.description,
            breakdown: convert::list(item.breakdown)?,
            period_start: convert::optional_time(item.period_start, "period_start")?,
        })
    }
}

/// A part of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoiceItemPart {
    /// Which tokens, such as `prompt` or `completion`.
    pub name: String,
    /// Tokens of the part.
    pub tokens: i64,
    /// USD per 1,000 tokens.
    pub unit_price: Decimal,
    /// What the part costs exactly, in USD.
    pub amount: Decimal,
}

impl TryFrom<v1::ItemPart> for InvoiceItemPart {
    type Error = Error;

    fn try_from(part: v1::ItemPart) -> Result<Self, Error> {
        Ok(Self {
            name: part.name,
            tokens: part.tokens,
            unit_price: convert::decimal(part.unit_price, "unit_price")?,
            amount: convert::amount(part.amount, "amount")?,
        })
    }
}

/// A discount on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoiceDiscount {
    /// What grants it: the account's rate, or a coupon's code.
    pub description: String,
    /// How much, in USD, rounded once to the cent.
    pub amount: Decimal,
}

impl TryFrom<v1::InvoiceDiscount> for InvoiceDiscount {
    type Error = Error;

    fn try_from(discount: v1::InvoiceDiscount) -> Result<Self, Error> {
        Ok(Self {
            description: discount.description,
            amount: convert::amount(discount.amount, "amount")?,
        })
    }
}

/// A tax on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoiceTax {
    /// The rate: 0.1 = 10 %.
    pub rate: Decimal,
    /// How much, in USD, rounded once to the cent.
    pub amount: Decimal,
}

impl TryFrom<v1::InvoiceTax> for InvoiceTax {
    type Error = Error;

    fn try_from(tax: v1::InvoiceTax) -> Result<Self, Error> {
        Ok(Self {
            rate: convert::decimal(tax.rate, "rate")?,
            amount: convert::amount(tax.amount, "amount")?,
        })
    }
}
