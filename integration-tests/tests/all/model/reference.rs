//! What one user is billed, straight from the contract and in no way as the server does it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    calendar::{Micros, SECOND, month_of},
    coupons::{Coupon, Redemption, Taken, taken},
    given_back::TakenBack,
    invoices::{Invoice, Line},
    items::Covering,
    money::{Femto, half_up},
    plans::{History, Price, Terms},
    subscriptions::{Order, Subscription, Window},
};

/// Why a call is refused; empty when the contract names no code for it.
pub(super) type Refusal = &'static str;

/// 100 % as a rate in 10^-4.
const FULL_RATE: i128 = 10_000;
const AHEAD: Micros = 300 * SECOND;

/// A model call as it is sent. Without a time it is made now; model `None` is unknown.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) model: Option<usize>,
    pub(super) prompt: i64,
    pub(super) completion: i64,
    pub(super) created_at: Option<Micros>,
}

/// A record or a correction.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) call: Call,
    pub(super) month: i64,
    pub(super) invoice_month: i64,
    /// Subscription, and its window.
    pub(super) window: Option<(usize, usize)>,
    pub(super) price: Price,
    /// The plan of that window, and its version, as they were then.
    pub(super) plan: Option<(usize, usize)>,
    /// The plan whose fee covers the price.
    pub(super) covering: Option<Covering>,
    pub(super) cost: Femto,
    pub(super) rate: i128,
    pub(super) covered: Femto,
    pub(super) quota_tokens: i64,
    pub(super) overage_tokens: i64,
    pub(super) overage_cost: Femto,
    pub(super) discount: Femto,
    pub(super) coupon: Option<usize>,
    pub(super) voided: bool,
    pub(super) corrects: Option<usize>,
}

impl Record {
    pub(super) fn tokens(&self) -> i64 {
        self.call.prompt + self.call.completion
    }

    /// What is owed before coupons.
    pub(super) fn net(&self) -> Femto {
        let sign = if self.cost < 0 { -1 } else { 1 };
        let discounted = sign * half_up(self.cost.abs() * self.rate, FULL_RATE);
        discounted - self.covered + self.overage_cost
    }

    pub(super) fn final_cost(&self) -> Femto {
        self.net() - self.discount
    }
}

/// The figures at a glance.
pub(super) struct Stats {
    pub(super) month_cost: Femto,
    pub(super) month_tokens: i64,
    pub(super) total_cost: Femto,
}

pub(super) struct Reference {
    /// When the sequence began.
    pub(super) began: Micros,
    pub(super) now: Micros,
    pub(super) models: Vec<History<Price>>,
    pub(super) plans: Vec<History<Terms>>,
    pub(super) coupons: Vec<Coupon>,
    /// What the user pays of list prices, in 10^-4.
    pub(super) rates: History<i128>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) redemptions: Vec<Redemption>,
    pub(super) records: Vec<Record>,
    pub(super) trial_used: bool,
    pub(super) alert_threshold: i64,
    /// The rate of the tax in 10^-4, 0 for the exempt.
    pub(super) tax: i128,
    pub(super) credit_balance: Femto,
    /// The first month that was never closed.
    pub(super) open_month: i64,
    pub(super) lines: Vec<Line>,
    pub(super) invoices: Vec<Invoice>,
    /// What records owe before coupons, by the month that is to invoice them.
    pub(super) sums: BTreeMap<i64, Femto>,
    /// Closed months that are open again, because their invoices were voided.
    pub(super) reopened: BTreeSet<i64>,
    /// What later invoices take back of earlier ones.
    pub(super) taken_back: Vec<TakenBack>,
    /// What coupons took at once of value that a void had freed, by month.
    pub(super) caught_up: BTreeMap<i64, Femto>,
}

