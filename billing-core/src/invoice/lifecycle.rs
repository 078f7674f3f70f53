//! What becomes of one invoice: issued, paid, given up, void.

use chrono::{DateTime, Utc};

use super::{
    Bill, CreditNote, DUE_AFTER, Invoice, InvoiceStatus, InvoiceTransition, PAID_BY_CREDIT,
    PAID_BY_NOTHING,
};
use crate::{
    document::{Numbered, Snapshot},
    ids::{InvoiceId, UserId},
    money::{Money, NumberError},
    month::Month,
    quota_window::Span,
    refusal::Refusal,
};

/// How an invoice was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The means, such as "bank transfer".
    pub method: String,
    /// The payment's id.
    pub transaction_id: Option<String>,
}

impl Payment {
    /// One that moves no money.
    pub(super) fn by(method: &str) -> Self {
        Self {
            method: method.to_owned(),
            transaction_id: None,
        }
    }
}

/// The document that cancels an invoice which was voided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// The number in the series of credit notes.
    pub number: String,
    /// The date (UTC).
    pub at: DateTime<Utc>,
}

impl Invoice {
    /// A draft of a bill.
    #[must_use]
    pub fn draft(
        id: Option<InvoiceId>,
        user_id: UserId,
        month: Month,
        bill: Bill,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            user_id,
            month,
            status: InvoiceStatus::Draft,
            is_receipt: false,
            number: String::new(),
            document_number: String::new(),
            snapshot: None,
            cancellation: None,
            bill,
            credit_applied: Money::ZERO,
            credit_noted: Money::ZERO,
            corrected: Money::ZERO,
            corrected_tax: Money::ZERO,
            billing_address: String::new(),
            issued_at: None,
            due_date: None,
            paid_at: None,
            payment_method: None,
            transaction_id: None,
            notes: String::new(),
            credit_notes: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// What is left to be collected, in USD, of a draft once it is issued: nothing after it is paid,
    /// void or given up.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn amount_due(&self) -> Result<Money, NumberError> {
        if self.status == InvoiceStatus::Draft || self.status.is_collectible() {
            let left = self.bill.final_amount.minus(self.credit_applied)?;
            left.minus(self.credit_noted)
        } else {
            Ok(Money::ZERO)
        }
    }

    /// What it is for: its month, and what its fees pay for beyond that. `None` for a receipt, whose
    /// tokens never expire.
    #[must_use]
    pub fn service_period(&self) -> Option<Span> {
        if self.is_receipt {
            return None;
        }
        let month = Span {
            start: self.month.start(),
            end: self.month.next().start(),
        };
        let items = self.bill.items.iter();
        let fees = items.filter_map(|item| item.period_start.zip(item.period_end));
        Some(fees.fold(month, |all, (start, end)| Span {
            start: all.start.min(start),
            end: all.end.max(end),
        }))
    }

