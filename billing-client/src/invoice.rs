//! Users' invoices.

mod calls;
mod items;
mod month;
#[cfg(test)]
mod tests;

use billing_proto::v1;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

pub use self::{
    calls::{InvoiceQuery, NewCreditNote},
    items::{InvoiceDiscount, InvoiceItem, InvoiceItemPart, InvoiceItemType, InvoiceTax},
    month::{InvoiceDifference, MonthClosing, Reconciliation},
};
use crate::{Error, convert};

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvoiceStatus {
    /// Not issued.
    Draft,
    /// Issued and to be paid.
    Issued,
    /// Paid.
    Paid,
    /// Unpaid after its due date.
    Overdue,
    /// Void: nothing is owed, its charges are invoiced elsewhere.
    Void,
    /// Given up.
    Uncollectible,
    /// A status that this version of the client does not know.
    Unknown,
}

impl From<v1::InvoiceStatus> for InvoiceStatus {
    fn from(status: v1::InvoiceStatus) -> Self {
        match status {
            v1::InvoiceStatus::Unspecified => Self::Unknown,
            v1::InvoiceStatus::Draft => Self::Draft,
            v1::InvoiceStatus::Issued => Self::Issued,
            v1::InvoiceStatus::Paid => Self::Paid,
            v1::InvoiceStatus::Overdue => Self::Overdue,
            v1::InvoiceStatus::Void => Self::Void,
            v1::InvoiceStatus::Uncollectible => Self::Uncollectible,
        }
    }
}

impl From<InvoiceStatus> for v1::InvoiceStatus {
    fn from(status: InvoiceStatus) -> Self {
        match status {
            InvoiceStatus::Unknown => Self::Unspecified,
            InvoiceStatus::Draft => Self::Draft,
            InvoiceStatus::Issued => Self::Issued,
            InvoiceStatus::Paid => Self::Paid,
            InvoiceStatus::Overdue => Self::Overdue,
            InvoiceStatus::Void => Self::Void,
            InvoiceStatus::Uncollectible => Self::Uncollectible,
        }
    }
}

/// A user's invoice of a calendar month, or the draft of one. Amounts are in USD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invoice {
    /// The invoice's id; empty for a draft that is not kept.
    pub id: String,
    /// Who is to pay.
    pub user_id: String,
    /// The calendar month, `YYYY-MM` (UTC).
    pub billing_month: String,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// The sum of the items.
    pub amount: Decimal,
    /// What is to be paid: `amount` - `discount_amount` + `tax_amount`.
    pub final_amount: Decimal,
    /// The currency, ISO 4217.
    pub currency: String,
    /// The number, such as `INV-alice-2024-11`; empty for a draft.
    pub invoice_number: String,
    /// The charges, before discounts.
    pub items: Vec<InvoiceItem>,
    /// When it was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it is to be paid by.
    pub due_date: Option<DateTime<Utc>>,
    /// The sum of the discounts.
    pub discount_amount: Decimal,
    /// The tax.
    pub tax_amount: Decimal,
    /// The discounts.
    pub discounts: Vec<InvoiceDiscount>,
    /// The taxes.
    pub taxes: Vec<InvoiceTax>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// How it was paid; `none` when nothing was to be paid, `credit_balance` when the credit
    /// balance covered it.
    pub payment_method: Option<String>,
    /// The payment's id.
    pub transaction_id: Option<String>,
    /// The address at the time of issue.
    pub billing_address: String,
    /// Why it was voided.
    pub notes: String,
    /// What of `final_amount` the credit balance has paid.
    pub credit_applied: Decimal,
    /// What is left to be collected.
    pub amount_due: Decimal,
    /// What was credited of it, oldest first.
    pub credit_notes: Vec<CreditNote>,
}

impl TryFrom<v1::Invoice> for Invoice {
    type Error = Error;

