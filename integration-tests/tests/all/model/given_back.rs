//! What is given back of what was invoiced: credit notes, and records that are voided later.

use billing_proto::v1::InvoiceStatus;

use super::{
    calendar::{Micros, month_of},
    coupons::taken,
    invoices::{CreditNote, Invoice, Line, MOVE_NOT_ALLOWED, tax},
    money::{Femto, cents, half_up},
    reference::{Record, Reference, Refusal},
    subscriptions::Fee,
};

/// What a later invoice takes back of an earlier one.
#[derive(Debug, Clone)]
pub(super) struct TakenBack {
    /// The month whose invoice carries it, and that invoice once there is one.
    pub(super) month: i64,
    pub(super) carrier: Option<usize>,
    pub(super) of: Charged,
    /// In cents.
    pub(super) amount: Femto,
    pub(super) tax: Femto,
    /// 10^-4.
    pub(super) tax_rate: i128,
}

/// What was charged.
#[derive(Debug, Clone)]
pub(super) enum Charged {
    /// A record, by its month and model.
    Usage {
        month: i64,
        model: usize,
        tokens: i64,
    },
    /// A fee of a plan, of which a stretch is unused.
    Fee {
        plan: usize,
        period: (Micros, Micros),
    },
}

impl Invoice {
    fn notes(&self) -> impl Iterator<Item = &CreditNote> {
        // What it made by itself is about other invoices.
        let notes = self.credit_notes.iter();
        notes.filter(|note| !note.request_id.is_empty())
    }

    fn noted(&self) -> Femto {
        self.notes().map(|note| note.amount).sum()
    }

    fn net(&self) -> Femto {
        self.bill.amount - self.bill.discount_amount
    }

    /// What may still be credited, before tax.
    pub(super) fn creditable(&self) -> Femto {
        (self.net() - self.noted() - cents(self.corrected)).max(0)
    }

    /// The tax that goes back with an amount: on all that went back, less what did before.
    fn next_tax(&self, amount: Femto) -> Femto {
        let all = self.noted() + cents(self.corrected) + amount;
        let before: Femto = self.notes().map(|note| note.tax).sum();
        let on_all = tax(all, self.bill.tax_rate).min(self.bill.tax);
        (on_all - before - self.corrected_tax).max(0)
    }
}

impl Invoice {
    /// What can be taken back, exactly.
    fn left(&self) -> Femto {
        match self.status {
            InvoiceStatus::Uncollectible => 0,
            _ => (self.net() - self.noted() - self.corrected).max(0),
        }
    }

    /// Gives back what is left of it, on the invoice of a month.
    fn give(&mut self, month: i64, given: Femto, of: Charged) -> TakenBack {
        let amount = cents(self.corrected + given) - cents(self.corrected);
        let tax = self.next_tax(amount);
        self.corrected += given;
        self.corrected_tax += tax;
        TakenBack {
            month,
            carrier: None,
            of,
            amount: -amount,
            tax: -tax,
            tax_rate: self.bill.tax_rate,
        }
    }
}

impl Reference {
    /// The first month from one on that takes charges.
    pub(super) fn first_open(&self, month: i64) -> i64 {
        let never_closed = month.max(self.open_month);
        let again = self.reopened.range(month..).next();
        again.map_or(never_closed, |again| never_closed.min(*again))
    }

    /// Takes back what a record added to the invoice of its month; answers what is given.
    pub(super) fn take_back(&mut self, original: &Record) -> Result<Femto, Refusal> {
        let month = original.invoice_month;
        let Some(index) = self.live_invoice(month) else {
            return Ok(0);
        };
        let at_once: Femto = self.taken_at_once(|of| of == month);
        let owed: Femto = self.charged(month).map(Record::net).sum();
        let share = match original.net() {
            0 => 0,
            net => half_up(at_once * net, owed),
        };
        let added = (original.final_cost() - share).max(0);
        let carrier = self.first_open(month);
        let invoice = &mut self.invoices[index];
        let left = invoice.left();
        if invoice.notes().next().is_some() && cents(added) > left {
            return Err("USAGE_ALREADY_CREDITED");
        }
        let given = added.min(left);
        let of = Charged::Usage {
            month: original.month,
            model: original.call.model.expect("a record has a model"),
            tokens: -original.tokens(),
        };
        let taken_back = invoice.give(carrier, given, of);
        self.taken_back.push(taken_back);
        Ok(given)
    }

