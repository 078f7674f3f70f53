//! Whatever happens to an account, its sums are those of its records and its invoices stand for
//! them.

use std::collections::{BTreeMap, HashMap};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    coupon::{Coupon, CouponValue, RedeemOrder},
    document::{Buyer, Seller},
    ids::{CreditNoteId, InvoiceId},
    invoice::{
        CarriedCorrection, CarriedLine, ChargedFee, Charges, CreditNoteOrder, Invoice, InvoiceRun,
        InvoiceStatus, InvoicedFee, InvoicedMonth, LiveInvoice, MonthInvoices, MonthToInvoice,
        Payment, Reconciled, UsageSum, UserMonth,
    },
    testing::{fixed, percentage},
    usage::{Sums, UsageStatus},
};

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, in hours.
    Wait(i64),
    /// Usage of some hours ago, in tokens.
    Use(i64, i64),
    /// A record is voided, if it can be.
    Void(prop::sample::Index),
    /// A coupon is redeemed.
    Redeem(CouponValue),
    /// A subscription is asked for, or its end.
    Order(SubscriptionOrder),
    /// All months that are over are closed.
    Close,
    /// An invoice is voided, or given up, if it can be.
    VoidInvoice(prop::sample::Index, bool),
    /// A part of an invoice is credited, in ten-thousandths of what is left, if it can be.
    Credit(prop::sample::Index, i64),
    /// An invoice is paid, if it can be.
    Pay(prop::sample::Index),
    /// The rate of the tax changes, in percent.
    Tax(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = |at_period_end| Step::Order(SubscriptionOrder::Cancel { at_period_end });
    let step = prop_oneof![
        3 => (1..800_i64).prop_map(Step::Wait),
        6 => (0..1_500_i64, 0..900_000_i64).prop_map(|(ago, tokens)| Step::Use(ago, tokens)),
        2 => any::<prop::sample::Index>().prop_map(Step::Void),
        1 => (1..10_000_i64).prop_map(|rate| {
            let percent = rust_decimal::Decimal::new(rate, 2).to_string();
            Step::Redeem(percentage(&percent))
        }),
        1 => (1..5_000_i64).prop_map(|cents| {
            Step::Redeem(fixed(&rust_decimal::Decimal::new(cents, 2).to_string()))
        }),
        2 => prop_oneof![
            Just(Step::Order(SubscriptionOrder::Subscribe(new("rising")))),
            Just(Step::Order(change_plan("pro"))),
            Just(Step::Order(choose("pro", BillingCycle::Yearly))),
            Just(Step::Order(choose("rising", BillingCycle::Monthly))),
            Just(end(true)),
            Just(end(false)),
        ],
        2 => Just(Step::Close),
        1 => (any::<prop::sample::Index>(), prop::bool::weighted(0.2))
            .prop_map(|(index, write_off)| Step::VoidInvoice(index, write_off)),
        1 => (any::<prop::sample::Index>(), 1..=10_000_i64)
            .prop_map(|(index, part)| Step::Credit(index, part)),
        1 => any::<prop::sample::Index>().prop_map(Step::Pay),
        1 => (0..30_i64).prop_map(Step::Tax),
    ];
    vec(step, 1..40)
}

/// An account with everything that a database would store beside it.
struct World {
    account: Account,
    records: Vec<UsageRecord>,
    lines: Vec<CarriedLine>,
    corrections: Vec<CarriedCorrection>,
    caught_up: BTreeMap<Month, Money>,
    invoices: Vec<Invoice>,
    now: DateTime<Utc>,
    /// Makes names of ids.
    made: u32,
}

impl World {
    fn new() -> Self {
        let mut account = account();
        account.state.tax.rate = crate::testing::rate("0.1");
        Self {
            account,
            records: Vec::new(),
            lines: Vec::new(),
            corrections: Vec::new(),
            caught_up: BTreeMap::new(),
            invoices: Vec::new(),
            now: day("2024-10-20"),
            made: 0,
        }
    }