    fn try_from(invoice: v1::Invoice) -> Result<Self, Error> {
        Ok(Self {
            status: invoice.status().into(),
            id: invoice.id,
            user_id: invoice.user_id,
            billing_month: invoice.billing_month,
            amount: convert::amount(invoice.amount, "amount")?,
            final_amount: convert::amount(invoice.final_amount, "final_amount")?,
            currency: invoice.currency,
            invoice_number: invoice.invoice_number,
            items: convert::list(invoice.items)?,
            issued_at: convert::optional_time(invoice.issued_at, "issued_at")?,
            due_date: convert::optional_time(invoice.due_date, "due_date")?,
            discount_amount: convert::amount(invoice.discount_amount, "discount_amount")?,
            tax_amount: convert::amount(invoice.tax_amount, "tax_amount")?,
            discounts: convert::list(invoice.discounts)?,
            taxes: convert::list(invoice.taxes)?,
            paid_at: convert::optional_time(invoice.paid_at, "paid_at")?,
            payment_method: invoice.payment_method,
            transaction_id: invoice.transaction_id,
            billing_address: invoice.billing_address,
            notes: invoice.notes,
            credit_applied: convert::amount(invoice.credit_applied, "credit_applied")?,
            amount_due: convert::amount(invoice.amount_due, "amount_due")?,
            credit_notes: convert::list(invoice.credit_notes)?,
        })
    }
}

/// A reduction of an issued invoice, which went into the user's credit balance. Amounts are in USD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreditNote {
    /// The credit note's id.
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The invoice's id.
    pub invoice_id: String,
    /// How much before tax.
    pub amount: Decimal,
    /// The tax on it at the invoice's rate.
    pub tax_amount: Decimal,
    /// What went to the credit balance.
    pub total: Decimal,
    /// Why.
    pub reason: String,
    /// The caller's id of the call that made it; empty when it had none.
    pub request_id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<v1::CreditNote> for CreditNote {
    type Error = Error;

    fn try_from(note: v1::CreditNote) -> Result<Self, Error> {
        Ok(Self {
            id: note.id,
            user_id: note.user_id,
            invoice_id: note.invoice_id,
            amount: convert::amount(note.amount, "amount")?,
            tax_amount: convert::amount(note.tax_amount, "tax_amount")?,
            total: convert::amount(note.total, "total")?,
            reason: note.reason,
            request_id: note.request_id,
            created_at: convert::time(note.created_at, "created_at")?,
        })
    }
}

/// One page of invoices, the latest month first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoicePage {
    /// The invoices.
    pub invoices: Vec<InvoiceSummary>,
    /// How many there are on all pages.
    pub total: i64,
}

impl TryFrom<v1::ListInvoicesResponse> for InvoicePage {
    type Error = Error;

    fn try_from(page: v1::ListInvoicesResponse) -> Result<Self, Error> {
        Ok(Self {
            invoices: convert::list(page.invoices)?,
            total: page.total,
        })
    }
}

/// An invoice in a list. Amounts are in USD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoiceSummary {
    /// The invoice's id.
    pub id: String,
    /// The number, such as `INV-alice-2024-11`; empty for a draft.
    pub invoice_number: String,
    /// The calendar month, `YYYY-MM` (UTC).
    pub billing_month: String,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// The sum of the items.
    pub amount: Decimal,
    /// When it was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it is to be paid by.
    pub due_date: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// What is to be paid.
    pub final_amount: Decimal,
}

impl TryFrom<v1::InvoiceSummary> for InvoiceSummary {
    type Error = Error;

    fn try_from(invoice: v1::InvoiceSummary) -> Result<Self, Error> {
        Ok(Self {
            status: invoice.status().into(),
            id: invoice.id,
            invoice_number: invoice.invoice_number,
            billing_month: invoice.billing_month,
            amount: convert::amount(invoice.amount, "amount")?,
            issued_at: convert::optional_time(invoice.issued_at, "issued_at")?,
            due_date: convert::optional_time(invoice.due_date, "due_date")?,
            paid_at: convert::optional_time(invoice.paid_at, "paid_at")?,
            final_amount: convert::amount(invoice.final_amount, "final_amount")?,
        })
    }
}
