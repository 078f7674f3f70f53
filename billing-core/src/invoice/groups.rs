//! From charges to the items of an invoice: what makes charges one item, and in which order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Charges, Corrected, Correction, InvoiceLine, Item, ItemKind, ItemPart, LineKind, PartKind,
    UsageSum,
};
use crate::{
    catalog::{Catalog, ModelPrice, PlanVersion, UsagePricing},
    ids::{ModelId, PlanId, PlanVersionId, PriceId},
    money::{CENTS, Money, NumberError, Price, Rate},
    month::Month,
    quota_window::Span,
    refusal::Refusal,
};

/// Decimals of a price that parts with several prices come to.
const BLENDED_DECIMALS: u32 = 6;

/// Usage with what it was charged by.
pub(super) struct ChargedUsage<'a> {
    sum: &'a UsageSum,
    price: &'a ModelPrice,
    /// The version of the plan whose fee covers the price.
    cover: Option<&'a PlanVersion>,
}

impl<'a> ChargedUsage<'a> {
    /// Looks up what usage was charged by.
    pub(super) fn find(sum: &'a UsageSum, catalog: &'a Catalog) -> Result<Self, Refusal> {
        let price = catalog.price(sum.price_id);
        let version = sum.window.map(|window| {
            let id = window.plan_version_id;
            let version = catalog.plan_version(id);
            version.ok_or(Refusal::PlanVersionUnknown(id))
        });
        let version = version.transpose()?.filter(|_| !sum.is_reversal);
        let included =
            |version: &&PlanVersion| version.terms.usage_pricing == UsagePricing::Included;
        Ok(Self {
            sum,
            price: price.ok_or(Refusal::PriceUnknown(sum.price_id))?,
            cover: version.map(AsRef::as_ref).filter(included),
        })
    }

    /// What is owed before coupons, in USD; nothing for what is taken back, of which coupons take
    /// no part.
    pub(super) fn net(&self) -> Result<Money, NumberError> {
        if self.sum.is_reversal {
            Ok(Money::ZERO)
        } else {
            self.sum.sums.net()
        }
    }

    /// What the user's rate takes off list prices, in USD.
    pub(super) fn account_discount(&self) -> Result<Money, NumberError> {
        if self.sum.is_reversal || self.cover.is_some() {
            return Ok(Money::ZERO);
        }
        self.sum.sums.cost_usd.minus(self.net()?)
    }

    /// What model prices come to, in USD: nothing when a plan covers them.
    fn charged(&self) -> Money {
        match self.cover {
            Some(_) => Money::ZERO,
            None => self.sum.sums.cost_usd,
        }
    }
}

/// Items in the order of an invoice, by what makes them one.
type Groups = BTreeMap<Key, Group>;

/// What makes charges one item, in the order of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Usage(ModelUsage),
    Overage(WindowOverage),
    LateUsage(Month, ModelUsage),
    LateOverage(Month, WindowOverage),
    /// By the month and the model of usage, and the rate of the tax that was charged.
    Correction(Month, ModelId, Rate),
}

/// Usage of a model, with the name of the plan that covers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ModelUsage {
    plan: Option<String>,
    model: ModelId,
}

/// Overage of a window at a price. An upgrade changes the plan, and the price before, within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct WindowOverage {
    start: DateTime<Utc>,
    /// USD per 1,000 tokens.
    price: Money,
    plan_id: PlanId,
}

#[derive(Debug, Default)]
struct Group {
    quantity: i64,
    list_price: Money,
    exact: Money,
    parts: BTreeMap<PartKey, Part>,
}

/// What makes tokens one part, in the order of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PartKey {
    kind: PartKind,
    /// USD per 1,000 tokens.
    price: Money,
    price_id: Option<PriceId>,
    plan_version_id: Option<PlanVersionId>,
}

#[derive(Debug, Default)]
struct Part {
    tokens: i64,
    amount: Money,
}