impl Reference {
    pub(super) fn new(now: Micros, models: Vec<Price>, plans: Vec<Terms>) -> Self {
        Self {
            began: now,
            now,
            models: models.into_iter().map(History::new).collect(),
            plans: plans.into_iter().map(History::new).collect(),
            coupons: Vec::new(),
            rates: History::new(FULL_RATE),
            subscriptions: Vec::new(),
            redemptions: Vec::new(),
            records: Vec::new(),
            trial_used: false,
            alert_threshold: 0,
            tax: 0,
            credit_balance: 0,
            open_month: i64::MIN,
            lines: Vec::new(),
            invoices: Vec::new(),
            sums: BTreeMap::new(),
            reopened: BTreeSet::new(),
            taken_back: Vec::new(),
            caught_up: BTreeMap::new(),
        }
    }

    pub(super) fn advance(&mut self, to: Micros) {
        self.now = to;
        if let Some(last) = self.subscriptions.last_mut() {
            last.roll(to, &self.plans);
        }
        self.collect_fees();
        self.month_end();
    }

    pub(super) fn sum(&self, month: i64) -> Femto {
        self.sums.get(&month).copied().unwrap_or(0)
    }

    /// What all months owe before coupons.
    pub(super) fn uninvoiced(&self) -> Femto {
        self.sums.values().sum()
    }

    /// What all coupons have taken of a month.
    pub(super) fn saved(&self, month: i64) -> Femto {
        self.redemptions.iter().map(|r| r.part(month)).sum()
    }

    fn window_at(&self, time: Micros) -> Option<(usize, usize)> {
        let of = |(number, subscription): (usize, &Subscription)| {
            let mut windows = subscription.windows.iter();
            let contains = |w: &Window| w.start <= time && time < w.end;
            windows.position(contains).map(|window| (number, window))
        };
        self.subscriptions.iter().enumerate().find_map(of)
    }

    /// The record that a call would make now, and what coupons would have taken of its month.
    pub(super) fn rate(&self, call: &Call) -> Result<(Record, Taken), Refusal> {
        let created_at = call.created_at.unwrap_or(self.now);
        if created_at > self.now + AHEAD {
            return Err("INVALID_FIELD");
        }
        let at = created_at.min(self.now);
        let price = self.models[call.model.ok_or("MODEL_NOT_FOUND")?].at(at);
        let invoice_month = self.first_open(month_of(at));
        let mut record = Record {
            id: String::new(),
            call: call.clone(),
            month: month_of(at),
            invoice_month,
            window: self.window_at(at),
            price: price.clone(),
            plan: None,
            covering: None,
            cost: price.cost(call.prompt, call.completion),
            rate: *self.rates.at(at),
            covered: 0,
            quota_tokens: 0,
            overage_tokens: 0,
            overage_cost: 0,
            discount: 0,
            coupon: None,
            voided: false,
            corrects: None,
        };
        if let Some((subscription, window)) = record.window {
            let window = &self.subscriptions[subscription].windows[window];
            let terms = window.terms_at(at);
            record.quota_tokens = record.tokens().min(window.remaining());
            record.plan = Some((terms.plan, terms.version));
            if !terms.metered {
                record.covering = Some(Covering::of(window, terms));
                record.covered = record.net();
                record.overage_tokens = record.tokens() - record.quota_tokens;
                record.overage_cost = terms.overage_cost(record.overage_tokens);
            }
        }
        let (before, net) = (self.saved(invoice_month), record.net());
        let sum = self.sum(invoice_month) + net;
        let mut after = taken(&self.redemptions, invoice_month, sum, net);
        record.discount = after.parts.iter().sum::<Femto>() - before;
        if record.discount < 0 {
            // It waits for a record that a coupon makes cheaper.
            record.discount = 0;
            let parts = self.redemptions.iter().map(|r| r.part(invoice_month));
            after.parts = parts.collect();
        }
        let grown =
            |index: &&usize| after.parts[**index] > self.redemptions[**index].part(invoice_month);
        let first = after.order.iter().find(grown);
        record.coupon = first.map(|index| self.redemptions[*index].coupon);
        Ok((record, after))
    }

