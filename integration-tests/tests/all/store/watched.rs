//! A real store that counts, delays and refuses commits as a test asks.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use billing_core::{
    account::Account,
    correction::VoidRefusal,
    ids::{RecordId, UserId},
    rating::{Outcome, Quote, QuoteError, UsageRecord},
    usage::Usage,
};
use billing_store::{Now, RecordFilter, Store, StoreError, UsageStore, VoidOrder};
use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

/// Batches with this request id are refused.
pub(super) const BAD: &str = "bad";

pub(super) struct WatchedStore {
    inner: Arc<dyn Store>,
    /// How many commits were begun.
    pub(super) commits: AtomicUsize,
    /// How many of the next commits fail as if the database were away.
    pub(super) failures: AtomicUsize,
    /// Gets a permit when a commit begins.
    pub(super) begun: Semaphore,
    /// Commits wait until this is closed.
    pub(super) gate: Semaphore,
}

impl WatchedStore {
    pub(super) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            commits: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            begun: Semaphore::new(0),
            gate: Semaphore::new(0),
        })
    }

    /// Lets commits through from now on.
    pub(super) fn open(&self) {
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
        if batch.iter().any(|usage| usage.request_id.as_str() == BAD) {
            return Err(StoreError::Refused("as the test asks".to_owned()));
        }
        self.inner.commit_usage(batch).await
    }

    async fn quote(
        &self,
        usage: Usage,
        now: DateTime<Utc>,
    ) -> Result<Result<Quote, QuoteError>, StoreError> {
        self.inner.quote(usage, now).await
    }

    async fn void_usage(
        &self,
        order: VoidOrder,
        now: Now,
    ) -> Result<Result<UsageRecord, VoidRefusal>, StoreError> {
        self.inner.void_usage(order, now).await
    }

    async fn account(&self, user_id: UserId, now: DateTime<Utc>) -> Result<Account, StoreError> {
        self.inner.account(user_id, now).await
    }

    async fn record(&self, user: UserId, id: RecordId) -> Result<Option<UsageRecord>, StoreError> {
        self.inner.record(user, id).await
    }

    async fn records(
        &self,
        filter: RecordFilter,
        limit: i64,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        self.inner.records(filter, limit).await
    }
}