/// The items of a month's invoice; none when nothing was used and nothing is owed.
pub(super) fn items(
    month: Month,
    usage: &[ChargedUsage<'_>],
    charges: &Charges,
) -> Result<Vec<Item>, NumberError> {
    let mut groups = Groups::new();
    // What is taken back stands as its corrections, which know what was really charged.
    for of_price in usage.iter().filter(|usage| !usage.sum.is_reversal) {
        add_usage(&mut groups, month, of_price)?;
        add_overage(&mut groups, month, of_price)?;
    }
    for correction in &charges.corrections {
        add_correction(&mut groups, correction)?;
    }
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
    items.extend(fee_items(charges));
    items.extend(later);
    Ok(items)
}

/// The month that usage belongs to, when it is one before the invoice's.
fn late(sum: &UsageSum, month: Month) -> Option<Month> {
    (sum.billing_month < month).then_some(sum.billing_month)
}

fn add_usage(
    groups: &mut Groups,
    month: Month,
    usage: &ChargedUsage<'_>,
) -> Result<(), NumberError> {
    let sum = usage.sum;
    let model = usage.price.model_id.clone();
    let of_model = || ModelUsage {
        plan: usage.cover.map(|version| version.name.clone()),
        model: model.clone(),
    };
    let key = match late(sum, month) {
        None => Key::Usage(of_model()),
        Some(late) => Key::LateUsage(late, of_model()),
    };
    // Tokens that a plan did not cover stand on the item of extra tokens.
    let extra = usage.cover.map_or(0, |_| sum.sums.overage_tokens);
    let group = groups.entry(key).or_default();
    let tokens = sum.sums.tokens.total().saturating_sub(extra);
    group.quantity = group.quantity.saturating_add(tokens);
    group.list_price = group.list_price.plus(sum.sums.cost_usd)?;
    group.exact = group.exact.plus(usage.charged())?;
    group.add_parts(usage)
}

fn add_overage(
    groups: &mut Groups,
    month: Month,
    usage: &ChargedUsage<'_>,
) -> Result<(), NumberError> {
    let sum = usage.sum;
    let (Some(version), Some(window)) = (usage.cover, sum.window) else {
        return Ok(());
    };
    let (tokens, cost) = (sum.sums.overage_tokens, sum.sums.overage_cost);
    if tokens == 0 {
        return Ok(());
    }
    let price = version.terms.overage_price_per_k()?;
    let overage = WindowOverage {
        start: window.start,
        price,
        plan_id: version.plan_id.clone(),
    };
    let key = match late(sum, month) {
        None => Key::Overage(overage),
        Some(late) => Key::LateOverage(late, overage),
    };
    let group = groups.entry(key).or_default();
    group.quantity = group.quantity.saturating_add(tokens);
    group.exact = group.exact.plus(cost)?;
    let part = PartKey {
        kind: PartKind::Overage,
        price,
        price_id: None,
        plan_version_id: Some(version.id),
    };
    group.add_part(part, tokens, cost)
}

fn add_correction(groups: &mut Groups, correction: &Correction) -> Result<(), NumberError> {
    let Corrected::Usage {
        month,
        model,
        tokens,
    } = &correction.of
    else {
        return Ok(());
    };
    let key = Key::Correction(*month, model.clone(), correction.tax_rate);
    let group = groups.entry(key).or_default();
    group.quantity = group.quantity.saturating_add(*tokens);
    group.exact = group.exact.plus(correction.amount)?;
    let all = PartKey {
        kind: PartKind::All,
        price: Money::ZERO,
        price_id: None,
        plan_version_id: None,
    };
    group.add_part(all, *tokens, correction.amount)
}

/// Fees and shares of fees in the order they arose, those that are taken back of earlier invoices
/// too.
fn fee_items(charges: &Charges) -> impl Iterator<Item = Item> {
    let lines = charges.lines.iter();
    let lines = lines.map(|line| (line.sequence, line_item(line)));
    let unused = charges.corrections.iter();
    let unused = unused.filter_map(|unused| Some((unused.sequence, unused_item(unused)?)));
    let mut items: Vec<_> = lines.chain(unused).collect();
    items.sort_by_key(|(sequence, _)| *sequence);
    items.into_iter().map(|(_, item)| item)
}

fn line_item(line: &InvoiceLine) -> Item {
    let kind = match line.kind {
        LineKind::PlanFee => ItemKind::PlanFee,
        LineKind::Proration => ItemKind::Proration,
    };
    fee_item(kind, line.amount, &line.description, line.period)
}

fn unused_item(correction: &Correction) -> Option<Item> {
    match &correction.of {
        Corrected::Usage { .. } => None,
        Corrected::Fee {
            description,
            period,
        } => {
            let kind = ItemKind::Proration;
            Some(fee_item(kind, correction.amount, description, *period))
        }
    }
}

fn fee_item(kind: ItemKind, amount: Money, description: &str, period: Span) -> Item {
    Item {
        kind,
        model: None,
        quantity: 1,
        unit_price: amount,
        amount,
        description: description.to_owned(),
        period_start: Some(period.start),
        period_end: Some(period.end),
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
            Self::Correction(month, model, _) => format!("Correction {month} - {model}"),
        }
    }

    fn model(&self) -> Option<&ModelId> {
        match self {
            Self::Usage(usage) | Self::LateUsage(_, usage) => Some(&usage.model),
            Self::Correction(_, model, _) => Some(model),
            Self::Overage(_) | Self::LateOverage(..) => None,
        }
    }

    fn period_start(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Overage(overage) | Self::LateOverage(_, overage) => Some(overage.start),
            _ => None,
        }
    }
}