    fn keep(&mut self, record: Record, taken: &Taken) -> usize {
        *self.sums.entry(record.invoice_month).or_insert(0) += record.net();
        self.set_parts(record.invoice_month, taken);
        self.add(record)
    }

    /// Keeps a record without any part in what its month owes.
    fn add(&mut self, record: Record) -> usize {
        if let Some((subscription, window)) = record.window {
            let window = &mut self.subscriptions[subscription].windows[window];
            window.taken += record.quota_tokens;
            window.used += record.tokens();
        }
        self.records.push(record);
        self.records.len() - 1
    }

    pub(super) fn set_parts(&mut self, month: i64, taken: &Taken) {
        for (redemption, part) in self.redemptions.iter_mut().zip(&taken.parts) {
            redemption.parts.insert(month, *part);
        }
    }

    pub(super) fn record(&mut self, call: &Call) -> Result<usize, Refusal> {
        let (record, taken) = self.rate(call)?;
        Ok(self.keep(record, &taken))
    }

    pub(super) fn void(&mut self, index: usize) -> Result<usize, Refusal> {
        let original = &self.records[index];
        if original.voided || original.corrects.is_some() {
            return Err("USAGE_ALREADY_VOIDED");
        }
        let original = original.clone();
        let mut correction = Record {
            id: String::new(),
            cost: -original.cost,
            covered: -original.covered,
            quota_tokens: -original.quota_tokens,
            overage_tokens: -original.overage_tokens,
            overage_cost: -original.overage_cost,
            discount: 0,
            coupon: None,
            voided: false,
            corrects: Some(index),
            ..original
        };
        correction.call.prompt *= -1;
        correction.call.completion *= -1;
        let month = correction.invoice_month;
        if self.first_open(month) != month {
            let given = self.take_back(&self.records[index].clone())?;
            self.records[index].voided = true;
            correction.invoice_month = self.first_open(month);
            correction.discount = given - self.records[index].net();
            return Ok(self.add(correction));
        }
        self.records[index].voided = true;
        let sum = self.sum(month) + correction.net();
        let after = taken(&self.redemptions, month, sum, Femto::MAX);
        correction.discount = after.parts.iter().sum::<Femto>() - self.saved(month);
        let correction = self.keep(correction, &after);
        self.take_freed_value();
        Ok(correction)
    }

    pub(super) fn live(&self) -> Option<&Subscription> {
        self.subscriptions
            .last()
            .filter(|last| last.ended.is_none())
    }

    fn live_mut(&mut self) -> Result<&mut Subscription, Refusal> {
        let last = self.subscriptions.last_mut();
        last.filter(|last| last.ended.is_none())
            .ok_or("SUBSCRIPTION_NOT_FOUND")
    }

    pub(super) fn subscribe(&mut self, order: &Order) -> Result<(), Refusal> {
        if self.live().is_some() {
            return Err("SUBSCRIPTION_EXISTS");
        }
        if order.trial_days > 0 && self.trial_used {
            return Err("");
        }
        self.trial_used |= order.trial_days > 0;
        let start = order.start.unwrap_or(self.now);
        let terms = self.plans[order.plan].at(start).clone();
        let mut new = Subscription::new(order, start, terms);
        new.roll(self.now, &self.plans);
        self.subscriptions.push(new);
        self.collect_fees();
        Ok(())
    }

    pub(super) fn change_plan(&mut self, plan: usize, yearly: Option<bool>) -> Result<(), Refusal> {
        let now = self.now;
        let terms = self.plans[plan].at(now).clone();
        let changed = self.live_mut()?.change(now, &terms, yearly);
        self.collect_fees();
        changed.then_some(()).ok_or("SUBSCRIPTION_MOVE_NOT_ALLOWED")
    }

