//! Billing a month: drafts, invoices, and what issuing, voiding and crediting them changes of the
//! account.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    catalog::Catalog,
    document::{Buyer, Seller, Snapshot},
    event::{EventData, InvoiceEvent},
    invoice::{
        Bill, Charges, CreditNote, CreditNoteOrder, Invoice, InvoiceRun, InvoiceStatus,
        InvoiceTransition, LiveInvoice, MonthToInvoice, Payment, Subtotal, invoice_number,
    },
    money::Money,
    month::Month,
    refusal::Refusal,
};

impl Account {
    /// What a month is invoiced at; `None` when there is nothing to bill.
    ///
    /// # Errors
    /// When an amount does not fit, or the catalog lacks what usage was charged by.
    pub fn bill(
        &self,
        month: Month,
        charges: &Charges,
        catalog: &Catalog,
    ) -> Result<Option<Bill>, Refusal> {
        let Some(subtotal) = Subtotal::new(month, charges, catalog)? else {
            return Ok(None);
        };
        let coupons = subtotal.coupons(month, &self.relations.redemptions)?;
        let bill = subtotal.bill(coupons, self.state.tax.charged())?;
        Ok(Some(bill))
    }

    /// The draft of a month's invoice, which is not kept. `charges` are those that are stored; fees
    /// that are due and not stored yet are added.
    ///
    /// # Errors
    /// When there is nothing to bill, an amount does not fit, or the catalog lacks what usage was
    /// charged by.
    pub fn draft(
        &self,
        month: Month,
        mut charges: Charges,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<Invoice, Refusal> {
        let due = self.pending.lines.iter().filter(|line| line.month == month);
        charges.lines.extend(due.cloned());
        let bill = self.bill(month, &charges, catalog)?;
        let bill = bill.ok_or(Refusal::NothingToBill(month))?;
        let mut draft = Invoice::draft(None, self.id().clone(), month, bill, now);
        draft.apply_credit(self.state.credit_balance)?;
        Ok(draft)
    }

    /// The account's invoice of a run, or the draft that is to be kept; `None` when there is
    /// nothing to bill or the month was issued before. A draft that was kept becomes the invoice.
    ///
    /// # Errors
    /// When an amount does not fit, or the catalog lacks what usage was charged by.
    pub fn invoice(
        &mut self,
        run: &InvoiceRun<'_>,
        stored: MonthToInvoice<'_>,
    ) -> Result<Option<Invoice>, Refusal> {
        let kept = stored.invoices.live;
        if kept.is_some_and(|live| live.status != InvoiceStatus::Draft) {
            return Ok(None);
        }
        let Some(bill) = self.bill(run.month, stored.charges, run.catalog)? else {
            return Ok(None);
        };
        let new = LiveInvoice {
            id: stored.new_id,
            status: InvoiceStatus::Draft,
            created_at: run.now,
        };
        let LiveInvoice { id, created_at, .. } = kept.unwrap_or(new);
        let mut invoice = Invoice::draft(Some(id), self.id().clone(), run.month, bill, run.now);
        invoice.created_at = created_at;
        if run.keep_drafts {
            invoice.apply_credit(self.state.credit_balance)?;
        } else {
            let number = invoice_number(self.id(), run.month, stored.invoices.voided);
            let (seller, buyer) = (run.seller.clone(), stored.buyer.clone());
            let snapshot = Snapshot::new(seller, buyer, self.state.tax.exemption);
            self.issue(&mut invoice, number, snapshot, stored.costs, run.now)?;
        }
        Ok(Some(invoice))
    }

    /// Issues a draft under a number: closes its month for the user's usage, fixes in cents what
    /// redemptions took, and pays what the credit balance can. Credit for more than the month
    /// charges goes there.
    fn issue(
        &mut self,
        draft: &mut Invoice,
        number: String,
        snapshot: Snapshot,
        costs: &BTreeMap<Month, Money>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let balance = self.state.credit_balance;
        self.state.credit_balance = draft.issue(number, snapshot, balance, now)?;
        self.close(draft.month, costs)?;
        self.settle(draft.month, &draft.bill)?;
        if draft.amount_due()? > Money::ZERO {
            self.ask_for_payment(now);
        }
        self.tell_of_issue(draft);
        Ok(())
    }

    /// Tells the world of a document that was issued, with the credit that came of it.
    pub(super) fn tell_of_issue(&mut self, invoice: &Invoice) {
        self.tell_of_invoice(InvoiceEvent::Issued, invoice);
        if invoice.status == InvoiceStatus::Paid {
            self.tell_of_invoice(InvoiceEvent::Paid, invoice);
        }
        for note in &invoice.credit_notes {
            self.tell(EventData::CreditNote(Arc::new(note.clone())));
        }
    }

    pub(super) fn tell_of_invoice(&mut self, event: InvoiceEvent, invoice: &Invoice) {
        self.tell(EventData::Invoice(event, Arc::new(invoice.clone())));
    }

    /// Records a payment of an invoice that was made elsewhere.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when nothing is to be paid.
    pub fn pay_invoice(
        &mut self,
        invoice: &mut Invoice,
        payment: Payment,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        invoice.pay(payment, now)?;
        self.tell_of_invoice(InvoiceEvent::Paid, invoice);
        Ok(())
    }

    /// Gives the charges of an invoice up for good, for a reason.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when the invoice is not unpaid.
    pub fn write_off_invoice(
        &mut self,
        invoice: &mut Invoice,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        invoice.write_off(reason, now)?;
        self.tell_of_invoice(InvoiceEvent::Voided, invoice);
        Ok(())
    }

    /// Has an unpaid invoice fall overdue whose due date is over.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when the invoice is not unpaid.
    pub fn note_overdue(
        &mut self,
        invoice: &mut Invoice,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        invoice.step(InvoiceTransition::FallDue, now)?;
        self.tell_of_invoice(InvoiceEvent::Overdue, invoice);
        Ok(())
    }

    /// Fixes in cents what redemptions took of a month.
    fn settle(&mut self, month: Month, bill: &Bill) -> Result<(), Refusal> {
        for redemption in &mut self.relations.redemptions {
            let taken = bill.taken_by(redemption.id);
            if redemption.settle(month, taken)? {
                self.pending.note_redemptions([redemption.id]);
            }
        }
        Ok(())
    }

    /// Has usage of a month that comes from now on join a later invoice. `costs` is what usage has
    /// cost by invoice month, from the earliest open month on: that of the months that are closed
    /// or passed becomes part of the closed cost. A month that is passed while records of it wait
    /// for an invoice stays open.
    ///
    /// # Errors
    /// When the closed cost does not fit.
    pub fn close(&mut self, month: Month, costs: &BTreeMap<Month, Money>) -> Result<(), Refusal> {
        let state = &self.state;
        let open = state.open_month;
        let is_closed_now = |of: Month| {
            let waits = state.uninvoiced.contains_key(&of);
            if of == month {
                state.is_open(of)
            } else {
                (open..month).contains(&of) && !waits
            }
        };
        let mut passed = costs.iter().filter(|(of, _)| is_closed_now(**of));
        let closed_cost = passed.try_fold(state.closed_cost, |sum, (_, cost)| sum.plus(*cost));
        self.state.closed_cost = closed_cost?;
        self.state.uninvoiced.remove(&month);
        self.state.open_month = open.max(month.next());
        self.pending.note_all();
        Ok(())
    }

    /// Takes back an unpaid invoice and opens its month again: its charges, which are given, are
    /// uninvoiced, and what it had of the credit balance and of coupons is given back. Its credit
    /// notes have only lowered what it asked for, and go with it.
    ///
    /// # Errors
    /// When the invoice is not unpaid, voided records were taken back of it and would be charged
    /// again, or an amount does not fit.
    pub fn void_invoice(
        &mut self,
        invoice: &mut Invoice,
        charges: &Charges,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let was_issued = invoice.status != InvoiceStatus::Draft;
        invoice.step(InvoiceTransition::Void, now)?;
        invoice.check_nothing_taken_back()?;
        invoice.notes = reason;
        if !was_issued {
            return Ok(());
        }
        let credit = &mut self.state.credit_balance;
        *credit = credit.plus(invoice.credit_applied)?;
        let month = invoice.month;
        self.state.closed_cost = self.state.closed_cost.minus(charges.cost_of_records()?)?;
        self.state
            .uninvoiced
            .insert(month, charges.owed_by_records()?);
        for redemption in &mut self.relations.redemptions {
            if let Some(discount) = invoice.bill.discount_of(redemption.id) {
                redemption.reopen(month, discount.exact, discount.amount)?;
                self.pending.note_redemptions([redemption.id]);
            }
        }
        self.tell_of_invoice(InvoiceEvent::Voided, invoice);
        self.pending.note_all();
        Ok(())
    }

    /// Credits a part of an invoice, and answers the note, which names `parties`: who sells, and
    /// who buys. What the invoice does not ask for any more goes to the balance.
    ///
    /// # Errors
    /// When the invoice was not issued or is void, its credit notes would exceed its charges, or an
    /// amount does not fit.
    pub fn credit(
        &mut self,
        invoice: &mut Invoice,
        order: CreditNoteOrder,
        parties: (Seller, Buyer),
        now: DateTime<Utc>,
    ) -> Result<CreditNote, Refusal> {
        let was_paid = invoice.status == InvoiceStatus::Paid;
        let note = invoice.credit(order, parties, now)?;
        let balance = self.state.credit_balance.plus(note.to_balance()?)?;
        self.state.credit_balance = balance;
        self.tell(EventData::CreditNote(Arc::new(note.clone())));
        if !was_paid && invoice.status == InvoiceStatus::Paid {
            self.tell_of_invoice(InvoiceEvent::Paid, invoice);
        }
        self.pending.note_all();
        Ok(note)
    }
}

#[cfg(test)]
mod tests;