impl Group {
    fn add_parts(&mut self, usage: &ChargedUsage<'_>) -> Result<(), NumberError> {
        let version = usage.cover.map(|version| version.id);
        for (kind, tokens, price) in usage.price.prices.parts(&usage.sum.sums.tokens) {
            if tokens != 0 {
                let price = if version.is_some() {
                    Price::ZERO
                } else {
                    price
                };
                let part = PartKey {
                    kind: PartKind::Tokens(kind),
                    price: Money::of_tokens(1_000, price)?,
                    price_id: Some(usage.price.id),
                    plan_version_id: version,
                };
                self.add_part(part, tokens, Money::of_tokens(tokens, price)?)?;
            }
        }
        let extra = usage.sum.sums.overage_tokens;
        if version.is_some() && extra != 0 {
            let part = PartKey {
                kind: PartKind::Overage,
                price: Money::ZERO,
                price_id: None,
                plan_version_id: version,
            };
            self.add_part(part, extra.saturating_neg(), Money::ZERO)?;
        }
        Ok(())
    }

    fn add_part(&mut self, key: PartKey, tokens: i64, amount: Money) -> Result<(), NumberError> {
        let part = self.parts.entry(key).or_default();
        part.tokens = part.tokens.saturating_add(tokens);
        part.amount = part.amount.plus(amount)?;
        Ok(())
    }

    fn item(self, key: &Key) -> Result<Item, NumberError> {
        let mut breakdown = Vec::with_capacity(self.parts.len());
        for (charged_by, part) in self.parts {
            breakdown.push(ItemPart {
                kind: charged_by.kind,
                tokens: part.tokens,
                unit_price: match charged_by.kind {
                    PartKind::Tokens(_) | PartKind::Overage => charged_by.price,
                    PartKind::All => blended(part.amount, part.tokens)?,
                },
                amount: part.amount,
                price_id: charged_by.price_id,
                plan_version_id: charged_by.plan_version_id,
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
            period_end: None,
            breakdown,
        })
    }
}

/// USD per 1,000 tokens that an amount comes to.
fn blended(amount: Money, tokens: i64) -> Result<Money, NumberError> {
    match tokens {
        0 => Ok(Money::ZERO),
        tokens if tokens < 0 => blended(amount.negated()?, tokens.saturating_neg()),
        tokens => amount.share(1_000, tokens, BLENDED_DECIMALS),
    }
}