    pub(super) fn cancel(&mut self, at_period_end: bool) -> Result<(), Refusal> {
        let now = self.now;
        let live = self.live_mut()?;
        if !at_period_end {
            live.cancel_now(now);
            return Ok(());
        }
        if !live.auto_renew {
            return Err("SUBSCRIPTION_MOVE_NOT_ALLOWED");
        }
        (live.auto_renew, live.cancelled_at) = (false, Some(now));
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<(), Refusal> {
        let live = self.live_mut()?;
        if live.auto_renew {
            return Err("SUBSCRIPTION_MOVE_NOT_ALLOWED");
        }
        (live.auto_renew, live.cancelled_at) = (true, None);
        Ok(())
    }

    /// What redeeming a coupon would take at once, and all the parts of the running month then.
    fn redemption(&self, coupon: usize) -> Result<(Redemption, Taken), Refusal> {
        self.refuse_coupon(coupon).map_or(Ok(()), Err)?;
        let month = month_of(self.now);
        let mut new = Redemption {
            coupon,
            value: self.coupons[coupon].value,
            month,
            taken_at_apply: 0,
            parts: BTreeMap::new(),
        };
        let mut all = self.redemptions.clone();
        all.push(new.clone());
        let after = taken(&all, month, self.sum(month), Femto::MAX);
        new.taken_at_apply = after.parts.iter().sum::<Femto>() - self.saved(month);
        Ok((new, after))
    }

    fn refuse_coupon(&self, number: usize) -> Option<Refusal> {
        let coupon = &self.coupons[number];
        let month = month_of(self.now);
        let mine = || self.redemptions.iter().filter(|r| r.coupon == number);
        let uses = i64::try_from(mine().count()).expect("few redemptions");
        let plan = self.live().map(|live| live.window().terms.plan);
        let foreign = !coupon.plans.is_empty() && plan.is_none_or(|p| !coupon.plans.contains(&p));
        let refusals = [
            (!coupon.active, "COUPON_INACTIVE"),
            (self.now < coupon.valid_from, "COUPON_NOT_YET_VALID"),
            (
                coupon.expires_at.is_some_and(|end| end <= self.now),
                "COUPON_EXPIRED",
            ),
            (mine().any(|r| r.is_live(month)), "COUPON_ALREADY_ACTIVE"),
            (
                coupon.max_uses > 0 && uses >= coupon.max_uses,
                "COUPON_USED_UP",
            ),
            (uses >= coupon.max_usage_per_user, "COUPON_USER_LIMIT"),
            (foreign, "COUPON_PLAN_NOT_ALLOWED"),
            (
                self.sum(month) < coupon.minimum,
                "COUPON_MINIMUM_NOT_REACHED",
            ),
        ];
        let first = refusals.into_iter().find(|(refused, _)| *refused);
        first.map(|(_, reason)| reason)
    }

    /// Redeems a coupon and tells what it takes at once.
    pub(super) fn apply(&mut self, coupon: usize) -> Result<Femto, Refusal> {
        let (new, after) = self.redemption(coupon)?;
        let (month, at_once) = (new.month, new.taken_at_apply);
        self.redemptions.push(new);
        self.set_parts(month, &after);
        Ok(at_once)
    }

    pub(super) fn stats(&self) -> Stats {
        let month = month_of(self.now);
        let records = || self.records.iter().filter(move |r| r.month == month);
        let cost: Femto = records().map(Record::final_cost).sum();
        let total: Femto = self.records.iter().map(Record::final_cost).sum();
        Stats {
            month_cost: cost - self.taken_at_once(|of| of == month),
            month_tokens: records().map(Record::tokens).sum(),
            total_cost: total - self.taken_at_once(|_| true),
        }
    }

    pub(super) fn quota_warning(&self) -> bool {
        let Some(live) = self.live() else {
            return false;
        };
        let window = live.window();
        if self.alert_threshold > 0 {
            return window.remaining() <= self.alert_threshold;
        }
        // Tokens that were paid for as overage are none of the quota's.
        (window.quota - window.remaining()) * 100 >= window.quota * 80
    }
}
