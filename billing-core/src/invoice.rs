//! Invoices (contract, section 6): what a month is invoiced at, and what becomes of an invoice.

mod bill;
mod check;
mod issue;
mod items;
mod status;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::{
    bill::{Bill, CouponPart, Discount, DiscountSource, Draft},
    check::Mismatch,
    issue::{Payer, Payment},
    items::{Charges, Item, ItemKind, ItemPart, PartKind, UsageSum},
    status::{InvoiceMove, InvoiceStatus},
};
use crate::{
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
    /// Where it stands.
    pub status: InvoiceStatus,
    /// The number; empty for a draft.
    pub number: String,
    /// What is charged.
    pub bill: Bill,
    /// What of the total the credit balance has paid, in USD.
    pub credit_applied: Money,
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

/// A reduction of an invoice that was issued, which went into the user's credit balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote {
    /// The credit note.
    pub id: CreditNoteId,
    /// The user.
    pub user_id: UserId,
    /// The invoice that it reduces.
    pub invoice_id: InvoiceId,
    /// How much before tax, in USD and whole cents.
    pub amount: Money,
    /// The tax on it at the invoice's rate, in USD and whole cents.
    pub tax_amount: Money,
    /// Why.
    pub reason: String,
    /// The caller's id of the call that made it.
    pub request_id: Option<RequestId>,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
}

/// Why an invoice cannot be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    /// The month has not begun.
    #[error("must not be in the future")]
    FutureMonth,
    /// The month is not over.
    #[error("must be over")]
    RunningMonth,
    /// No charges.
    #[error("there is nothing to bill")]
    NothingToBill,
    /// No such invoice.
    #[error("there is no such invoice")]
    NotFound,
    /// Where the invoice stands does not allow it.
    #[error("the invoice is {0}")]
    MoveNotAllowed(&'static str),
    /// More than is left of the invoice.
    #[error("must be at most {0}, what earlier credit notes have left of the invoice")]
    CreditTooHigh(Money),
    /// The request id made another credit note.
    #[error("the request id was used for another credit note")]
    RequestConflict,
    /// An amount does not fit.
    #[error("an amount {0}")]
    TooLarge(#[from] NumberError),
}

impl Invoice {
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

    /// A credit note over a part of the invoice, at the invoice's tax rate.
    ///
    /// # Errors
    /// When the invoice was not issued or is void, or its credit notes would exceed its charges.
    pub fn credit(
        &self,
        id: CreditNoteId,
        amount: Money,
        reason: String,
        request_id: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<CreditNote, InvoiceRefusal> {
        let invoice_id = self.id.clone().ok_or(InvoiceRefusal::NotFound)?;
        if !self.status.may_be_credited() {
            return Err(InvoiceRefusal::MoveNotAllowed(self.status.name()));
        }
        let mut left = self.bill.net()?;
        for earlier in &self.credit_notes {
            left = left.minus(earlier.amount)?;
        }
        if amount > left {
            return Err(InvoiceRefusal::CreditTooHigh(left));
        }
        let tax_amount = tax(amount, self.bill.tax_rate)?;
        Ok(CreditNote {
            id,
            user_id: self.user_id.clone(),
            invoice_id,
            amount,
            tax_amount,
            reason,
            request_id,
            created_at: now,
        })
    }
}

impl CreditNote {
    /// What it adds to the credit balance, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn total(&self) -> Result<Money, NumberError> {
        self.amount.plus(self.tax_amount)
    }
}

/// The number of a user's invoice for a month, of which `voided` were voided before.
#[must_use]
pub fn invoice_number(user_id: &UserId, month: Month, voided: i64) -> String {
    let again = voided.saturating_add(1);
    if again == 1 {
        format!("INV-{user_id}-{month}")
    } else {
        format!("INV-{user_id}-{month}-{again}")
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