    /// Takes an unused share of a fee back of the invoice that has it: without what coupons took of
    /// it.
    pub(super) fn take_back_fee(&mut self, index: usize, charged: &Line, unused: Fee) {
        let month = charged.month;
        let of_fees = self.invoices[index].bill.taken_by_coupons()
            - self
                .charged(month)
                .map(|record| record.discount)
                .sum::<Femto>()
            - self.taken_at_once(|of| of == month);
        let lines = self.lines.iter().filter(|line| line.month == month);
        let lines: Femto = lines.map(|line| line.amount).sum();
        let (mut paid_for, fee) = (-unused.amount, charged.amount);
        if of_fees > 0 {
            let of_fee = half_up(of_fees * fee.min(lines), lines).min(fee);
            paid_for = cents(paid_for - half_up(of_fee * paid_for.min(fee), fee));
        }
        let carrier = self.first_open(month_of(unused.at));
        let invoice = &mut self.invoices[index];
        let of = Charged::Fee {
            plan: unused.plan,
            period: unused.period,
        };
        let taken_back = invoice.give(carrier, paid_for.min(invoice.left()), of);
        if taken_back.amount != 0 {
            self.taken_back.push(taken_back);
        }
    }

    /// Has the running month take what fixed coupons have got back.
    pub(super) fn take_freed_value(&mut self) {
        let month = month_of(self.now);
        let after = taken(&self.redemptions, month, self.sum(month), Femto::MAX);
        let more = after.parts.iter().sum::<Femto>() - self.saved(month);
        if more > 0 {
            self.set_parts(month, &after);
            *self.caught_up.entry(month).or_insert(0) += more;
        }
    }

    /// What coupons took of usage that was there before, in some months.
    pub(super) fn taken_at_once(&self, months: impl Fn(i64) -> bool) -> Femto {
        let redeemed = self.redemptions.iter().filter(|r| months(r.month));
        let redeemed: Femto = redeemed.map(|r| r.taken_at_apply).sum();
        let caught_up = self.caught_up.iter().filter(|(month, _)| months(**month));
        redeemed + caught_up.map(|(_, amount)| amount).sum::<Femto>()
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
        let now = self.now;
        let invoice = &mut self.invoices[index];
        if [InvoiceStatus::Void, InvoiceStatus::Uncollectible].contains(&invoice.status) {
            return Err(MOVE_NOT_ALLOWED);
        }
        if amount > invoice.creditable() {
            return Err("INVALID_FIELD");
        }
        let (tax, due) = (invoice.next_tax(amount), invoice.amount_due());
        let applied = due.min(amount + tax);
        invoice.credit_notes.push(CreditNote {
            request_id: request_id.to_owned(),
            amount,
            tax,
            applied,
        });
        if due > 0 && applied == due {
            invoice.status = InvoiceStatus::Paid;
            invoice.paid_at = Some(now);
            invoice.payment_method = Some("credit_note");
        }
        self.credit_balance += amount + tax - applied;
        Ok(invoice.credit_notes.len() - 1)
    }

    /// Nobody is credited more than was charged.
    pub(super) fn check_credit(&self) -> Result<(), String> {
        let counted = self.invoices.iter();
        let counted = counted.filter(|invoice| invoice.status != InvoiceStatus::Void);
        let charged = counted.map(|i| i.bill.total - i.credit_applied - i.credit_noted());
        let (charged, credit) = (charged.sum::<Femto>(), self.credit_balance);
        if (0..=charged).contains(&credit) {
            Ok(())
        } else {
            Err(format!(
                "{credit} are credited of {charged} that were charged"
            ))
        }
    }
}
