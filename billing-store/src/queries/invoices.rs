//! Users' invoices.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    ids::{InvoiceId, UserId},
    invoice::{CreditNote, Invoice, InvoiceRefusal, InvoiceStatus},
    month::Month,
    pricing::Catalog,
    user::User,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Backend, Conn, charges, invoice_changes,
    issuing::{self, Issuing},
    month_end,
    prices::CatalogCache,
    reconcile, users,
};
use crate::{
    ClosedUsers, CreditNoteOrder, InvoiceChange, InvoiceFilter, InvoiceOrder, InvoiceStore,
    MonthProgress, NewInvoiceId, Now, Reconciled, StoreError, UsersToClose,
    rows::{CreditNoteRow, InvoiceRow},
    schema::{credit_notes, invoices},
};

type Made = Result<Invoice, InvoiceRefusal>;

#[async_trait]
impl InvoiceStore for Backend {
    async fn generate_invoice(&self, order: InvoiceOrder, now: Now) -> Result<Made, StoreError> {
        let cache = self.catalog.clone();
        self.write_again(move |conn| {
            let (cache, order, now) = (cache.clone(), order.clone(), Arc::clone(&now));
            Box::pin(async move { generate(conn, &cache, order, &now).await })
        })
        .await
    }

    async fn preview_invoice(
        &self,
        user_id: UserId,
        month: Month,
        now: DateTime<Utc>,
    ) -> Result<Made, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                if let Some(invoice) = live(conn, &user_id, month).await? {
                    return Ok(Ok(invoice));
                }
                let (user, catalog) = users::view(conn, &cache, user_id, now, now).await?;
                draft(conn, &user, &catalog, month, now).await
            })
        })
        .await
    }

    async fn invoices(
        &self,
        filter: InvoiceFilter,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<Invoice>, i64), StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let mut found = invoices::table
                    .filter(invoices::user_id.eq(filter.user_id.to_string()))
                    .order((invoices::billing_month.desc(), invoices::id.desc()))
                    .offset(offset)
                    .limit(limit)
                    .select(InvoiceRow::as_select())
                    .into_boxed();
                let mut count = invoices::table
                    .filter(invoices::user_id.eq(filter.user_id.to_string()))
                    .into_boxed();
                if let Some(status) = filter.status {
                    found = found.filter(invoices::status.eq(status.name()));
                    count = count.filter(invoices::status.eq(status.name()));
                }
                let total = count.count().get_result(conn).await?;
                let rows = found.load(conn).await?.into_iter();
                let invoices = rows.map(Invoice::try_from).collect::<Result<_, _>>()?;
                Ok((invoices, total))
            })
        })
        .await
    }

    async fn invoice(&self, user_id: UserId, id: InvoiceId) -> Result<Option<Invoice>, StoreError> {
        self.read(move |conn| Box::pin(async move { find(conn, &user_id, &id).await }))
            .await
    }

    async fn change_invoice(
        &self,
        user_id: UserId,
        id: InvoiceId,
        change: InvoiceChange,
        now: Now,
    ) -> Result<Made, StoreError> {
        let cache = self.catalog.clone();
        self.write_again(move |conn| {
            let (cache, now) = (cache.clone(), Arc::clone(&now));
            let (user_id, id, change) = (user_id.clone(), id.clone(), change.clone());
            Box::pin(async move {
                invoice_changes::change(conn, &cache, user_id, id, change, &now).await
            })
        })
        .await
    }

    async fn create_credit_note(
        &self,
        order: CreditNoteOrder,
        now: Now,
    ) -> Result<Result<CreditNote, InvoiceRefusal>, StoreError> {
        self.write_again(move |conn| {
            let (order, now) = (order.clone(), Arc::clone(&now));
            Box::pin(async move { invoice_changes::credit(conn, order, &now).await })
        })
        .await
    }

    async fn month_progress(&self, month: Month) -> Result<MonthProgress, StoreError> {
        self.read(move |conn| Box::pin(month_end::progress(conn, month)))
            .await
    }

    async fn close_month(
        &self,
        users: UsersToClose,
        limit: i64,
        new_id: NewInvoiceId,
        now: Now,
    ) -> Result<ClosedUsers, StoreError> {
        let month = users.month;
        let chunk = self.read(move |conn| Box::pin(month_end::next(conn, users, limit)));
        let chunk = chunk.await?;
        let mut closed = ClosedUsers {
            last: chunk.last().cloned().map(UserId::trusted),
            ..ClosedUsers::default()
        };
        match self.close(chunk.clone(), month, &new_id, &now).await {
            Ok(()) => {
                closed.closed = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
                return Ok(closed);
            }
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(_) => {}
        }
        // Somebody's data is at fault: everybody else is closed one by one.
        for user_id in chunk {
            match self
                .close(vec![user_id.clone()], month, &new_id, &now)
                .await
            {
                Ok(()) => closed.closed += 1,
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    let failed = (UserId::trusted(user_id), error.to_string());
                    closed.failed.push(failed);
                }
            }
        }
        Ok(closed)
    }

    async fn mark_overdue(&self, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
        self.write_again(move |conn| Box::pin(month_end::mark_overdue(conn, now, limit)))
            .await
    }

    async fn reconcile_month(
        &self,
        month: Month,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Reconciled, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move { reconcile::month(conn, &cache, month, after, limit).await })
        })
        .await
    }
}