    fn next_name(&mut self) -> String {
        self.made += 1;
        format!("id-{:06}", self.made)
    }

    fn take(&mut self, step: Step) {
        self.account.advance_to(&catalog(), self.now).unwrap();
        self.store_lines();
        match step {
            Step::Wait(hours) => self.now += TimeDelta::hours(hours),
            Step::Use(ago, tokens) => self.record(ago, tokens),
            Step::Void(index) => self.void(index),
            Step::Redeem(value) => self.redeem(value),
            Step::Order(order) => {
                self.order(order);
            }
            Step::Close => self.close(),
            Step::VoidInvoice(index, false) => self.void_invoice(index),
            Step::VoidInvoice(index, true) => self.change(index, |_, invoice, now| {
                drop(invoice.write_off(String::new(), now));
            }),
            Step::Credit(index, part) => self.credit(index, part),
            Step::Pay(index) => self.change(index, |_, invoice, now| {
                let payment = Payment {
                    method: "manual".into(),
                    transaction_id: None,
                };
                drop(invoice.pay(payment, now));
            }),
            Step::Tax(percent) => {
                let rate = rust_decimal::Decimal::new(percent, 2).to_string();
                self.account.state.tax.rate = crate::testing::rate(&rate);
            }
        }
        self.store_lines();
    }

    fn store_lines(&mut self) {
        let lines = self.account.take_lines().into_iter();
        self.lines.extend(lines.map(|line| CarriedLine {
            line,
            invoice_id: None,
        }));
        let pending = self.account.take_pending();
        let corrections = pending.corrections.into_iter();
        self.corrections
            .extend(corrections.map(|correction| CarriedCorrection {
                correction,
                invoice_id: None,
            }));
        for caught_up in pending.catch_ups {
            let of_month = self.caught_up.entry(caught_up.month).or_default();
            *of_month = of_month.plus(caught_up.amount).unwrap();
        }
    }

    fn order(&mut self, order: SubscriptionOrder) {
        let before = self.account.clone();
        let mut fee = self.charged_fee();
        let ordered = self
            .account
            .order(order, fee.as_mut(), &catalog(), self.now);
        if ordered.is_err() {
            self.account = before;
        } else if let Some(invoiced) = fee.and_then(|fee| fee.invoiced) {
            self.replace(invoiced.invoice);
        }
    }

    /// The latest fee of the live subscription.
    fn charged_fee(&self) -> Option<ChargedFee> {
        let live = self.account.state.subscription.as_ref()?;
        let of_live = |of: &&CarriedLine| of.line.subscription_id == live.id;
        let mut fees = self.lines.iter().rev().filter(of_live);
        let CarriedLine { line, invoice_id } = fees.find(|of| !of.line.amount.is_negative())?;
        let invoice = self.invoices.iter().find(|of| of.id == *invoice_id);
        let lines = self.lines.iter().filter(|of| of.line.month == line.month);
        let lines = lines.map(|of| of.line.amount);
        let sums = self.usage(line.month).into_iter();
        let charges = Charges {
            usage: sums.collect(),
            ..Charges::default()
        };
        let of_records = charges.taken_of_records().unwrap();
        Some(ChargedFee {
            line: line.clone(),
            invoiced: invoice.map(|invoice| InvoicedFee {
                invoice: invoice.clone(),
                lines: lines.fold(Money::ZERO, |sum, amount| sum.plus(amount).unwrap()),
                taken_of_records: of_records.plus(self.taken_at_once(line.month)).unwrap(),
            }),
        })
    }

    fn taken_at_once(&self, month: Month) -> Money {
        let redemptions = self.account.relations.redemptions.iter();
        let taken = redemptions.filter(|redemption| redemption.month == month);
        let caught_up = self.caught_up.get(&month).copied().unwrap_or_default();
        taken
            .map(|redemption| redemption.taken_at_apply)
            .try_fold(caught_up, Money::plus)
            .unwrap()
    }

