//! What a month's invoice charges for, before discounts.

use std::collections::BTreeMap;

use billing_proto::v1::ItemType;

use super::{
    calendar::Micros,
    given_back::Charged,
    invoices::Line,
    money::{Femto, cents, half_up},
    plans::Terms,
    reference::{Record, Reference},
    subscriptions::Window,
};

/// A quota window and the plan that covers model prices in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Covering {
    pub(super) plan: usize,
    start: Micros,
    extra_price: i128,
    overage_rate: i128,
}

impl Covering {
    pub(super) fn of(window: &Window, terms: &Terms) -> Self {
        Self {
            plan: terms.plan,
            start: window.start,
            extra_price: terms.extra_price,
            overage_rate: terms.overage_rate,
        }
    }
}

/// What makes charges one item. A late one names the calendar month that it came too late for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Usage {
        late: Option<i64>,
        plan: Option<usize>,
        model: usize,
    },
    Overage {
        late: Option<i64>,
        covering: Covering,
    },
    Correction {
        month: i64,
        model: usize,
        /// Of the invoice that is corrected, in 10^-4.
        tax_rate: i128,
    },
    PlanFee(usize),
    /// The rest of a period that is given back.
    Unused(usize),
    /// The rest of a period that is charged.
    Remaining(usize),
    MovedToCredit,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) quantity: i64,
    /// Per 1,000 tokens, or the amount.
    pub(super) unit_price: Femto,
    pub(super) amount: Femto,
    /// What it pays for.
    pub(super) period: Option<(Micros, Micros)>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: &'static str,
    /// The price that is charged, as the server names it; empty for what is charged by none.
    pub(super) price_id: String,
    pub(super) tokens: i64,
    /// Per 1,000 tokens.
    pub(super) unit_price: Femto,
    pub(super) amount: Femto,
}

/// A model price is in 10^-12 USD.
const PRICE: Femto = 1_000;

impl Item {
    /// One of something that is no usage.
    pub(super) fn one(what: What, amount: Femto) -> Self {
        Self {
            what,
            quantity: 1,
            unit_price: amount,
            amount,
            period: None,
            parts: Vec::new(),
        }
    }

    fn of_fee(line: &Line) -> Self {
        Self {
            period: Some(line.period),
            ..Self::one(line.what.clone(), line.amount)
        }
    }

    pub(super) fn kind(&self) -> ItemType {
        match self.what {
            What::Usage { late: None, .. } => ItemType::Usage,
            What::Overage { late: None, .. } => ItemType::Overage,
            What::Usage { .. } | What::Overage { .. } => ItemType::LateUsage,
            What::Correction { .. } | What::MovedToCredit => ItemType::Correction,
            What::PlanFee(_) => ItemType::PlanFee,
            What::Unused(_) | What::Remaining(_) => ItemType::Proration,
        }
    }

    pub(super) fn period_start(&self) -> Option<Micros> {
        match &self.what {
            What::Overage { covering, .. } => Some(covering.start),
            _ => self.period.map(|(start, _)| start),
        }
    }
}

/// Tokens and their exact amount.
#[derive(Default)]
struct Sum {
    tokens: i64,
    amount: Femto,
}

impl Sum {
    fn add(&mut self, tokens: i64, amount: Femto) {
        self.tokens += tokens;
        self.amount += amount;
    }

    /// Per 1,000 tokens, rounded to 6 decimals.
    fn blended(&self) -> Femto {
        let Self { tokens, amount } = self;
        let (tokens, amount) = (i128::from(*tokens), amount * i128::from(tokens.signum()));
        if tokens == 0 {
            return 0;
        }
        half_up(amount * 1_000, tokens.abs() * 1_000_000_000) * 1_000_000_000
    }
}

/// What makes tokens of an item one part.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PartKey {
    name: &'static str,
    /// Per 1,000 tokens, where tokens have a price.
    unit_price: Option<Femto>,
    /// The row of the model's price, and its id.
    price: Option<(usize, String)>,
    /// The version of the plan that covers the price.
    version: Option<usize>,
}

/// The parts of an item.
type Parts = BTreeMap<PartKey, Sum>;

