//! A real store that counts, delays and refuses commits as a test asks.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use billing_core::{
    account::{Quote, VoidOrder},
    ids::{RecordId, UserId},
    usage::{Outcome, Usage, UsageRecord},
};
use billing_store::{FoundRecords, InvoicedRecord, RecordFilter, Store, StoreError, UsageStore};
use tokio::sync::Semaphore;

/// Batches with this request id are refused.
pub(crate) const BAD: &str = "bad";

pub(crate) struct WatchedStore {
    inner: Arc<dyn Store>,
    /// How many commits were begun.
    pub(crate) commits: AtomicUsize,
    /// How many of the next commits fail as if the database were away.
    pub(crate) failures: AtomicUsize,
    /// Gets a permit when a commit begins.
    pub(crate) begun: Semaphore,
    /// Commits wait until this is closed.
    pub(crate) gate: Semaphore,
}

impl WatchedStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            commits: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            begun: Semaphore::new(0),
            gate: Semaphore::new(0),
        })
    }

    /// Lets commits through from now on.
    pub(crate) fn open(&self) {
        self.gate.close();
    }
}

#[async_trait]
impl UsageStore for WatchedStore {
    async fn commit_usage(&self, batch: &[Arc<Usage>]) -> Result<Vec<Outcome>, StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.begun.add_permits(1);
        assert!(self.gate.acquire().await.is_err(), "nobody gives a permit");
        let fewer = |left: usize| left.checked_sub(1);
        if self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
            .is_ok()
        {
            return Err(StoreError::Unavailable("as the test asks".to_owned()));
        }
        if batch
            .iter()
            .any(|usage| usage.call.request_id.as_str() == BAD)
        {
            return Err(StoreError::Refused("as the test asks".to_owned()));
        }
        self.inner.commit_usage(batch).await
    }

    async fn quote(&self, usage: Usage) -> Result<Quote, StoreError> {
        self.inner.quote(usage).await
    }

    async fn void_usage(&self, order: VoidOrder) -> Result<UsageRecord, StoreError> {
        self.inner.void_usage(order).await
    }

    async fn record(&self, user: UserId, id: RecordId) -> Result<InvoicedRecord, StoreError> {
        self.inner.record(user, id).await
    }

    async fn records(&self, filter: RecordFilter, limit: i64) -> Result<FoundRecords, StoreError> {
        self.inner.records(filter, limit).await
    }
}