    fn replace(&mut self, changed: Invoice) {
        let same = self.invoices.iter_mut().find(|i| i.id == changed.id);
        *same.unwrap() = changed;
    }

    fn change(
        &mut self,
        index: prop::sample::Index,
        change: impl FnOnce(&mut Account, &mut Invoice, DateTime<Utc>),
    ) {
        if !self.invoices.is_empty() {
            let place = index.index(self.invoices.len());
            change(&mut self.account, &mut self.invoices[place], self.now);
        }
    }

    fn credit(&mut self, index: prop::sample::Index, part: i64) {
        let name = self.next_name();
        self.change(index, |account, invoice, now| {
            let part = invoice.bill.net().unwrap().share(part, 10_000, 2).unwrap();
            let order = CreditNoteOrder {
                user_id: account.id().clone(),
                invoice_id: invoice.id.unwrap(),
                id: CreditNoteId::new(uuid(&name)),
                amount: part.max(money("0.01")),
                reason: String::new(),
                request_id: None,
            };
            drop(account.credit(invoice, order, Default::default(), now));
        });
    }

    /// The closed month of a record, for which an invoice was issued.
    fn invoiced(&self, month: Month) -> Option<InvoicedMonth> {
        let live = self
            .invoices
            .iter()
            .find(|invoice| invoice.month == month && invoice.status != InvoiceStatus::Void);
        Some(InvoicedMonth {
            invoice: live?.clone(),
            net: self.uninvoiced(month).owed_by_records().unwrap(),
            taken_at_apply: self.taken_at_once(month),
        })
    }

    /// What was invoiced and is neither void nor taken off again, and what is left of credit.
    fn charged_and_credited(&self) -> (Money, Money) {
        let mut charged = Money::ZERO;
        for invoice in &self.invoices {
            if !matches!(invoice.status, InvoiceStatus::Void | InvoiceStatus::Draft) {
                let asked = invoice
                    .bill
                    .final_amount
                    .minus(invoice.credit_applied)
                    .unwrap();
                let asked = asked.minus(invoice.credit_noted).unwrap();
                charged = charged.plus(asked).unwrap();
            }
        }
        (charged, self.account.state.credit_balance)
    }

    fn record(&mut self, ago: i64, tokens: i64) {
        let (at, name) = (self.now - TimeDelta::hours(ago), self.next_name());
        let record = rate(&mut self.account, &name, at, self.now, tokens);
        self.records.push(record);
    }

    fn void(&mut self, index: prop::sample::Index) {
        if self.records.is_empty() {
            return;
        }
        let place = index.index(self.records.len());
        let original = self.records[place].clone();
        let order = VoidOrder {
            user_id: self.account.id().clone(),
            id: original.id,
            correction_id: RecordId::new(uuid(&self.next_name())),
            reason: None,
        };
        let month = original.invoice_month;
        let invoiced = if self.account.state.is_open(month) {
            None
        } else {
            self.invoiced(month)
        };
        let before = self.account.clone();
        match self.account.void(original, order, invoiced, self.now) {
            Ok(voided) => {
                self.records[place] = voided.original;
                self.records.push(voided.correction);
                if let Some(changed) = voided.invoice {
                    self.replace(changed);
                }
            }
            Err(_) => self.account = before,
        }
    }

    fn redeem(&mut self, value: CouponValue) {
        let coupon = Coupon {
            id: CouponId::new(uuid(&self.next_name())),
            value,
            ..coupon(self.now)
        };
        let order = RedeemOrder {
            user_id: self.account.id().clone(),
            code: "SAVE".into(),
            redemption_id: RedemptionId::new(uuid(&self.next_name())),
            request_id: None,
        };
        self.account.redeem(coupon, order, self.now).unwrap();
    }