fn item(what: What, parts: Parts) -> Option<Item> {
    let mut all = Sum::default();
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(_, sum)| sum.tokens != 0 || sum.amount != 0)
        .map(|(key, sum)| {
            all.add(sum.tokens, sum.amount);
            Part {
                name: key.name,
                price_id: key.price.map(|(_, id)| id).unwrap_or_default(),
                tokens: sum.tokens,
                unit_price: key.unit_price.unwrap_or_else(|| sum.blended()),
                amount: sum.amount,
            }
        })
        .collect();
    let first = parts.first()?.unit_price;
    if all.tokens == 0 && all.amount == 0 {
        return None;
    }
    let one_price = parts.iter().all(|part| part.unit_price == first);
    Some(Item {
        what,
        quantity: all.tokens,
        unit_price: if one_price { first } else { all.blended() },
        amount: cents(all.amount),
        period: None,
        parts,
    })
}

impl Reference {
    /// Whether a record takes back what an earlier invoice charges.
    pub(super) fn is_taken_back(&self, record: &Record) -> bool {
        let earlier = |index: usize| self.records[index].invoice_month != record.invoice_month;
        record.corrects.is_some_and(earlier)
    }

    /// The records that a month's invoice charges for at their prices.
    pub(super) fn charged(&self, month: i64) -> impl Iterator<Item = &Record> {
        let own = self
            .records
            .iter()
            .filter(move |r| r.invoice_month == month);
        own.filter(|record| !self.is_taken_back(record))
    }

    /// All items but what moves to the credit balance.
    pub(super) fn items(&self, month: i64) -> Vec<Item> {
        let mut groups = BTreeMap::<What, Parts>::new();
        for record in self.charged(month) {
            add(&mut groups, record);
        }
        let waiting = self.taken_back.iter();
        let mut unused = Vec::new();
        for of in waiting.filter(|of| of.month == month && of.carrier.is_none()) {
            let (what, tokens) = match &of.of {
                Charged::Usage {
                    month,
                    model,
                    tokens,
                } => {
                    let what = What::Correction {
                        month: *month,
                        model: *model,
                        tax_rate: of.tax_rate,
                    };
                    (what, *tokens)
                }
                Charged::Fee { plan, period } => {
                    unused.push(Item {
                        period: Some(*period),
                        ..Item::one(What::Unused(*plan), of.amount)
                    });
                    continue;
                }
            };
            let all = PartKey {
                name: "all",
                unit_price: None,
                price: None,
                version: None,
            };
            let sum = groups.entry(what).or_default().entry(all).or_default();
            sum.add(tokens, of.amount);
        }
        let usage = groups.into_iter();
        let mut items: Vec<_> = usage
            .filter_map(|(what, parts)| item(what, parts))
            .collect();
        let lines = self.lines.iter().filter(|line| line.month == month);
        items.extend(lines.map(Item::of_fee));
        items.extend(unused);
        items
    }
}

fn add(groups: &mut BTreeMap<What, Parts>, record: &Record) {
    let late = (record.month < record.invoice_month).then_some(record.month);
    let plan = record.covering.as_ref().map(|covering| covering.plan);
    let model = record.call.model.expect("a record has a model");
    let usage = groups.entry(What::Usage { late, plan, model }).or_default();
    let version = plan.and(record.plan).map(|(_, version)| version);
    for (name, tokens, price) in [
        ("prompt", record.call.prompt, record.price.prompt),
        (
            "completion",
            record.call.completion,
            record.price.completion,
        ),
    ] {
        let price = if plan.is_some() { 0 } else { price };
        let part = PartKey {
            name,
            unit_price: Some(price * PRICE),
            price: Some((record.price.row, record.price.id.clone())),
            version,
        };
        let sum = usage.entry(part).or_default();
        sum.add(tokens, i128::from(tokens) * price);
    }
    if record.covering.is_some() {
        // Each token is shown once: these stand on the item of extra tokens.
        let part = PartKey {
            name: "overage",
            unit_price: Some(0),
            price: None,
            version,
        };
        let sum = usage.entry(part).or_default();
        sum.add(-record.overage_tokens, 0);
    }
    if let Some(covering) = record.covering.clone() {
        // 10^-12 USD per token at a rate of 4 decimals.
        let price = covering.extra_price * covering.overage_rate * 100;
        let overage = groups.entry(What::Overage { late, covering }).or_default();
        let part = PartKey {
            name: "overage",
            unit_price: Some(price),
            price: None,
            version,
        };
        let sum = overage.entry(part).or_default();
        sum.add(record.overage_tokens, record.overage_cost);
    }
}
