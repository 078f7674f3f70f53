//! The items of an invoice, and what they are made from: charges, before discounts.

use chrono::{DateTime, Utc};

use super::sum;
use crate::{
    catalog::TokenKind,
    ids::{InvoiceId, ModelId, PlanVersionId, PriceId, SubscriptionId},
    money::{Money, NumberError, Rate},
    month::Month,
    quota_window::Span,
    usage::{Sums, WindowRef},
};

/// Everything that an invoice charges for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charges {
    /// Usage, summed up.
    pub usage: Vec<UsageSum>,
    /// Fees and proration, in the order they arose.
    pub lines: Vec<InvoiceLine>,
    /// What is taken back of invoices of earlier months, in the order it arose.
    pub corrections: Vec<Correction>,
}

impl Charges {
    /// What records have cost, exactly, in USD.
    pub(crate) fn cost_of_records(&self) -> Result<Money, NumberError> {
        sum(self.usage.iter().map(|usage| Ok(usage.sums.final_cost)))
    }

    /// What coupons took of records as they came, exactly, in USD. They take no part of what is
    /// taken back of invoiced months.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn taken_of_records(&self) -> Result<Money, NumberError> {
        let owing = self.usage.iter().filter(|usage| !usage.is_reversal);
        sum(owing.map(|usage| Ok(usage.sums.discount_amount)))
    }

    /// What records owe before coupons, exactly, in USD. What is taken back of invoiced months owes
    /// nothing.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn owed_by_records(&self) -> Result<Money, NumberError> {
        let owing = self.usage.iter().filter(|usage| !usage.is_reversal);
        sum(owing.map(|usage| usage.sums.net()))
    }
}

/// What records of one calendar month that were charged by the same price and window add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSum {
    /// The price.
    pub price_id: PriceId,
    /// The quota window that held the records.
    pub window: Option<WindowRef>,
    /// The calendar month that the records belong to.
    pub billing_month: Month,
    /// Whether they take back records of invoiced months.
    pub is_reversal: bool,
    /// What they add up to.
    pub sums: Sums,
}

/// A charge of an invoice beside usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    /// The line's number, unique per user.
    pub sequence: i64,
    /// The month whose invoice carries it.
    pub month: Month,
    /// What kind of charge.
    pub kind: LineKind,
    /// What it is for, in words.
    pub description: String,
    /// How much, in USD and whole cents; negative for what is given back.
    pub amount: Money,
    /// The stretch of the subscription that it pays for.
    pub period: Span,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// What is taken back of the invoice that charged for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The correction's number, unique per user among those of invoice lines.
    pub sequence: i64,
    /// The month whose invoice carries it.
    pub month: Month,
    /// The invoice that charged for it.
    pub invoice_id: InvoiceId,
    /// What was charged.
    pub of: Corrected,
    /// How much before tax, in USD and whole cents, negative.
    pub amount: Money,
    /// The rate of the tax that was charged.
    pub tax_rate: Rate,
    /// The tax that is given back, in USD and whole cents, negative.
    pub tax_amount: Money,
}

/// What a correction takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Corrected {
    /// A record that was voided.
    Usage {
        /// The calendar month that the record belongs to.
        month: Month,
        /// The record's model.
        model: ModelId,
        /// The record's tokens, negative.
        tokens: i64,
    },
    /// What an upgrade leaves unused of a fee.
    Fee {
        /// What it is, in words.
        description: String,
        /// The stretch of the subscription that was paid for.
        period: Span,
    },
}

/// What kind of charge an invoice line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The fee of a period.
    PlanFee,
    /// The share of a fee, for a change within a period.
    Proration,
}

/// A charge on an invoice, before discounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What kind of charge.
    pub kind: ItemKind,
    /// The model; `None` for what is no usage of one model.
    pub model: Option<ModelId>,
    /// Tokens, or 1.
    pub quantity: i64,
    /// USD per 1,000 tokens, or the amount. For display: blended where parts differ.
    pub unit_price: Money,
    /// How much, in USD, rounded once to whole cents.
    pub amount: Money,
    /// What it is for, in words.
    pub description: String,
    /// The first moment of what a fee or a share of one pays for, or of the quota window of overage
    /// (UTC).
    pub period_start: Option<DateTime<Utc>>,
    /// The first moment after what a fee or a share of one pays for (UTC).
    pub period_end: Option<DateTime<Utc>>,
    /// What it is made of.
    pub breakdown: Vec<ItemPart>,
}

