//! What becomes of one invoice: issued, paid, credited, void.

use chrono::{DateTime, Utc};

use super::{
    Bill, CreditNote, DUE_AFTER, Invoice, InvoiceStatus, InvoiceTransition, PAID_BY_CREDIT,
    PAID_BY_NOTHING, tax,
};
use crate::{
    ids::{CreditNoteId, InvoiceId, RequestId, UserId},
    money::{Money, NumberError},
    month::Month,
    refusal::Refusal,
};

/// Why there is a credit note that nobody asked for.
const CREDIT_REASON: &str = "Corrections exceed the month's charges";

/// How an invoice was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The means, such as "bank transfer".
    pub method: String,
    /// The payment's id.
    pub transaction_id: Option<String>,
}

/// A credit note to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteOrder {
    /// Whose invoice.
    pub user_id: UserId,
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// The id of the note, if one is made.
    pub id: CreditNoteId,
    /// How much before tax, in USD and whole cents, above 0.
    pub amount: Money,
    /// Why.
    pub reason: String,
    /// The caller's id of the call.
    pub request_id: Option<RequestId>,
}

impl CreditNoteOrder {
    /// Compares the order with the note that a call with the same request id has made.
    ///
    /// # Errors
    /// [`Refusal::CreditNoteConflict`] when the order asks for another one.
    pub fn check_repeat(&self, earlier: &CreditNote) -> Result<(), Refusal> {
        let same = earlier.invoice_id == self.invoice_id
            && earlier.amount == self.amount
            && earlier.reason == self.reason;
        if same {
            Ok(())
        } else {
            Err(Refusal::CreditNoteConflict(self.invoice_id))
        }
    }
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
            number: String::new(),
            bill,
            credit_applied: Money::ZERO,
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

    /// What is left to be collected, in USD: nothing once it is paid or void.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn amount_due(&self) -> Result<Money, NumberError> {
        if self.status.is_collectible() {
            self.bill.final_amount.minus(self.credit_applied)
        } else {
            Ok(Money::ZERO)
        }
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

    /// Records a payment.
    ///
    /// # Errors
    /// [`Refusal::InvoiceTransition`] when nothing is to be paid.
    pub fn pay(&mut self, payment: Payment, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.step(InvoiceTransition::Pay, now)?;
        self.paid_at = Some(now);
        self.payment_method = Some(payment.method);
        self.transaction_id = payment.transaction_id;
        Ok(())
    }

    /// Issues the draft under a number. The credit balance, of `credit` USD, pays what it can; what
    /// exceeds the month's charges is credited.
    ///
    /// # Errors
    /// When it was issued before or an amount does not fit.
    pub(crate) fn issue(
        &mut self,
        number: String,
        billing_address: &str,
        credit: Money,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.step(InvoiceTransition::Issue, now)?;
        self.number = number;
        billing_address.clone_into(&mut self.billing_address);
        self.issued_at = Some(now);
        self.due_date = now.checked_add_signed(DUE_AFTER);
        let total = self.bill.final_amount;
        self.credit_applied = total.min(credit).max(Money::ZERO);
        if self.credit_applied == total {
            let method = match total {
                Money::ZERO => PAID_BY_NOTHING,
                _ => PAID_BY_CREDIT,
            };
            let payment = Payment {
                method: method.to_owned(),
                transaction_id: None,
            };
            self.pay(payment, now)?;
        }
        self.credit_notes.extend(self.own_credit(now)?);
        Ok(())
    }

    /// What exceeds the month's charges, as a credit note.
    fn own_credit(&self, now: DateTime<Utc>) -> Result<Option<CreditNote>, NumberError> {
        let amount = self.bill.credited;
        let Some(invoice_id) = self.id.filter(|_| amount != Money::ZERO) else {
            return Ok(None);
        };
        Ok(Some(CreditNote {
            // An invoice makes at most one such note.
            id: CreditNoteId::new(invoice_id.uuid()),
            user_id: self.user_id.clone(),
            tax_amount: tax(amount, self.bill.tax_rate)?,
            invoice_id,
            amount,
            reason: CREDIT_REASON.to_owned(),
            request_id: None,
            created_at: now,
        }))
    }

    /// A credit note over a part of the invoice, at the invoice's tax rate.
    ///
    /// # Errors
    /// When the invoice was not issued or is void, or its credit notes would exceed its charges.
    pub fn credit(
        &self,
        order: CreditNoteOrder,
        now: DateTime<Utc>,
    ) -> Result<CreditNote, Refusal> {
        if !self.status.is_issued() {
            return Err(self.refused());
        }
        let mut left = self.bill.net()?;
        for earlier in &self.credit_notes {
            left = left.minus(earlier.amount)?;
        }
        if order.amount > left {
            return Err(Refusal::credit_too_high(left));
        }
        Ok(CreditNote {
            id: order.id,
            user_id: order.user_id,
            invoice_id: order.invoice_id,
            amount: order.amount,
            tax_amount: tax(order.amount, self.bill.tax_rate)?,
            reason: order.reason,
            request_id: order.request_id,
            created_at: now,
        })
    }

    /// Why what is asked for cannot be done with an invoice of this status.
    fn refused(&self) -> Refusal {
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
