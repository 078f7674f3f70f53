//! What the server asks of a database about invoices.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    document::{Series, SeriesName},
    ids::{CreditNoteId, InvoiceId, UserId},
    invoice::{CreditNote, CreditNoteOrder, Invoice, InvoiceStatus, Payment, Reconciled},
    month::Month,
};
use chrono::{DateTime, Utc};

use crate::StoreError;

/// Makes ids of invoices.
pub type NewInvoiceId = Arc<dyn Fn() -> InvoiceId + Send + Sync>;

/// Users' invoices: at most one per user and calendar month that is not void.
#[async_trait]
pub trait InvoiceStore: Send + Sync {
    /// Issues a user's invoice of a month that is over, or answers the one that there is. For the
    /// running month it answers a draft that is not stored.
    ///
    /// # Errors
    /// When the month has not begun, there is nothing to bill or the database fails.
    async fn generate_invoice(&self, order: InvoiceOrder) -> Result<Invoice, StoreError>;

    /// What [`InvoiceStore::generate_invoice`] would answer now, as a draft unless it is
    /// issued. Changes nothing.
    ///
    /// # Errors
    /// As [`InvoiceStore::generate_invoice`].
    async fn preview_invoice(&self, user_id: UserId, month: Month) -> Result<Invoice, StoreError>;

    /// At most `limit` invoices after the first `offset`, and how many there are: of one user the
    /// latest month first, of all users in the order of their ids.
    ///
    /// # Errors
    /// When the database fails.
    async fn invoices(
        &self,
        filter: InvoiceFilter,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<Invoice>, i64), StoreError>;

    /// At most `limit` invoices that come after one by id, in that order, of one user or of all.
    ///
    /// # Errors
    /// When the database fails.
    async fn invoices_after(
        &self,
        filter: InvoiceFilter,
        after: Option<InvoiceId>,
        limit: i64,
    ) -> Result<Vec<Invoice>, StoreError>;

    /// One invoice with its credit notes.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn invoice(&self, user_id: UserId, id: InvoiceId) -> Result<Invoice, StoreError>;

    /// Changes one invoice, which is answered.
    ///
    /// # Errors
    /// When there is none, its status does not allow it or the database fails.
    async fn change_invoice(
        &self,
        user_id: UserId,
        id: InvoiceId,
        change: InvoiceChange,
    ) -> Result<Invoice, StoreError>;

    /// Credits a part of an invoice and answers the note. A call with the request id of an earlier
    /// note answers with that one.
    ///
    /// # Errors
    /// When there is no such invoice, it cannot be credited as much or the database fails.
    async fn create_credit_note(&self, order: CreditNoteOrder) -> Result<CreditNote, StoreError>;

    /// At most `limit` credit notes of a user, or of all, newest first, those that come after one in
    /// that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn credit_notes(
        &self,
        user_id: Option<UserId>,
        after: Option<CreditNoteId>,
        limit: i64,
    ) -> Result<Vec<CreditNote>, StoreError>;

    /// For how many users a month is closed.
    ///
    /// # Errors
    /// When the database fails.
    async fn month_progress(&self, month: Month) -> Result<MonthProgress, StoreError>;

    /// Closes a month, and those before it, for at most `limit` users in one transaction: issues
    /// what is to be billed, and has later usage join later invoices. Any number of servers may do
    /// so at once, and a call that was interrupted is simply made again.
    ///
    /// # Errors
    /// When the database fails; within a chunk, the users that fail are answered.
    async fn close_month(
        &self,
        users: UsersToClose,
        limit: i64,
        new_id: NewInvoiceId,
    ) -> Result<ClosedUsers, StoreError>;

    /// Has at most `limit` unpaid invoices fall overdue whose due date is over, and answers
    /// how many.
    ///
    /// # Errors
    /// When the database fails.
    async fn mark_overdue(&self, limit: i64) -> Result<usize, StoreError>;

    /// The series of documents of all years, the latest year first.
    ///
    /// # Errors
    /// When the database fails.
    async fn document_series(&self) -> Result<Vec<Series>, StoreError>;

    /// Has the series of a year go on with a number, and answers it. It only goes forward.
    ///
    /// # Errors
    /// When documents take no numbers of the series, the number was taken already or the database
    /// fails.
    async fn set_document_series(
        &self,
        name: SeriesName,
        year: i32,
        next_number: i64,
    ) -> Result<Series, StoreError>;

    /// Checks the invoices of a month against the records and lines that they stand for, for at
    /// most `limit` users that come after one by id.
    ///
    /// # Errors
    /// When the database fails.
    async fn reconcile_month(
        &self,
        month: Month,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Reconciled, StoreError>;
}

/// An invoice to be made.
#[derive(Debug, Clone)]
pub struct InvoiceOrder {
    /// Who is to pay.
    pub user_id: UserId,
    /// The month.
    pub month: Month,
    /// The id of the invoice, if one is made.
    pub id: InvoiceId,
    /// Whether to keep a draft of a month that is over instead of issuing it.
    pub keep_draft: bool,
}

/// What becomes of an invoice.
#[derive(Debug, Clone)]
pub enum InvoiceChange {
    /// A kept draft is issued, with what is uninvoiced by then.
    Finalise,
    /// It is taken back, for a reason.
    Void {
        /// Why.
        reason: String,
        /// Whether its charges are given up instead of being invoiced again.
        write_off: bool,
    },
    /// It was paid outside the service.
    Pay(Payment),
}

/// Which invoices to list; what is set applies together.
#[derive(Debug, Clone, Default)]
pub struct InvoiceFilter {
    /// Whose invoices; `None` stands for all users.
    pub user_id: Option<UserId>,
    /// Those that stand like this.
    pub status: Option<InvoiceStatus>,
    /// Those of this month.
    pub month: Option<Month>,
    /// Those issued at or after this time (UTC).
    pub issued_from: Option<DateTime<Utc>>,
    /// Those issued before this time (UTC).
    pub issued_until: Option<DateTime<Utc>>,
    /// Only those that wait to be paid.
    pub unpaid: bool,
}

/// Users for whom a month is to be closed.
#[derive(Debug, Clone)]
pub struct UsersToClose {
    /// The month, which is over.
    pub month: Month,
    /// Only users who were known by then (UTC).
    pub known_by: Option<DateTime<Utc>>,
    /// Whether to look for users too of whom the month was closed before and is open again.
    pub reopened: bool,
    /// Only users that come after this one by id.
    pub after: Option<UserId>,
}

/// How far the closing of a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthProgress {
    /// Users for whom it is closed.
    pub closed: i64,
    /// All users.
    pub users: i64,
}

/// What became of some users' month.
#[derive(Debug, Clone, Default)]
pub struct ClosedUsers {
    /// How many are closed now.
    pub closed: i64,
    /// Who failed, and why.
    pub failed: Vec<(UserId, String)>,
    /// The last user looked at; `None` when there was nobody left.
    pub last: Option<UserId>,
}
