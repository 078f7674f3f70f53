//! Users' invoices.

mod change;
mod charges;
mod close;
pub(super) mod listed;
mod numbers;
mod reconcile;
mod run;
mod stored;

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::Account,
    document::{Series, SeriesName},
    ids::{CreditNoteId, InvoiceId, UserId},
    invoice::{CreditNote, CreditNoteOrder, Invoice, InvoiceRun, Reconciled, Requested},
    month::Month,
    refusal::Refusal,
};
use futures_util::FutureExt;

pub(super) use self::{
    charges::{charged_fee, invoiced_month},
    numbers::{store_new, store_note},
    stored::{find as find_invoice, one as one_invoice, unpaid_of},
};
use super::{Backend, Tx};
use crate::{
    ClosedUsers, InvoiceChange, InvoiceFilter, InvoiceOrder, InvoiceStore, MonthProgress,
    NewInvoiceId, StoreError, UsersToClose,
};

#[async_trait]
impl InvoiceStore for Backend {
    async fn generate_invoice(&self, order: InvoiceOrder) -> Result<Invoice, StoreError> {
        self.write(order, |tx, order| generate(tx, order).boxed())
            .await
    }

    async fn preview_invoice(&self, user_id: UserId, month: Month) -> Result<Invoice, StoreError> {
        self.read((user_id, month), |tx, (user_id, month)| {
            preview(tx, user_id, month).boxed()
        })
        .await
    }

    async fn invoices(
        &self,
        filter: InvoiceFilter,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<Invoice>, i64), StoreError> {
        self.read((filter, offset, limit), |tx, (filter, offset, limit)| {
            listed::page(tx, filter, offset, limit).boxed()
        })
        .await
    }

    async fn invoices_after(
        &self,
        filter: InvoiceFilter,
        after: Option<InvoiceId>,
        limit: i64,
    ) -> Result<Vec<Invoice>, StoreError> {
        self.read((filter, after, limit), |tx, (filter, after, limit)| {
            listed::after(tx, filter, after, limit).boxed()
        })
        .await
    }

    async fn invoice(&self, user_id: UserId, id: InvoiceId) -> Result<Invoice, StoreError> {
        self.read((user_id, id), |tx, (user_id, id)| {
            stored::one(tx, user_id, id).boxed()
        })
        .await
    }

    async fn change_invoice(
        &self,
        user_id: UserId,
        id: InvoiceId,
        change: InvoiceChange,
    ) -> Result<Invoice, StoreError> {
        self.write((user_id, id, change), |tx, (user_id, id, change)| {
            change::change(tx, user_id, id, change).boxed()
        })
        .await
    }

    async fn create_credit_note(&self, order: CreditNoteOrder) -> Result<CreditNote, StoreError> {
        self.write(order, |tx, order| change::credit(tx, order).boxed())
            .await
    }

    async fn credit_notes(
        &self,
        user_id: Option<UserId>,
        after: Option<CreditNoteId>,
        limit: i64,
    ) -> Result<Vec<CreditNote>, StoreError> {
        self.read((user_id, after, limit), |tx, (user_id, after, limit)| {
            listed::credit_notes(tx, user_id, after, limit).boxed()
        })
        .await
    }

    async fn month_progress(&self, month: Month) -> Result<MonthProgress, StoreError> {
        self.read(month, |tx, month| close::progress(tx, month).boxed())
            .await
    }

    async fn close_month(
        &self,
        users: UsersToClose,
        limit: i64,
        new_id: NewInvoiceId,
    ) -> Result<ClosedUsers, StoreError> {
        self.close_chunk(users, limit, new_id).await
    }

    async fn mark_overdue(&self, limit: i64) -> Result<usize, StoreError> {
        self.write(limit, |tx, limit| close::mark_overdue(tx, limit).boxed())
            .await
    }

    async fn document_series(&self) -> Result<Vec<Series>, StoreError> {
        self.read((), |tx, ()| numbers::all(tx).boxed()).await
    }

    async fn set_document_series(
        &self,
        name: SeriesName,
        year: i32,
        next_number: i64,
    ) -> Result<Series, StoreError> {
        self.write((name, year, next_number), |tx, (name, year, next)| {
            numbers::set_next(tx, name, year, next).boxed()
        })
        .await
    }

    async fn reconcile_month(
        &self,
        month: Month,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Reconciled, StoreError> {
        self.read((month, after, limit), |tx, (month, after, limit)| {
            reconcile::month(tx, month, after, limit).boxed()
        })
        .await
    }
}

async fn generate(tx: &mut Tx, order: InvoiceOrder) -> Result<Invoice, StoreError> {
    let ready = tx.lock(&order.user_id).await?;
    let live = stored::of_user(tx, &order.user_id, order.month).await?.live;
    match Requested::generated(order.month, live, ready.now)? {
        Requested::Stored(id) => stored::one(tx, order.user_id, id).await,
        Requested::Draft => {
            let charges = charges::uninvoiced_of(tx, &order.user_id, order.month).await?;
            let catalog = &ready.catalog;
            let draft = ready
                .account
                .draft(order.month, charges, catalog, ready.now);
            Ok(draft?)
        }
        Requested::New => {
            let documents = tx.documents();
            let run = InvoiceRun {
                month: order.month,
                catalog: &ready.catalog,
                seller: &documents.seller,
                keep_drafts: order.keep_draft,
                now: ready.now,
            };
            issue_one(tx, &run, ready.account, order.id).await
        }
    }
}

/// Issues one account's invoice, or keeps the draft of it.
async fn issue_one(
    tx: &mut Tx,
    run: &InvoiceRun<'_>,
    account: Account,
    id: InvoiceId,
) -> Result<Invoice, StoreError> {
    let only: NewInvoiceId = Arc::new(move || id);
    let mut accounts = [account];
    tx.save_lines_first(&mut accounts, run.now).await?;
    let costs = charges::costs(tx, &accounts, run.month).await?;
    let [account] = &mut accounts;
    let mut invoices = run::issue(tx, run, &mut [account], &costs, &only).await?;
    tx.save(&accounts, &[], run.catalog, run.now).await?;
    store_new(tx, &mut invoices, run.now).await?;
    let invoice = invoices.into_iter().next();
    invoice.ok_or(StoreError::Rejected(Refusal::NothingToBill(run.month)))
}

async fn preview(tx: &mut Tx, user_id: UserId, month: Month) -> Result<Invoice, StoreError> {
    let live = stored::of_user(tx, &user_id, month).await?.live;
    match Requested::previewed(month, live, tx.now())? {
        Requested::Stored(id) => stored::one(tx, user_id, id).await,
        Requested::Draft | Requested::New => {
            let ready = tx.view(user_id).await?;
            let charges = charges::uninvoiced_of(tx, ready.account.id(), month).await?;
            let draft = ready
                .account
                .draft(month, charges, &ready.catalog, ready.now);
            Ok(draft?)
        }
    }
}
