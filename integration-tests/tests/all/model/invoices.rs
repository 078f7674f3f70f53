//! What becomes of a month: how it is invoiced, and what is done to its invoice.

use std::mem;

use billing_proto::v1::{InvoiceStatus, ItemType};

use super::{
    calendar::{DAY, Micros, month_of},
    coupons::{Redemption, taken},
    items::{Item, What},
    money::{Femto, cents, half_up},
    reference::{Record, Reference, Refusal},
};

/// How long the month-end job waits for late usage.
const GRACE: Micros = DAY;
const DUE_AFTER: Micros = 30 * DAY;
pub(super) const MOVE_NOT_ALLOWED: Refusal = "INVOICE_MOVE_NOT_ALLOWED";
pub(super) const PAID_BY: &str = "bank transfer";

/// A fee on the invoice of a month.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) month: i64,
    pub(super) what: What,
    pub(super) amount: Femto,
    pub(super) period: (Micros, Micros),
    /// Whose fee it is.
    subscription: usize,
}

/// What a source takes off: a redemption, or without one the user's rate.
#[derive(Debug, Clone)]
pub(super) struct Discount {
    pub(super) redemption: Option<usize>,
    exact: Femto,
    pub(super) amount: Femto,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Bill {
    pub(super) items: Vec<Item>,
    pub(super) amount: Femto,
    pub(super) discounts: Vec<Discount>,
    pub(super) discount_amount: Femto,
    /// 10^-4.
    pub(super) tax_rate: i128,
    pub(super) tax: Femto,
    pub(super) total: Femto,
    /// What goes to the credit balance before tax, and the tax.
    moved: Femto,
    moved_tax: Femto,
}

#[derive(Debug, Clone)]
pub(super) struct CreditNote {
    /// Empty when corrections made it.
    pub(super) request_id: String,
    pub(super) amount: Femto,
    pub(super) tax: Femto,
    /// How much of it the invoice no longer asks for.
    pub(super) applied: Femto,
}

#[derive(Debug, Clone)]
pub(super) struct Invoice {
    /// Empty until the server has told.
    pub(super) id: String,
    pub(super) month: i64,
    /// How many of the month were voided before.
    pub(super) voided_before: usize,
    pub(super) status: InvoiceStatus,
    pub(super) bill: Bill,
    pub(super) credit_applied: Femto,
    pub(super) issued_at: Micros,
    pub(super) due_date: Micros,
    pub(super) paid_at: Option<Micros>,
    pub(super) payment_method: Option<&'static str>,
    pub(super) credit_notes: Vec<CreditNote>,
    /// What voided records have taken back, exactly before tax, and the tax in cents.
    pub(super) corrected: Femto,
    pub(super) corrected_tax: Femto,
    /// Whether it was given up; it may have been paid all the same.
    pub(super) was_written_off: bool,
}

impl Bill {
    /// What coupons take, exactly.
    pub(super) fn taken_by_coupons(&self) -> Femto {
        let coupons = self.discounts.iter().filter(|d| d.redemption.is_some());
        coupons.map(|discount| discount.exact).sum()
    }
}

impl Invoice {
    pub(super) fn is_unpaid(&self) -> bool {
        use InvoiceStatus::{Issued, Overdue};
        [Issued, Overdue].contains(&self.status)
    }

    pub(super) fn credit_noted(&self) -> Femto {
        self.credit_notes.iter().map(|note| note.applied).sum()
    }