    fn close(&mut self) {
        let running = Month::of(self.now);
        let waiting = self.lines.iter().filter(|line| line.invoice_id.is_none());
        let mut due: Vec<_> = waiting.map(|waiting| waiting.line.month).collect();
        due.extend(self.account.state.uninvoiced.keys());
        due.sort_unstable();
        due.dedup();
        for month in due.into_iter().filter(|month| *month < running) {
            self.invoice(month);
            self.account.close(month, &self.costs()).unwrap();
        }
        let last = Month::of(running.start() - TimeDelta::days(1));
        self.account.close(last, &self.costs()).unwrap();
    }

    fn invoice(&mut self, month: Month) {
        let mut invoices = MonthInvoices::default();
        for invoice in self.invoices.iter().filter(|i| i.month == month) {
            invoices.add(LiveInvoice {
                id: invoice.id.unwrap(),
                status: invoice.status,
                created_at: invoice.created_at,
            });
        }
        let new_id = InvoiceId::new(uuid(&self.next_name()));
        let run = InvoiceRun {
            month,
            catalog: &catalog(),
            seller: &Seller::default(),
            keep_drafts: false,
            now: self.now,
        };
        let stored = MonthToInvoice {
            invoices,
            charges: &self.uninvoiced(month),
            costs: &self.costs(),
            buyer: &Buyer::default(),
            new_id,
        };
        if let Some(invoice) = self.account.invoice(&run, stored).unwrap() {
            let of_month = self.lines.iter_mut().filter(|of| of.line.month == month);
            for line in of_month {
                line.invoice_id = line.invoice_id.or(invoice.id);
            }
            let corrections = self.corrections.iter_mut();
            for taken_back in corrections.filter(|of| of.correction.month == month) {
                taken_back.invoice_id = taken_back.invoice_id.or(invoice.id);
            }
            self.invoices.push(invoice);
        }
    }

    fn void_invoice(&mut self, index: prop::sample::Index) {
        if self.invoices.is_empty() {
            return;
        }
        let place = index.index(self.invoices.len());
        let mut invoice = self.invoices[place].clone();
        let charges = Charges {
            usage: self.usage(invoice.month),
            ..Charges::default()
        };
        let before = self.account.clone();
        let voided = self
            .account
            .void_invoice(&mut invoice, &charges, String::new(), self.now);
        if voided.is_err() {
            self.account = before;
            return;
        }
        for line in self
            .lines
            .iter_mut()
            .filter(|line| line.invoice_id == invoice.id)
        {
            line.invoice_id = None;
        }
        let corrections = self.corrections.iter_mut();
        let carried = corrections.filter(|of| of.invoice_id == invoice.id);
        for taken_back in carried.filter(|of| of.correction.tax_rate == invoice.bill.tax_rate) {
            taken_back.invoice_id = None;
        }
        self.invoices[place] = invoice;
    }

    /// The sums of the records that a month's invoice carries.
    fn usage(&self, month: Month) -> Vec<UsageSum> {
        let carried = self.records.iter().filter(|r| r.invoice_month == month);
        let usage = carried.map(|record| UsageSum {
            price_id: record.charge.price_id,
            window: record.charge.window,
            billing_month: record.billing_month,
            is_reversal: record.is_reversal,
            sums: Sums::of(record),
        });
        usage.collect()
    }

    fn uninvoiced(&self, month: Month) -> Charges {
        let waiting = self.lines.iter().filter(|line| line.invoice_id.is_none());
        let lines = waiting.map(|waiting| waiting.line.clone());
        let corrections = self.corrections.iter();
        let corrections = corrections.filter(|of| of.invoice_id.is_none());
        let corrections = corrections.map(|of| of.correction.clone());
        Charges {
            usage: self.usage(month),
            lines: lines.filter(|line| line.month == month).collect(),
            corrections: corrections.filter(|of| of.month == month).collect(),
        }
    }

