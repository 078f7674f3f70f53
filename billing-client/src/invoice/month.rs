//! Closing and checking the invoices of a month.

use billing_proto::v1::{self, invoice_service_client::InvoiceServiceClient};
use futures_util::stream::{Stream, TryStreamExt};

use crate::{BillingClient, Error};

impl BillingClient {
    /// Issues the invoice of a calendar month that is over, `YYYY-MM`, for every user who has none
    /// yet, and tells again and again how far it is. It goes on only while the stream is read, and
    /// has no limit in time; when it breaks off it is simply called again.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `INVALID_FIELD` for a month that is
    /// not over.
    pub async fn close_month(
        &self,
        month: impl Into<String>,
    ) -> Result<impl Stream<Item = Result<MonthClosing, Error>> + Send + 'static, Error> {
        let message = v1::CloseMonthRequest {
            month: month.into(),
        };
        // The timeout is for opening alone: the service is not told of it.
        let open = |_| {
            let (mut service, message) = (InvoiceServiceClient::new(self.raw()), message.clone());
            async move { Ok(service.close_month(message).await?.into_inner()) }
        };
        let told = self.start().run(Error::is_retryable, open).await?;
        Ok(told.map_ok(MonthClosing::from).map_err(Error::from))
    }

    /// Maps every usage record of a calendar month that is over, `YYYY-MM`, to exactly one invoice
    /// and computes each invoice again. The call is made once and has no limit in time.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `INVALID_FIELD` for a month that is
    /// not over.
    pub async fn reconcile_month(&self, month: impl Into<String>) -> Result<Reconciliation, Error> {
        let message = v1::ReconcileMonthRequest {
            month: month.into(),
        };
        let mut service = InvoiceServiceClient::new(self.raw());
        Ok(service.reconcile_month(message).await?.into_inner().into())
    }
}

/// How far closing a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MonthClosing {
    /// Users whose month is closed, by this call or before.
    pub done: i64,
    /// All users.
    pub total: i64,
    /// Users whose month could not be closed: the server's log says why.
    pub failed: i64,
}

impl From<v1::CloseMonthResponse> for MonthClosing {
    fn from(answer: v1::CloseMonthResponse) -> Self {
        Self {
            done: answer.done,
            total: answer.total,
            failed: answer.failed,
        }
    }
}

/// What a check of a month's invoices found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciliation {
    /// The calendar month, `YYYY-MM` (UTC).
    pub month: String,
    /// Invoices checked.
    pub invoices: i64,
    /// Records that map to exactly one invoice.
    pub records: i64,
    /// Users with charges in the month that wait for an invoice.
    pub open_users: i64,
    /// Everything at fault, at most 1,000; empty when all is well.
    pub differences: Vec<InvoiceDifference>,
    /// How much is at fault.
    pub difference_count: i64,
}

impl From<v1::ReconcileMonthResponse> for Reconciliation {
    fn from(answer: v1::ReconcileMonthResponse) -> Self {
        let differences = answer.differences.into_iter();
        Self {
            month: answer.month,
            invoices: answer.invoices,
            records: answer.records,
            open_users: answer.open_users,
            differences: differences.map(InvoiceDifference::from).collect(),
            difference_count: answer.difference_count,
        }
    }
}

/// A fault of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvoiceDifference {
    /// The user.
    pub user_id: String,
    /// The invoice's id; empty when there should be one.
    pub invoice_id: String,
    /// What is at fault, such as `amount`.
    pub field: String,
    /// What the records come to.
    pub expected: String,
    /// What the invoice says.
    pub found: String,
}

impl From<v1::ReconcileDifference> for InvoiceDifference {
    fn from(difference: v1::ReconcileDifference) -> Self {
        Self {
            user_id: difference.user_id,
            invoice_id: difference.invoice_id,
            field: difference.field,
            expected: difference.expected,
            found: difference.found,
        }
    }
}