    pub(super) fn amount_due(&self) -> Femto {
        if self.is_unpaid() {
            self.bill.total - self.credit_applied - self.credit_noted()
        } else {
            0
        }
    }
}

pub(super) fn tax(net: Femto, rate: i128) -> Femto {
    cents(half_up(net * rate, 10_000))
}

/// Rounds each source once. None takes more than the others have left of what is `charged`, and
/// nothing stays when the exact amounts leave nothing.
fn in_cents(discounts: &mut [Discount], charged: Femto, exactly_left: Femto) {
    let mut left = charged;
    for discount in &mut *discounts {
        discount.amount = cents(discount.exact).min(left);
        left -= discount.amount;
    }
    if let Some(last) = discounts.last_mut().filter(|_| exactly_left == 0) {
        last.amount += left;
    }
}

impl Reference {
    /// Puts the fees that fell due on the invoices of their months.
    pub(super) fn collect_fees(&mut self) {
        let Some(last) = self.subscriptions.last_mut() else {
            return;
        };
        let fees = mem::take(&mut last.fees);
        let subscription = self.subscriptions.len() - 1;
        for fee in fees {
            let mut month = self.first_open(month_of(fee.at));
            let what = match fee.kind {
                ItemType::PlanFee => What::PlanFee(fee.plan),
                _ if fee.amount < 0 => What::Unused(fee.plan),
                _ => What::Remaining(fee.plan),
            };
            if let What::Unused(_) = what {
                let mut charged = self.lines.iter().rev();
                let of_it = |line: &&Line| line.subscription == subscription && line.amount > 0;
                let charged = charged.find(of_it).expect("a fee was charged").clone();
                if let Some(index) = self.live_invoice(charged.month) {
                    self.take_back_fee(index, &charged, fee);
                    continue;
                }
                // Coupons take their part of both together.
                if !self.redemptions.is_empty() {
                    month = charged.month;
                }
            }
            self.lines.push(Line {
                month,
                what,
                amount: fee.amount,
                period: fee.period,
                subscription,
            });
        }
    }

    /// What a month's charges come to; none when there are none.
    pub(super) fn bill(&self, month: i64) -> Option<Bill> {
        let mut items = self.items(month);
        let waiting = self.taken_back.iter();
        let waiting = waiting.filter(|of| of.month == month && of.carrier.is_none());
        let corrections: Femto = waiting.map(|of| of.amount).sum();
        let mut amount: Femto = items.first().map(|_| 0)?;
        amount += items.iter().map(|item| item.amount).sum::<Femto>();
        let (mut discounts, left) = self.discounts(month);
        in_cents(&mut discounts, amount - corrections, left);
        let discount_amount: Femto = discounts.iter().map(|discount| discount.amount).sum();
        let charged = amount - corrections - discount_amount;
        let (moved, moved_tax) = self.moved(month, charged);
        if moved > 0 {
            items.push(Item::one(What::MovedToCredit, moved));
            amount += moved;
        }
        let tax = tax(amount - discount_amount, self.tax);
        Some(Bill {
            items,
            amount,
            discounts,
            discount_amount,
            tax_rate: self.tax,
            tax,
            total: amount - discount_amount + tax,
            moved,
            moved_tax,
        })
    }

    /// What of a month's corrections goes to the credit balance: what was taxed at another rate
    /// whole, and what exceeds the charges.
    fn moved(&self, month: i64, charged: Femto) -> (Femto, Femto) {
        let waiting = self.taken_back.iter();
        let waiting = waiting.filter(|of| of.month == month && of.carrier.is_none());
        let (same, other): (Vec<_>, Vec<_>) = waiting.partition(|of| of.tax_rate == self.tax);
        let net: Femto = -other.iter().map(|of| of.amount).sum::<Femto>();
        let tax_of: Femto = -other.iter().map(|of| of.tax).sum::<Femto>();
        let same_net: Femto = -same.iter().map(|of| of.amount).sum::<Femto>();
        let same_tax: Femto = -same.iter().map(|of| of.tax).sum::<Femto>();
        let excess = (same_net - charged).max(0);
        let on_excess = if excess == same_net {
            same_tax
        } else {
            tax(excess, self.tax).min(same_tax)
        };
        (net + excess, tax_of + on_excess)
    }

