//! Invoices (contract, chapter 9): what a month is invoiced at, and what becomes of invoices.

mod bill;
mod groups;
mod items;
mod lifecycle;
mod reconcile;
mod reduce;
mod run;
mod status;
mod subtotal;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use self::run::invoice_number;
pub use self::{
    bill::{Bill, CouponPart, Discount, DiscountSource},
    items::{
        Charges, Corrected, Correction, InvoiceLine, Item, ItemKind, ItemPart, LineKind, PartKind,
        Unit, UsageSum,
    },
    lifecycle::{Cancellation, Payment},
    reconcile::{CarriedCorrection, CarriedLine, Difference, Mismatch, Reconciled, UserMonth},
    reduce::{ChargedFee, CreditNoteOrder, InvoicedFee, InvoicedMonth, Reduction},
    run::{InvoiceRun, LiveInvoice, MonthInvoices, MonthToInvoice, Requested},
    status::{InvoiceStatus, InvoiceTransition},
    subtotal::Subtotal,
};
use crate::{
    document::Snapshot,
    ids::{CreditNoteId, InvoiceId, RequestId, UserId},
    money::{CENTS, Money, NumberError, Rate},
    month::Month,
};

/// After how many days an invoice is due.
pub const DUE_AFTER: TimeDelta = TimeDelta::days(30);
/// How an invoice is paid that asks for nothing.
pub const PAID_BY_NOTHING: &str = "none";
/// How an invoice is paid that the credit balance covers.
pub const PAID_BY_CREDIT: &str = "credit_balance";
/// How an invoice is paid of which credit notes have left nothing.
pub const PAID_BY_NOTE: &str = "credit_note";
/// How an invoice is paid that brings no money in.
pub const PAID_WITHOUT_MONEY: [&str; 3] = [PAID_BY_NOTHING, PAID_BY_CREDIT, PAID_BY_NOTE];
/// The longest name of how an invoice was paid, in characters.
pub const MAX_PAYMENT_METHOD: usize = 100;

/// An invoice, or the draft of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// The invoice; `None` for a draft that is not kept.
    pub id: Option<InvoiceId>,
    /// Who is to pay.
    pub user_id: UserId,
    /// The month.
    pub month: Month,
    /// Its status.
    pub status: InvoiceStatus,
    /// Whether it is the receipt of a top-up, which was paid before, and no invoice of the month.
    pub is_receipt: bool,
    /// The number; empty for a draft.
    pub number: String,
    /// The number in the series of invoices; empty for a draft.
    pub document_number: String,
    /// What it says of its parties and of tax, as it was when it was issued; `None` for a draft.
    pub snapshot: Option<Snapshot>,
    /// The document that cancels it; `None` unless it was issued and is void.
    pub cancellation: Option<Cancellation>,
    /// What is charged.
    pub bill: Bill,
    /// What of the total the credit balance has paid, in USD.
    pub credit_applied: Money,
    /// What of the total credit notes have taken off, in USD.
    pub credit_noted: Money,
    /// What voided records have taken back of it before tax, exactly, in USD.
    pub corrected: Money,
    /// The tax that went with it, in USD and whole cents.
    pub corrected_tax: Money,
    /// Where to send it, as it was when it was issued.
    pub billing_address: String,
    /// When it was issued (UTC).
    pub issued_at: Option<DateTime<Utc>>,
    /// When it is to be paid by (UTC).
    pub due_date: Option<DateTime<Utc>>,
    /// When it was paid (UTC).
    pub paid_at: Option<DateTime<Utc>>,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// The payment's id.
    pub transaction_id: Option<String>,
    /// Why it was voided.
    pub notes: String,
    /// What was credited of it, oldest first; empty when not wanted.
    pub credit_notes: Vec<CreditNote>,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When it last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// A reduction of an invoice that was issued: of what it still asks for, and what is beyond that
/// goes into the user's credit balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote {
    /// The credit note.
    pub id: CreditNoteId,
    /// Its number.
    pub number: String,
    /// The number in the series of credit notes; empty before the note has one.
    pub document_number: String,
    /// What it says of its parties and of tax, as it was when it was made.
    pub snapshot: Snapshot,
    /// The user.
    pub user_id: UserId,
    /// The invoice that it reduces.
    pub invoice_id: InvoiceId,
    /// How much before tax, in USD and whole cents.
    pub amount: Money,
    /// The tax on it at the invoice's rate, in USD and whole cents.
    pub tax_amount: Money,
    /// How much of it, tax included, the invoice no longer asks for, in USD.
    pub applied: Money,
    /// Why.
    pub reason: String,
    /// The caller's id of the call that made it.
    pub request_id: Option<RequestId>,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
}

impl CreditNote {
    /// What it is over, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn total(&self) -> Result<Money, NumberError> {
        self.amount.plus(self.tax_amount)
    }

    /// What it adds to the credit balance, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn to_balance(&self) -> Result<Money, NumberError> {
        self.total()?.minus(self.applied)
    }
}

/// The tax on whole cents, rounded once: the product with a rate of 4 decimals is exact before.
fn tax(net: Money, rate: Rate) -> Result<Money, NumberError> {
    net.at_rate(rate)?.rounded(CENTS)
}

fn sum(
    amounts: impl IntoIterator<Item = Result<Money, NumberError>>,
) -> Result<Money, NumberError> {
    let mut amounts = amounts.into_iter();
    amounts.try_fold(Money::ZERO, |sum, amount| sum.plus(amount?))
}

#[cfg(test)]
mod tests;
