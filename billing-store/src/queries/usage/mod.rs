//! Usage records: recording, voiding, reading and folding them.

mod commit;
mod fold;
mod records;
mod void;

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::{Quote, VoidOrder},
    ids::{RecordId, UserId},
    usage::{Outcome, Usage, UsageRecord},
};
use futures_util::FutureExt;

pub(crate) use self::commit::{Changes, Keys, Locked};
pub(super) use self::records::{into_records, with_invoices};
use super::{Backend, Tx};
use crate::{FoundRecords, InvoicedRecord, RecordFilter, StoreError, UsageStore};

#[async_trait]
impl UsageStore for Backend {
    async fn commit_usage(&self, batch: &[Arc<Usage>]) -> Result<Vec<Outcome>, StoreError> {
        let batch = batch.to_vec();
        // The usage writer knows better when to try again.
        self.transaction(move |tx| commit::commit(tx, batch).boxed())
            .await
    }

    async fn quote(&self, usage: Usage) -> Result<Quote, StoreError> {
        self.read(usage, |tx, usage| quote(tx, usage).boxed()).await
    }

    async fn void_usage(&self, order: VoidOrder) -> Result<UsageRecord, StoreError> {
        self.write(order, |tx, order| void::void(tx, order).boxed())
            .await
    }

    async fn record(&self, user_id: UserId, id: RecordId) -> Result<InvoicedRecord, StoreError> {
        self.read((user_id, id), |tx, (user_id, id)| {
            records::one(tx, user_id, id).boxed()
        })
        .await
    }

    async fn records(&self, filter: RecordFilter, limit: i64) -> Result<FoundRecords, StoreError> {
        self.read((filter, limit), |tx, (filter, limit)| {
            records::list(tx, filter, limit).boxed()
        })
        .await
    }
}

async fn quote(tx: &mut Tx, usage: Usage) -> Result<Quote, StoreError> {
    let created_at = usage.call.created_at;
    let ready = tx.view_for(usage.user_id, move |state, now| {
        state.needs(created_at.min(now), now)
    });
    let ready = ready.await?;
    let (catalog, now) = (&ready.catalog, ready.now);
    Ok(ready.account.quote(catalog, &usage.call, now)?)
}