    /// The sources that take something of a month, exactly, and what they leave.
    fn discounts(&self, month: i64) -> (Vec<Discount>, Femto) {
        let lines = self.lines.iter().filter(|line| line.month == month);
        let fees: Femto = lines.map(|line| line.amount).sum();
        let owed = fees + self.charged(month).map(Record::net).sum::<Femto>();
        let uncovered = self.charged(month).filter(|r| r.covering.is_none());
        let of_rate: Femto = uncovered.map(|record| record.cost - record.net()).sum();
        let of_coupons = taken(&self.redemptions, month, owed, Femto::MAX);
        let rest = owed - of_coupons.part_sum();
        let mut sources = vec![(None, of_rate)];
        for index in of_coupons.order {
            sources.push((Some(index), of_coupons.parts[index]));
        }
        let taking = sources.into_iter().filter(|(_, exact)| *exact != 0);
        let discounts = taking.map(|(redemption, exact)| Discount {
            redemption,
            exact,
            amount: 0,
        });
        (discounts.collect(), rest)
    }

    pub(super) fn live_invoice(&self, month: i64) -> Option<usize> {
        let mut invoices = self.invoices.iter();
        invoices.position(|i| i.month == month && i.status != InvoiceStatus::Void)
    }

    /// The months with charges that no invoice has, the oldest first.
    pub(super) fn uninvoiced_months(&self) -> Vec<i64> {
        let records = self.records.iter().map(|record| record.invoice_month);
        let corrections = self.taken_back.iter().map(|of| of.month);
        let months = records.chain(corrections);
        let mut months: Vec<_> = months.chain(self.lines.iter().map(|l| l.month)).collect();
        months.sort_unstable();
        months.dedup();
        months
            .retain(|month| self.live_invoice(*month).is_none() && !self.items(*month).is_empty());
        months
    }

    fn issue(&mut self, month: i64) {
        let Some(bill) = self.bill(month) else {
            return;
        };
        for (index, redemption) in self.redemptions.iter_mut().enumerate() {
            let mut own = bill.discounts.iter();
            let own = own.find(|discount| discount.redemption == Some(index));
            redemption.fix(month, own.map_or(0, |discount| discount.amount));
        }
        self.credit_balance += bill.moved + bill.moved_tax;
        let credit_applied = bill.total.min(self.credit_balance);
        self.credit_balance -= credit_applied;
        let paid = credit_applied == bill.total;
        let method = if bill.total == 0 {
            "none"
        } else {
            "credit_balance"
        };
        let own = CreditNote {
            request_id: String::new(),
            amount: bill.moved,
            tax: bill.moved_tax,
            applied: 0,
        };
        let makes_a_note = own.amount > 0 || own.tax > 0;
        let of_month = |i: &&Invoice| i.month == month;
        let invoice = Invoice {
            id: String::new(),
            month,
            voided_before: self.invoices.iter().filter(of_month).count(),
            status: if paid {
                InvoiceStatus::Paid
            } else {
                InvoiceStatus::Issued
            },
            bill,
            credit_applied,
            issued_at: self.now,
            due_date: self.now + DUE_AFTER,
            paid_at: paid.then_some(self.now),
            payment_method: paid.then_some(method),
            credit_notes: makes_a_note.then_some(own).into_iter().collect(),
            corrected: 0,
            corrected_tax: 0,
            was_written_off: false,
        };
        let index = self.invoices.len();
        self.invoices.push(invoice);
        let carried = self.taken_back.iter_mut();
        for of in carried.filter(|of| of.month == month && of.carrier.is_none()) {
            of.carrier = Some(index);
        }
        self.sums.remove(&month);
    }

    /// Invoices what is uninvoiced up to a month that is over, and has later usage join later ones.
    pub(super) fn close(&mut self, month: i64) {
        for uninvoiced in self.uninvoiced_months() {
            if uninvoiced <= month {
                self.issue(uninvoiced);
            }
        }
        self.sums.retain(|open, _| *open > month);
        self.reopened.retain(|open| *open > month);
        self.open_month = self.open_month.max(month + 1);
    }

