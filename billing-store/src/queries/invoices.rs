//! Users' invoices.

use async_trait::async_trait;
use billing_core::{
    ids::{InvoiceId, UserId},
    invoice::{CreditNote, Invoice, InvoiceRefusal},
    month::Month,
};
use chrono::{DateTime, Utc};

use super::Backend;
use crate::{
    ClosedUsers, CreditNoteOrder, InvoiceChange, InvoiceFilter, InvoiceOrder, InvoiceStore,
    NewInvoiceId, Now, Reconciled, StoreError, UsersToClose,
};

#[async_trait]
impl InvoiceStore for Backend {
    async fn generate_invoice(
        &self,
        _order: InvoiceOrder,
        _now: Now,
    ) -> Result<Result<Invoice, InvoiceRefusal>, StoreError> {
        Ok(Err(InvoiceRefusal::NothingToBill))
    }

    async fn preview_invoice(
        &self,
        _user_id: UserId,
        _month: Month,
        _now: DateTime<Utc>,
    ) -> Result<Result<Invoice, InvoiceRefusal>, StoreError> {
        Ok(Err(InvoiceRefusal::NothingToBill))
    }

    async fn invoices(
        &self,
        _filter: InvoiceFilter,
        _offset: i64,
        _limit: i64,
    ) -> Result<(Vec<Invoice>, i64), StoreError> {
        Ok((Vec::new(), 0))
    }

    async fn invoice(
        &self,
        _user_id: UserId,
        _id: InvoiceId,
    ) -> Result<Option<Invoice>, StoreError> {
        Ok(None)
    }

    async fn change_invoice(
        &self,
        _user_id: UserId,
        _id: InvoiceId,
        _change: InvoiceChange,
        _now: Now,
    ) -> Result<Result<Invoice, InvoiceRefusal>, StoreError> {
        Ok(Err(InvoiceRefusal::NotFound))
    }

    async fn create_credit_note(
        &self,
        _order: CreditNoteOrder,
        _now: Now,
    ) -> Result<Result<CreditNote, InvoiceRefusal>, StoreError> {
        Ok(Err(InvoiceRefusal::NotFound))
    }

    async fn users_to_close(&self, _users: UsersToClose) -> Result<i64, StoreError> {
        Ok(0)
    }

    async fn close_month(
        &self,
        _users: UsersToClose,
        _limit: i64,
        _new_id: NewInvoiceId,
        _now: Now,
    ) -> Result<ClosedUsers, StoreError> {
        Ok(ClosedUsers::default())
    }

    async fn mark_overdue(&self, _now: DateTime<Utc>, _limit: i64) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn reconcile_month(
        &self,
        _month: Month,
        _after: Option<UserId>,
        _limit: i64,
    ) -> Result<Reconciled, StoreError> {
        Ok(Reconciled::default())
    }
}