/// What an item counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Tokens, which are priced by the thousand.
    Token,
    /// Anything else, as a whole.
    Piece,
}

impl Unit {
    /// What the unit is called in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Piece => "piece",
        }
    }

    /// How many of them the unit price is for.
    #[must_use]
    pub const fn priced_per(self) -> i64 {
        match self {
            Self::Token => 1_000,
            Self::Piece => 1,
        }
    }
}

impl Item {
    /// What the quantity counts.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        // Of what was corrected, only usage has parts.
        match self.kind {
            ItemKind::Usage | ItemKind::Overage | ItemKind::LateUsage => Unit::Token,
            ItemKind::Correction if !self.breakdown.is_empty() => Unit::Token,
            ItemKind::Correction | ItemKind::PlanFee | ItemKind::Proration | ItemKind::Topup => {
                Unit::Piece
            }
        }
    }

    /// How much before it was rounded to the cent, in USD: what its parts come to.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn exact_amount(&self) -> Result<Money, NumberError> {
        if self.breakdown.is_empty() {
            return Ok(self.amount);
        }
        sum(self.breakdown.iter().map(|part| Ok(part.amount)))
    }
}

/// What kind of charge an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// Usage of the month.
    Usage,
    /// The fee of a period.
    PlanFee,
    /// The share of a fee, for a change within a period.
    Proration,
    /// Tokens beyond quota and topped-up balance.
    Overage,
    /// Usage of an earlier month that came in when its invoice was issued.
    LateUsage,
    /// What an earlier invoice charged and is taken back, and credit for it.
    Correction,
    /// Tokens that were bought.
    Topup,
}

impl ItemKind {
    const ALL: [Self; 7] = [
        Self::Usage,
        Self::PlanFee,
        Self::Proration,
        Self::Overage,
        Self::LateUsage,
        Self::Correction,
        Self::Topup,
    ];

    /// What the kind is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::PlanFee => "plan_fee",
            Self::Proration => "proration",
            Self::Overage => "overage",
            Self::LateUsage => "late_usage",
            Self::Correction => "correction",
            Self::Topup => "topup",
        }
    }

    /// The kind with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A part of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPart {
    /// Which tokens.
    pub kind: PartKind,
    /// How many.
    pub tokens: i64,
    /// USD per 1,000 tokens.
    pub unit_price: Money,
    /// What they cost exactly, in USD.
    pub amount: Money,
    /// The price that they were charged by; `None` for overage and for what was taken back.
    pub price_id: Option<PriceId>,
    /// The version of the plan that covers the price, or that overage was charged by.
    pub plan_version_id: Option<PlanVersionId>,
}

/// Which tokens a part of an item counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// Tokens with a price of their own.
    Tokens(TokenKind),
    /// Tokens beyond quota and balance.
    Overage,
    /// All tokens of records that were taken back.
    All,
}

impl PartKind {
    const ALL: [Self; 7] = [
        Self::Tokens(TokenKind::Prompt),
        Self::Tokens(TokenKind::CachedPrompt),
        Self::Tokens(TokenKind::CacheWrite),
        Self::Tokens(TokenKind::Completion),
        Self::Tokens(TokenKind::Reasoning),
        Self::Overage,
        Self::All,
    ];

    /// What the part is called on invoices.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens(TokenKind::Prompt) => "prompt",
            Self::Tokens(TokenKind::CachedPrompt) => "cached_prompt",
            Self::Tokens(TokenKind::CacheWrite) => "cache_write",
            Self::Tokens(TokenKind::Completion) => "completion",
            Self::Tokens(TokenKind::Reasoning) => "reasoning",
            Self::Overage => "overage",
            Self::All => "all",
        }
    }

    /// The part with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