    /// Has the credit balance, of `credit` USD, pay what it can, and answers what is left of it.
    /// What exceeds the month's charges joins it first.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub(crate) fn apply_credit(&mut self, credit: Money) -> Result<Money, NumberError> {
        let (bill, none) = (&self.bill, Money::ZERO);
        let credit = credit.plus(bill.credited)?.plus(bill.credited_tax)?;
        self.credit_applied = bill.final_amount.min(credit).max(none);
        credit.minus(self.credit_applied)
    }

    /// Whether the draft may be issued: one that was issued before never is again.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`].
    pub fn check_draft(&self) -> Result<(), Refusal> {
        match self.status {
            InvoiceStatus::Draft => Ok(()),
            _ => Err(self.refused()),
        }
    }

    /// Makes a transition.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when the status does not allow it.
    pub fn step(
        &mut self,
        transition: InvoiceTransition,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let next = self.status.after(transition);
        self.status = next.ok_or_else(|| self.refused())?;
        self.updated_at = now;
        Ok(())
    }

    /// The invoice's id, when it waits to be paid.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when nothing is to be paid.
    pub(crate) fn check_payable(&self) -> Result<InvoiceId, Refusal> {
        self.id
            .filter(|_| self.status.is_collectible())
            .ok_or_else(|| self.refused())
    }

    /// Records a payment.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when nothing is to be paid.
    pub(crate) fn pay(&mut self, payment: Payment, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.step(InvoiceTransition::Pay, now)?;
        self.paid_at = Some(now);
        self.payment_method = Some(payment.method);
        self.transaction_id = payment.transaction_id;
        Ok(())
    }

    /// Takes a payment back that the payer's bank has taken back: the invoice is due again.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when the invoice is not paid.
    pub(crate) fn charge_back(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.step(InvoiceTransition::ChargeBack, now)?;
        self.paid_at = None;
        self.payment_method = None;
        self.transaction_id = None;
        Ok(())
    }

    /// Gives the charges up for good, for a reason.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when the invoice is not unpaid.
    pub(crate) fn write_off(&mut self, reason: String, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.step(InvoiceTransition::WriteOff, now)?;
        self.notes = reason;
        Ok(())
    }

    /// Issues the draft under a number. The credit balance, of `credit` USD, pays what it can; what
    /// exceeds the month's charges is credited. Answers what is left of the balance.
    ///
    /// # Errors
    /// When it was issued before or an amount does not fit.
    pub(crate) fn issue(
        &mut self,
        number: String,
        snapshot: Snapshot,
        credit: Money,
        now: DateTime<Utc>,
    ) -> Result<Money, Refusal> {
        self.step(InvoiceTransition::Issue, now)?;
        self.number = number;
        snapshot.buyer.address.clone_into(&mut self.billing_address);
        self.issued_at = Some(now);
        self.due_date = now.checked_add_signed(DUE_AFTER);
        self.credit_notes.extend(self.own_credit(&snapshot, now));
        self.snapshot = Some(snapshot);
        let left = self.apply_credit(credit)?;
        let total = self.bill.final_amount;
        if self.credit_applied == total {
            let method = match total {
                Money::ZERO => PAID_BY_NOTHING,
                _ => PAID_BY_CREDIT,
            };
            self.pay(Payment::by(method), now)?;
        }
        Ok(left)
    }

    /// Gives the issued invoice its number and with it its date, which is not before that of the
    /// document before. What happened when it was issued has that date too.
    pub fn take_number(&mut self, numbered: Numbered) {
        let Numbered { number, at } = numbered;
        self.document_number = number;
        self.issued_at = Some(at);
        // A receipt, which was paid before, is never due.
        self.due_date = self.due_date.and(at.checked_add_signed(DUE_AFTER));
        self.paid_at = self.paid_at.map(|paid| paid.max(at));
        self.updated_at = self.updated_at.max(at);
    }

    /// Whether a document is to say that the invoice no longer holds: it is void, and had a number.
    #[must_use]
    pub fn wants_cancellation(&self) -> bool {
        let had_number = !self.document_number.is_empty();
        self.status == InvoiceStatus::Void && had_number && self.cancellation.is_none()
    }

    /// Cancels the void invoice by a document of its own.
    pub fn cancel(&mut self, numbered: Numbered) {
        let Numbered { number, at } = numbered;
        self.cancellation = Some(Cancellation { number, at });
        self.updated_at = self.updated_at.max(at);
    }

    /// Why what is asked for cannot be done with an invoice of this status.
    pub(super) fn refused(&self) -> Refusal {
        match self.id {
            Some(id) => Refusal::InvoiceTransition {
                id,
                status: self.status.name(),
            },
            // Nobody can name a draft that is not kept.
            None => Refusal::InvoiceNotFound(String::new()),
        }
    }
}

impl CreditNote {
    /// Gives the note its number and with it its date, which is not before that of the document
    /// before.
    pub fn take_number(&mut self, numbered: Numbered) {
        self.document_number = numbered.number;
        self.created_at = numbered.at;
    }
}
