//! The items of an invoice: charges, before discounts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    ids::ModelId,
    money::{CENTS, Money, NumberError, Price},
    month::Month,
    pricing::{Catalog, TokenKind, TokenPrices},
    terms::{CoveringWindow, Terms},
    usage::Tokens,
    user::{InvoiceLine, LineKind},
};

/// Decimals of a price that parts with several prices come to.
const BLENDED_DECIMALS: u32 = 6;

/// Everything that an invoice charges for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charges {
    /// Usage, summed up.
    pub usage: Vec<UsageSum>,
    /// Fees and proration, in the order they arose.
    pub lines: Vec<InvoiceLine>,
}

/// What records of one model, calendar month and terms add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSum {
    /// The model.
    pub model: ModelId,
    /// The calendar month that the records belong to.
    pub billing_month: Month,
    /// What they were charged by.
    pub terms: Terms,
    /// Their tokens.
    pub tokens: Tokens,
    /// Tokens beyond quota and balance.
    pub overage_tokens: i64,
    /// The tokens at list price, in USD.
    pub cost_usd: Money,
    /// What a plan's fee covers of the discounted cost, in USD.
    pub covered_amount: Money,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Money,
    /// What coupons took off, in USD.
    pub discount_amount: Money,
    /// What the records added to the bill, in USD.
    pub final_cost: Money,
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
    /// The first moment of the quota window of overage (UTC).
    pub period_start: Option<DateTime<Utc>>,
    /// What it is made of.
    pub breakdown: Vec<ItemPart>,
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
}

impl ItemKind {
    const ALL: [Self; 6] = [
        Self::Usage,
        Self::PlanFee,
        Self::Proration,
        Self::Overage,
        Self::LateUsage,
        Self::Correction,
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
}

/// Which tokens a part of an item counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// Tokens with a price of their own.
    Tokens(TokenKind),
    /// Tokens beyond quota and balance.
    Overage,
    /// All tokens of records whose prices were not kept.
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

impl UsageSum {
    /// What is owed before coupons, in USD.
    pub(super) fn net(&self) -> Result<Money, NumberError> {
        self.final_cost.plus(self.discount_amount)
    }

    /// What model prices come to, in USD: nothing when a plan covers them, and all that is owed
    /// when they were not kept.
    fn charged(&self) -> Result<Money, NumberError> {
        match &self.terms {
            Terms::Priced { window: None, .. } => Ok(self.cost_usd),
            Terms::Priced { .. } => Ok(Money::ZERO),
            Terms::Unknown => self.net(),
            Terms::Reversal => Ok(self.final_cost),
        }
    }

    /// What the user's rate takes off list prices, in USD.
    pub(super) fn account_discount(&self) -> Result<Money, NumberError> {
        match &self.terms {
            Terms::Priced { window: None, .. } => self.cost_usd.minus(self.net()?),
            _ => Ok(Money::ZERO),
        }
    }

    pub(super) fn is_correction(&self) -> bool {
        self.terms == Terms::Reversal
    }
}

/// Items in the order of an invoice, by what makes them one.
type Groups = BTreeMap<Key, Group>;

/// What makes charges one item, in the order of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Usage(ModelUsage),
    Overage(CoveringWindow),
    LateUsage(Month, ModelUsage),
    LateOverage(Month, CoveringWindow),
    Correction(Month, ModelId),
}

/// Usage of a model, with the name of the plan that covers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ModelUsage {
    plan: Option<String>,
    model: ModelId,
}

#[derive(Debug, Default)]
struct Group {
    quantity: i64,
    list_price: Money,
    exact: Money,
    /// By price in USD per 1,000 tokens.
    parts: BTreeMap<(PartKind, Money), Part>,
}

#[derive(Debug, Default)]
struct Part {
    tokens: i64,
    amount: Money,
}

/// The items of a month's invoice.
pub(super) fn items(
    month: Month,
    charges: &Charges,
    catalog: &Catalog,
) -> Result<Vec<Item>, NumberError> {
    let mut groups = Groups::new();
    for sum in &charges.usage {
        add_usage(&mut groups, month, sum, catalog)?;
    }
    let mut lines = charges.lines.iter().map(line_item);
    let (mut usage, mut later) = (Vec::new(), Vec::new());
    for (key, group) in groups {
        if group.quantity == 0 && group.exact == Money::ZERO {
            continue;
        }
        let list_price = group.list_price;
        let item = group.item(&key)?;
        match key {
            Key::Usage(ModelUsage { plan, .. }) => usage.push((plan.is_some(), list_price, item)),
            _ => later.push(item),
        }
    }
    // What cost most stands first; what a plan covers stands last.
    usage.sort_by(|(covered, price, _), (other_covered, other_price, _)| {
        covered.cmp(other_covered).then(other_price.cmp(price))
    });
    let mut items: Vec<_> = usage.into_iter().map(|(_, _, item)| item).collect();
    items.extend(lines.by_ref());
    items.extend(later);
    Ok(items)
}