    /// What the server does by itself as time goes on.
    pub(super) fn month_end(&mut self) {
        let now = self.now;
        let last = month_of(now - GRACE) - 1;
        if self.began <= now - GRACE && self.open_month <= last {
            self.close(last);
        }
        for invoice in &mut self.invoices {
            if invoice.status == InvoiceStatus::Issued && invoice.due_date < now {
                invoice.status = InvoiceStatus::Overdue;
            }
        }
    }

    /// The invoice of a month; none for the running one, of which there is a draft.
    pub(super) fn generate(&mut self, month: i64) -> Result<Option<usize>, Refusal> {
        let running = month_of(self.now);
        if month > running {
            return Err("INVALID_FIELD");
        }
        if let Some(index) = self.live_invoice(month) {
            return Ok(Some(index));
        }
        if self.items(month).is_empty() {
            return Err("INVOICE_NOTHING_TO_BILL");
        }
        if month == running {
            return Ok(None);
        }
        let passed = self.passed_over(month);
        self.issue(month);
        self.reopened.remove(&month);
        self.reopened.extend(passed);
        self.open_month = self.open_month.max(month + 1);
        Ok(self.live_invoice(month))
    }

    /// The months before one that are passed over by its invoice, and stay open for their own.
    fn passed_over(&self, month: i64) -> Vec<i64> {
        let records = self.records.iter().map(|record| record.invoice_month);
        let corrections = self.taken_back.iter().map(|of| of.month);
        let months = records.chain(corrections);
        let months = months.chain(self.lines.iter().map(|line| line.month));
        let waits = |of: &i64| (self.open_month..month).contains(of);
        let waiting = months.filter(waits);
        let waiting = waiting.filter(|of| self.live_invoice(*of).is_none());
        waiting.collect()
    }

    pub(super) fn void_invoice(&mut self, index: usize) -> Result<(), Refusal> {
        let invoice = &mut self.invoices[index];
        if !invoice.is_unpaid() || invoice.corrected != 0 {
            return Err(MOVE_NOT_ALLOWED);
        }
        invoice.status = InvoiceStatus::Void;
        // What was taxed at another rate went to the credit balance, and stays there.
        for of in &mut self.taken_back {
            if of.carrier == Some(index) && of.tax_rate == invoice.bill.tax_rate {
                of.carrier = None;
            }
        }
        self.credit_balance += invoice.credit_applied;
        let month = invoice.month;
        for discount in &invoice.bill.discounts {
            if let Some(redemption) = discount.redemption {
                self.redemptions[redemption].fix(month, discount.exact);
            }
        }
        let owed = self.charged(month).map(Record::net).sum();
        self.sums.insert(month, owed);
        self.reopened.insert(month);
        Ok(())
    }

    pub(super) fn write_off(&mut self, index: usize) -> Result<(), Refusal> {
        let invoice = &mut self.invoices[index];
        if !invoice.is_unpaid() {
            return Err(MOVE_NOT_ALLOWED);
        }
        invoice.status = InvoiceStatus::Uncollectible;
        invoice.was_written_off = true;
        Ok(())
    }

    pub(super) fn pay(&mut self, index: usize) -> Result<(), Refusal> {
        let invoice = &mut self.invoices[index];
        if !invoice.is_unpaid() && invoice.status != InvoiceStatus::Uncollectible {
            return Err(MOVE_NOT_ALLOWED);
        }
        invoice.status = InvoiceStatus::Paid;
        invoice.paid_at = Some(self.now);
        invoice.payment_method = Some(PAID_BY);
        Ok(())
    }
}

impl Redemption {
    /// What it takes of a month is this, whatever its records come to.
    fn fix(&mut self, month: i64, amount: Femto) {
        self.parts.insert(month, amount);
    }
}
