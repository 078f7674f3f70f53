//! A run over the invoices of a month, of one user or of many.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Charges, InvoiceStatus};
use crate::{
    catalog::Catalog,
    document::{Buyer, Seller},
    ids::{InvoiceId, UserId},
    money::Money,
    month::Month,
    refusal::Refusal,
};

/// Which invoices to make, and how.
#[derive(Debug, Clone, Copy)]
pub struct InvoiceRun<'a> {
    /// The month, which is over.
    pub month: Month,
    /// Prices and plans.
    pub catalog: &'a Catalog,
    /// Who sells.
    pub seller: &'a Seller,
    /// Whether to keep drafts instead of issuing.
    pub keep_drafts: bool,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What is stored of a user's month that is to be invoiced.
#[derive(Debug, Clone, Copy)]
pub struct MonthToInvoice<'a> {
    /// The invoices that there are.
    pub invoices: MonthInvoices,
    /// What no invoice carries yet.
    pub charges: &'a Charges,
    /// What usage has cost by invoice month, from the account's open month to this one, in USD.
    pub costs: &'a BTreeMap<Month, Money>,
    /// Who buys.
    pub buyer: &'a Buyer,
    /// The id of the invoice, if it is a new one.
    pub new_id: InvoiceId,
}

/// What there is of a user's invoices of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthInvoices {
    /// The one that is not void.
    pub live: Option<LiveInvoice>,
    /// How many are void.
    pub voided: i64,
}

/// An invoice that is not void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveInvoice {
    /// The invoice.
    pub id: InvoiceId,
    /// Its status.
    pub status: InvoiceStatus,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
}

/// What a call that asks for a month's invoice gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    /// The invoice that there is.
    Stored(InvoiceId),
    /// A draft that is not kept.
    Draft,
    /// An invoice, or a draft that is kept.
    New,
}

impl Requested {
    /// What a call to generate a month's invoice gets. A month is issued once, and only when it is
    /// over.
    ///
    /// # Errors
    /// When the month has not begun.
    pub fn generated(
        month: Month,
        live: Option<LiveInvoice>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let running = Month::of(now);
        match live {
            _ if month > running => Err(Refusal::month_in_future()),
            Some(live) if live.status != InvoiceStatus::Draft => Ok(Self::Stored(live.id)),
            _ if month == running => Ok(Self::Draft),
            _ => Ok(Self::New),
        }
    }

    /// What a call to preview a month's invoice gets.
    ///
    /// # Errors
    /// When the month has not begun.
    pub fn previewed(
        month: Month,
        live: Option<LiveInvoice>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        match live {
            Some(live) => Ok(Self::Stored(live.id)),
            None if month > Month::of(now) => Err(Refusal::month_in_future()),
            None => Ok(Self::Draft),
        }
    }
}

impl MonthInvoices {
    /// Counts one more of the month's invoices.
    pub fn add(&mut self, invoice: LiveInvoice) {
        if invoice.status == InvoiceStatus::Void {
            self.voided = self.voided.saturating_add(1);
        } else {
            self.live = Some(invoice);
        }
    }
}

/// The number of a user's invoice for a month, of which `voided` were voided before.
#[must_use]
pub(crate) fn invoice_number(user_id: &UserId, month: Month, voided: i64) -> String {
    let again = voided.saturating_add(1);
    if again == 1 {
        format!("INV-{user_id}-{month}")
    } else {
        format!("INV-{user_id}-{month}-{again}")
    }
}
