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
const MOVE_NOT_ALLOWED: Refusal = "INVOICE_MOVE_NOT_ALLOWED";
pub(super) const PAID_BY: &str = "bank transfer";

/// A fee on the invoice of a month.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) month: i64,
    pub(super) what: What,
    pub(super) amount: Femto,
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
    /// What goes to the credit balance before tax.
    moved: Femto,
}

#[derive(Debug, Clone)]
pub(super) struct CreditNote {
    /// Empty when corrections made it.
    pub(super) request_id: String,
    pub(super) amount: Femto,
    pub(super) tax: Femto,
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
}

impl Invoice {
    pub(super) fn is_unpaid(&self) -> bool {
        use InvoiceStatus::{Issued, Overdue, Uncollectible};
        [Issued, Overdue, Uncollectible].contains(&self.status)
    }

    pub(super) fn amount_due(&self) -> Femto {
        if self.is_unpaid() {
            self.bill.total - self.credit_applied
        } else {
            0
        }
    }

    /// What may still be credited, before tax.
    pub(super) fn creditable(&self) -> Femto {
        let credited: Femto = self.credit_notes.iter().map(|note| note.amount).sum();
        self.bill.amount - self.bill.discount_amount - credited
    }

    fn credit(&mut self, request_id: String, amount: Femto) -> Femto {
        let tax = tax(amount, self.bill.tax_rate);
        self.credit_notes.push(CreditNote {
            request_id,
            amount,
            tax,
        });
        amount + tax
    }
}

fn tax(net: Femto, rate: i128) -> Femto {
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
        for fee in mem::take(&mut last.fees) {
            let what = match fee.kind {
                ItemType::PlanFee => What::PlanFee(fee.plan),
                _ if fee.amount < 0 => What::Unused(fee.plan),
                _ => What::Remaining(fee.plan),
            };
            self.lines.push(Line {
                month: month_of(fee.at).max(self.open_month),
                what,
                amount: fee.amount,
            });
        }
    }

    /// What a month's charges come to; none when there are none.
    pub(super) fn bill(&self, month: i64) -> Option<Bill> {
        let mut items = self.items(month);
        let is_correction = |item: &&Item| item.kind() == ItemType::Correction;
        let corrections = items.iter().filter(is_correction).map(|item| item.amount);
        let corrections: Femto = corrections.sum();
        let mut amount: Femto = items.first().map(|_| 0)?;
        amount += items.iter().map(|item| item.amount).sum::<Femto>();
        let (mut discounts, left) = self.discounts(month);
        in_cents(&mut discounts, amount - corrections, left);
        let discount_amount: Femto = discounts.iter().map(|discount| discount.amount).sum();
        let moved = (discount_amount - amount).max(0);
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
        })
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
        let mut months: Vec<_> = records.chain(self.lines.iter().map(|l| l.month)).collect();
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
        let credit_applied = bill.total.min(self.credit_balance);
        self.credit_balance -= credit_applied;
        let paid = credit_applied == bill.total;
        let method = if bill.total == 0 {
            "none"
        } else {
            "credit_balance"
        };
        let (moved, of_month) = (bill.moved, |i: &&Invoice| i.month == month);
        let mut invoice = Invoice {
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
            credit_notes: Vec::new(),
        };
        if moved > 0 {
            self.credit_balance += invoice.credit(String::new(), moved);
        }
        self.invoices.push(invoice);
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
        self.close(month);
        Ok(self.live_invoice(month))
    }

    pub(super) fn void_invoice(&mut self, index: usize) -> Result<(), Refusal> {
        let invoice = &mut self.invoices[index];
        if !invoice.is_unpaid() {
            return Err(MOVE_NOT_ALLOWED);
        }
        invoice.status = InvoiceStatus::Void;
        self.credit_balance += invoice.credit_applied;
        let month = invoice.month;
        for discount in &invoice.bill.discounts {
            if let Some(redemption) = discount.redemption {
                self.redemptions[redemption].fix(month, discount.exact);
            }
        }
        let owed = self.charged(month).map(Record::net).sum();
        self.sums.insert(month, owed);
        Ok(())
    }

    pub(super) fn pay(&mut self, index: usize) -> Result<(), Refusal> {
        let invoice = &mut self.invoices[index];
        if !invoice.is_unpaid() {
            return Err(MOVE_NOT_ALLOWED);
        }
        invoice.status = InvoiceStatus::Paid;
        invoice.paid_at = Some(self.now);
        invoice.payment_method = Some(PAID_BY);
        Ok(())
    }

    /// Credits a part of an invoice; answers which of its credit notes it is.
    pub(super) fn credit(
        &mut self,
        index: usize,
        amount: Femto,
        request_id: &str,
    ) -> Result<usize, Refusal> {
        for (number, invoice) in self.invoices.iter().enumerate() {
            let mut notes = invoice.credit_notes.iter();
            if let Some(earlier) = notes.position(|note| note.request_id == request_id) {
                let same = number == index && invoice.credit_notes[earlier].amount == amount;
                return same
                    .then_some(earlier)
                    .ok_or("CREDIT_NOTE_REQUEST_CONFLICT");
            }
        }
        let invoice = &mut self.invoices[index];
        if invoice.status == InvoiceStatus::Void {
            return Err(MOVE_NOT_ALLOWED);
        }
        if amount > invoice.creditable() {
            return Err("INVALID_FIELD");
        }
        self.credit_balance += invoice.credit(request_id.to_owned(), amount);
        Ok(invoice.credit_notes.len() - 1)
    }
}

impl Redemption {
    /// What it takes of a month is this, whatever its records come to.
    fn fix(&mut self, month: i64, amount: Femto) {
        self.parts.insert(month, amount);
    }
}
