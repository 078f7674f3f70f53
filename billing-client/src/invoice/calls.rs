//! The calls about single invoices.

use billing_proto::v1::{self, Amount, invoice_service_client::InvoiceServiceClient};
use rust_decimal::Decimal;

use super::{CreditNote, Invoice, InvoicePage, InvoiceStatus};
use crate::{BillingClient, Error};

impl BillingClient {
    /// Issues a user's invoice of a calendar month that is over, `YYYY-MM`; again, it answers with
    /// the same invoice. For the running month it answers a draft that is not kept. An empty
    /// `user_id` means the token's subject, here as in every call.
    ///
    /// # Errors
    /// `INVOICE_NOTHING_TO_BILL` without charges, `INVALID_FIELD` for a month in the future.
    pub async fn generate_invoice(
        &self,
        user_id: impl Into<String>,
        billing_month: impl Into<String>,
    ) -> Result<Invoice, Error> {
        self.generate(user_id.into(), billing_month.into(), false)
            .await
    }

    /// Keeps a draft of a month that is over instead of issuing it, until
    /// [`Self::finalise_invoice`] or the month-end job does.
    ///
    /// # Errors
    /// As [`Self::generate_invoice`], and `SCOPE_MISSING` unless the token has the scope `admin`.
    pub async fn keep_invoice_draft(
        &self,
        user_id: impl Into<String>,
        billing_month: impl Into<String>,
    ) -> Result<Invoice, Error> {
        self.generate(user_id.into(), billing_month.into(), true)
            .await
    }