fn add_usage(
    groups: &mut Groups,
    month: Month,
    sum: &UsageSum,
    catalog: &Catalog,
) -> Result<(), NumberError> {
    let late = (sum.billing_month < month).then_some(sum.billing_month);
    let window = sum.terms.window();
    let usage = ModelUsage {
        plan: window.map(|window| plan_name(window, catalog)),
        model: sum.model.clone(),
    };
    let key = match late {
        _ if sum.is_correction() => Key::Correction(sum.billing_month, sum.model.clone()),
        None => Key::Usage(usage),
        Some(late) => Key::LateUsage(late, usage),
    };
    let group = groups.entry(key).or_default();
    group.quantity = group.quantity.saturating_add(sum.tokens.total());
    group.list_price = group.list_price.plus(sum.cost_usd)?;
    group.exact = group.exact.plus(sum.charged()?)?;
    match &sum.terms {
        Terms::Priced { prices, window } => {
            group.add_parts(prices, &sum.tokens, window.is_some())?;
        }
        Terms::Unknown | Terms::Reversal => {
            let (tokens, charged) = (sum.tokens.total(), sum.charged()?);
            group.add_part(PartKind::All, Money::ZERO, tokens, charged)?;
        }
    }
    let Some(window) = window.filter(|_| sum.overage_tokens != 0) else {
        return Ok(());
    };
    let key = match late {
        None => Key::Overage(window.clone()),
        Some(late) => Key::LateOverage(late, window.clone()),
    };
    let group = groups.entry(key).or_default();
    group.quantity = group.quantity.saturating_add(sum.overage_tokens);
    group.exact = group.exact.plus(sum.overage_cost)?;
    let price = window.overage_price;
    group.add_part(
        PartKind::Overage,
        price,
        sum.overage_tokens,
        sum.overage_cost,
    )
}

fn plan_name(window: &CoveringWindow, catalog: &Catalog) -> String {
    let version = catalog.plan_at(window.plan_id.as_str(), window.start);
    version.map_or_else(
        || window.plan_id.to_string(),
        |version| version.name.clone(),
    )
}

fn line_item(line: &InvoiceLine) -> Item {
    Item {
        kind: match line.kind {
            LineKind::PlanFee => ItemKind::PlanFee,
            LineKind::Proration => ItemKind::Proration,
        },
        model: None,
        quantity: 1,
        unit_price: line.amount,
        amount: line.amount,
        description: line.description.clone(),
        period_start: None,
        breakdown: Vec::new(),
    }
}

impl Key {
    fn kind(&self) -> ItemKind {
        match self {
            Self::Usage(_) => ItemKind::Usage,
            Self::Overage(_) => ItemKind::Overage,
            Self::LateUsage(..) | Self::LateOverage(..) => ItemKind::LateUsage,
            Self::Correction(..) => ItemKind::Correction,
        }
    }

    fn description(&self) -> String {
        let usage = |prefix: String, usage: &ModelUsage| match &usage.plan {
            Some(plan) => format!("{prefix} - {} (included in {plan})", usage.model),
            None => format!("{prefix} - {}", usage.model),
        };
        match self {
            Self::Usage(of_model) => usage("AI API usage".to_owned(), of_model),
            Self::Overage(_) => "Extra tokens".to_owned(),
            Self::LateUsage(month, of_model) => usage(format!("Late usage {month}"), of_model),
            Self::LateOverage(month, _) => format!("Late usage {month} - Extra tokens"),
            Self::Correction(month, model) => format!("Correction {month} - {model}"),
        }
    }

    fn model(&self) -> Option<&ModelId> {
        match self {
            Self::Usage(usage) | Self::LateUsage(_, usage) => Some(&usage.model),
            Self::Correction(_, model) => Some(model),
            Self::Overage(_) | Self::LateOverage(..) => None,
        }
    }

    fn period_start(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Overage(window) | Self::LateOverage(_, window) => Some(window.start),
            _ => None,
        }
    }
}

impl Group {
    fn add_parts(
        &mut self,
        prices: &TokenPrices,
        tokens: &Tokens,
        covered: bool,
    ) -> Result<(), NumberError> {
        for (kind, tokens, price) in prices.parts(tokens) {
            if tokens != 0 {
                let price = if covered { Price::ZERO } else { price };
                let (per_k, amount) = (
                    Money::of_tokens(1_000, price)?,
                    Money::of_tokens(tokens, price)?,
                );
                self.add_part(PartKind::Tokens(kind), per_k, tokens, amount)?;
            }
        }
        Ok(())
    }

    fn add_part(
        &mut self,
        kind: PartKind,
        price: Money,
        tokens: i64,
        amount: Money,
    ) -> Result<(), NumberError> {
        let part = self.parts.entry((kind, price)).or_default();
        part.tokens = part.tokens.saturating_add(tokens);
        part.amount = part.amount.plus(amount)?;
        Ok(())
    }

    fn item(self, key: &Key) -> Result<Item, NumberError> {
        let mut breakdown = Vec::with_capacity(self.parts.len());
        for ((kind, price), part) in self.parts {
            breakdown.push(ItemPart {
                kind,
                tokens: part.tokens,
                unit_price: match kind {
                    PartKind::Tokens(_) | PartKind::Overage => price,
                    PartKind::All => blended(part.amount, part.tokens)?,
                },
                amount: part.amount,
            });
        }
        let mut prices = breakdown.iter().map(|part| part.unit_price);
        let first = prices.next().unwrap_or(Money::ZERO);
        let unit_price = if prices.all(|price| price == first) {
            first
        } else {
            blended(self.exact, self.quantity)?
        };
        Ok(Item {
            kind: key.kind(),
            model: key.model().cloned(),
            quantity: self.quantity,
            unit_price,
            amount: self.exact.rounded(CENTS)?,
            description: key.description(),
            period_start: key.period_start(),
            breakdown,
        })
    }
}

/// USD per 1,000 tokens that an amount comes to.
fn blended(amount: Money, tokens: i64) -> Result<Money, NumberError> {
    match tokens {
        0 => Ok(Money::ZERO),
        tokens if tokens < 0 => blended(amount.negated()?, tokens.saturating_neg()),
        tokens => amount.times(1_000)?.divided(tokens, BLENDED_DECIMALS),
    }
}