    /// What usage costs by invoice month.
    fn costs(&self) -> BTreeMap<Month, Money> {
        let mut costs: BTreeMap<Month, Money> = BTreeMap::new();
        for record in &self.records {
            let cost = costs.entry(record.invoice_month).or_default();
            *cost = cost.plus(record.charge.final_cost).unwrap();
        }
        costs
    }

    /// Checks every month that has an invoice.
    fn reconcile(&self) -> Reconciled {
        let mut found = Reconciled::default();
        let mut months: Vec<_> = self.invoices.iter().map(|invoice| invoice.month).collect();
        months.sort_unstable();
        months.dedup();
        for month in months {
            let usage = self.usage(month);
            let lines = self.lines.iter().filter(|line| line.line.month == month);
            let corrections = self.corrections.iter();
            let corrections = corrections.filter(|of| of.correction.month == month);
            let of_user = UserMonth {
                user_id: self.account.id().clone(),
                month,
                is_closed: !self.account.state.is_open(month),
                invoices: self.invoices.clone(),
                records: 0,
                recorded: usage.clone(),
                summed: usage,
                lines: lines.cloned().collect(),
                corrections: corrections.cloned().collect(),
                redemptions: self.account.relations.redemptions.clone(),
            };
            of_user.check(&catalog(), &mut found).unwrap();
        }
        found
    }
}

fn total<'a>(
    records: impl IntoIterator<Item = &'a UsageRecord>,
    part: impl Fn(&UsageRecord) -> Money,
) -> Money {
    let mut parts = records.into_iter().map(part);
    parts.try_fold(Money::ZERO, Money::plus).unwrap()
}

proptest! {
    #[test]
    fn invoices_stand_for_their_records_and_sums_are_exact(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            let (charged, credited) = world.charged_and_credited();
            prop_assert!(!credited.is_negative());
            prop_assert!(credited <= charged, "credited {} of {}", credited, charged);
        }
        let state = &world.account.state;
        let ids: Vec<_> = world.records.iter().map(|record| record.id).collect();
        prop_assert!(ids.is_sorted_by(|a, b| a < b), "record ids rise");
        prop_assert_eq!(state.last_record_id, ids.last().copied());
        prop_assert_eq!(usize::try_from(state.tail_records).unwrap(), ids.len());

        let open = world.records.iter().filter(|r| state.is_open(r.invoice_month));
        let cost = |record: &UsageRecord| record.charge.final_cost;
        let known = state.closed_cost.plus(total(open, cost)).unwrap();
        prop_assert_eq!(known, total(&world.records, cost), "the cost of all time");

        let mut originals = world.records.iter().filter(|r| r.corrects_id.is_none());
        let is_discounted = |r: &UsageRecord| !r.charge.discount_amount.is_negative();
        prop_assert!(originals.all(is_discounted), "no discount is negative");
        for (month, owed) in &state.uninvoiced {
            let of_month = world.records.iter().filter(|r| r.invoice_month == *month);
            let owing = of_month.filter(|record| !record.is_reversal);
            let net = total(owing, |record| record.charge.net().unwrap());
            prop_assert_eq!(*owed, net, "what {} owes", month);
        }
        prop_assert_eq!(world.reconcile().differences, []);
        let issued = |status| !matches!(status, InvoiceStatus::Draft | InvoiceStatus::Void);
        let mut live: HashMap<Month, usize> = HashMap::new();
        for invoice in world.invoices.iter().filter(|invoice| issued(invoice.status)) {
            *live.entry(invoice.month).or_default() += 1;
        }
        prop_assert!(live.values().all(|count| *count == 1), "one invoice a month");
        let by_status = |status| world.records.iter().filter(move |r| r.status == status).count();
        let (voided, corrections) = (UsageStatus::Voided, UsageStatus::Correction);
        prop_assert_eq!(by_status(voided), by_status(corrections));
    }
}