    async fn generate(
        &self,
        user_id: String,
        billing_month: String,
        keep_draft: bool,
    ) -> Result<Invoice, Error> {
        let message = v1::GenerateInvoiceRequest {
            billing_month,
            user_id,
            keep_draft,
        };
        let answer = self.call(message, |service, request| async move {
            InvoiceServiceClient::new(service)
                .generate_invoice(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Answers what [`Self::generate_invoice`] would, as a draft, and keeps nothing.
    ///
    /// # Errors
    /// As [`Self::generate_invoice`].
    pub async fn preview_invoice(
        &self,
        user_id: impl Into<String>,
        billing_month: impl Into<String>,
    ) -> Result<Invoice, Error> {
        let message = v1::PreviewInvoiceRequest {
            billing_month: billing_month.into(),
            user_id: user_id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            InvoiceServiceClient::new(service)
                .preview_invoice(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Lists one page of a user's invoices, the latest month first.
    ///
    /// # Errors
    /// `INVALID_FIELD` for a page below 1, `OTHER_USER` when the token does not allow it.
    pub async fn list_invoices(&self, query: InvoiceQuery) -> Result<InvoicePage, Error> {
        let answer = self.call(query.0, |service, request| async move {
            InvoiceServiceClient::new(service)
                .list_invoices(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Reads one invoice of a user.
    ///
    /// # Errors
    /// `INVOICE_NOT_FOUND` when the user has no such invoice.
    pub async fn invoice(
        &self,
        user_id: impl Into<String>,
        id: impl Into<String>,
    ) -> Result<Invoice, Error> {
        let message = v1::GetInvoiceRequest {
            user_id: user_id.into(),
            id: id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            InvoiceServiceClient::new(service)
                .get_invoice(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Issues a draft that was kept, with what is uninvoiced by then.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `INVOICE_NOT_FOUND`, and
    /// `INVOICE_MOVE_NOT_ALLOWED` for anything but a draft, also one that an attempt issued whose
    /// answer was lost.
    pub async fn finalise_invoice(
        &self,
        user_id: impl Into<String>,
        id: impl Into<String>,
    ) -> Result<Invoice, Error> {
        let message = v1::FinaliseInvoiceRequest {
            user_id: user_id.into(),
            id: id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            InvoiceServiceClient::new(service)
                .finalise_invoice(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Voids an unpaid invoice; its charges can be invoiced again. `reason` may be empty.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `INVOICE_NOT_FOUND`, and
    /// `INVOICE_MOVE_NOT_ALLOWED` for one that is paid or void, also one that an attempt voided
    /// whose answer was lost.
    pub async fn void_invoice(
        &self,
        user_id: impl Into<String>,
        id: impl Into<String>,
        reason: impl Into<String>,
    ) -> Result<Invoice, Error> {
        let message = v1::VoidInvoiceRequest {
            user_id: user_id.into(),
            id: id.into(),
            reason: reason.into(),
        };
        let answer = self.call(message, |service, request| async move {
            InvoiceServiceClient::new(service)
                .void_invoice(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Records that an invoice was paid outside the service, such as by "bank transfer".
    /// `transaction_id` may be empty.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `INVOICE_NOT_FOUND`, and
    /// `INVOICE_MOVE_NOT_ALLOWED` when nothing is to be paid, also when an attempt recorded it
    /// whose answer was lost.
    pub async fn mark_invoice_paid(
        &self,
        user_id: impl Into<String>,
        id: impl Into<String>,
        payment_method: impl Into<String>,
        transaction_id: impl Into<String>,
    ) -> Result<Invoice, Error> {
        let message = v1::MarkInvoicePaidRequest {
            user_id: user_id.into(),
            id: id.into(),
            payment_method: payment_method.into(),
            transaction_id: transaction_id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            InvoiceServiceClient::new(service)
                .mark_invoice_paid(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Reduces an issued invoice; the amount and the tax on it go to the user's credit balance.
    /// However often the call is repeated with its request id, it makes one note.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `INVOICE_NOT_FOUND`,
    /// `INVOICE_MOVE_NOT_ALLOWED` for a draft or a void one, `INVALID_FIELD` for more than is left
    /// of it, `CREDIT_NOTE_REQUEST_CONFLICT` when the request id made another note.
    pub async fn create_credit_note(&self, note: NewCreditNote) -> Result<CreditNote, Error> {
        let answer = self.call_while(Error::is_passing, note.0, |service, request| async move {
            InvoiceServiceClient::new(service)
                .create_credit_note(request)
                .await
        });
        answer.await?.try_into()
    }
}

/// Which invoices of a user to list.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct InvoiceQuery(v1::ListInvoicesRequest);

impl InvoiceQuery {
    /// All invoices of a user; an empty `user_id` means the token's subject.
    pub fn of_user(user_id: impl Into<String>) -> Self {
        Self(v1::ListInvoicesRequest {
            user_id: user_id.into(),
            ..v1::ListInvoicesRequest::default()
        })
    }

    /// Only invoices that stand like this; `Unknown` asks for all.
    pub fn status(mut self, status: InvoiceStatus) -> Self {
        self.0.status = v1::InvoiceStatus::from(status).into();
        self
    }

    /// The page, from 1; the first unless set.
    pub fn page(mut self, page: i32) -> Self {
        self.0.page = Some(page);
        self
    }

    /// Invoices per page, at most 100; 20 unless set.
    pub fn page_size(mut self, invoices: i32) -> Self {
        self.0.page_size = invoices;
        self
    }
}

/// A credit note to be made.
#[derive(Debug, Clone)]
#[must_use]
pub struct NewCreditNote(v1::CreateCreditNoteRequest);

impl NewCreditNote {
    /// Credits a part of an invoice: whole cents before tax, in USD. An empty `user_id` means the
    /// token's subject. The call is repeated safely only with a `request_id`, unique per user.
    pub fn new(
        user_id: impl Into<String>,
        invoice_id: impl Into<String>,
        amount: Decimal,
        request_id: impl Into<String>,
    ) -> Self {
        Self(v1::CreateCreditNoteRequest {
            user_id: user_id.into(),
            id: invoice_id.into(),
            amount: Some(Amount {
                value: amount.to_string(),
            }),
            request_id: request_id.into(),
            ..v1::CreateCreditNoteRequest::default()
        })
    }

    /// Why, for bookkeepers: at most 500 characters.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = reason.into();
        self
    }
}