impl Backend {
    /// Closes a month for users in one transaction.
    async fn close(
        &self,
        user_ids: Vec<String>,
        month: Month,
        new_id: &NewInvoiceId,
        now: &Now,
    ) -> Result<(), StoreError> {
        if user_ids.is_empty() {
            return Ok(());
        }
        let cache = self.catalog.clone();
        let (new_id, now) = (Arc::clone(new_id), Arc::clone(now));
        self.write_again(move |conn| {
            let (cache, user_ids) = (cache.clone(), user_ids.clone());
            let (new_id, now) = (Arc::clone(&new_id), Arc::clone(&now));
            Box::pin(async move {
                month_end::close(conn, &cache, user_ids, month, &new_id, now()).await
            })
        })
        .await
    }
}

async fn generate(
    conn: &mut Conn,
    cache: &CatalogCache,
    order: InvoiceOrder,
    now: &Now,
) -> Result<Made, StoreError> {
    let user = users::lock(conn, &order.user_id, now()).await?;
    let now = now();
    let running = Month::of(now);
    if order.month > running {
        return Ok(Err(InvoiceRefusal::FutureMonth));
    }
    if let Some(invoice) = live(conn, &order.user_id, order.month).await?
        && invoice.status != InvoiceStatus::Draft
    {
        return Ok(Ok(invoice));
    }
    let catalog = users::share_catalog(conn, cache).await?;
    let mut user = users::bring_to(conn, &catalog, user, now, now).await?;
    if order.month == running {
        return draft(conn, &user, &catalog, order.month, now).await;
    }
    let issuing = Issuing {
        month: order.month,
        catalog: &catalog,
        new_id: &only(order.id),
        keep_drafts: order.keep_draft,
        now,
    };
    issue_one(conn, &issuing, &mut user).await
}

/// Makes one id and no other.
pub(super) fn only(id: InvoiceId) -> NewInvoiceId {
    Arc::new(move || id.clone())
}

/// Issues one user's invoice, or keeps the draft of it.
pub(super) async fn issue_one(
    conn: &mut Conn,
    issuing: &Issuing<'_>,
    user: &mut User,
) -> Result<Made, StoreError> {
    users::store_lines_first(conn, user, issuing.now).await?;
    let invoices = issuing::issue(conn, issuing, &mut [&mut *user]).await?;
    issuing::store_users(conn, std::slice::from_ref(user), issuing.now).await?;
    let invoice = invoices.into_iter().next();
    Ok(invoice.ok_or(InvoiceRefusal::NothingToBill))
}

/// What would be issued, not stored.
async fn draft(
    conn: &mut Conn,
    user: &User,
    catalog: &Catalog,
    month: Month,
    now: DateTime<Utc>,
) -> Result<Made, StoreError> {
    if month > Month::of(now) {
        return Ok(Err(InvoiceRefusal::FutureMonth));
    }
    let tax_rate = issuing::payer_of(conn, user.id()).await?.tax_rate;
    let mut charges = charges::uninvoiced_of(conn, user.id(), month).await?;
    // Fees that are due are stored with the next change of the user.
    let due = user.effects.lines.iter().filter(|line| line.month == month);
    charges.lines.extend(due.cloned());
    let bill = user.bill(month, &charges, catalog, tax_rate);
    let bill = bill.map_err(issuing::refused)?;
    let draft = |bill| Invoice::draft(None, user.id().clone(), month, bill, now);
    Ok(bill.map(draft).ok_or(InvoiceRefusal::NothingToBill))
}

/// A user's invoice of a month that is not void.
async fn live(
    conn: &mut Conn,
    user_id: &UserId,
    month: Month,
) -> Result<Option<Invoice>, StoreError> {
    let user_ids = [user_id.to_string()];
    let of_month = issuing::of_month(conn, &user_ids, month).await?;
    match of_month.into_values().find_map(|of_month| of_month.live) {
        Some((id, ..)) => find(conn, user_id, &id).await,
        None => Ok(None),
    }
}

pub(super) async fn find(
    conn: &mut Conn,
    user_id: &UserId,
    id: &InvoiceId,
) -> Result<Option<Invoice>, StoreError> {
    let row = invoices::table
        .find((user_id.as_str(), id.as_str()))
        .select(InvoiceRow::as_select())
        .first(conn)
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let notes = credit_notes::table
        .filter(credit_notes::user_id.eq(user_id.as_str()))
        .filter(credit_notes::invoice_id.eq(id.as_str()))
        .order((credit_notes::created_at, credit_notes::id))
        .select(CreditNoteRow::as_select())
        .load(conn)
        .await?;
    let mut invoice = Invoice::try_from(row)?;
    invoice.credit_notes = notes.into_iter().map(CreditNote::from).collect();
    Ok(Some(invoice))
}
