//! A real store that counts, delays and refuses commits as a test asks.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use billing_core::{
    account::Account,
    ids::{PlanId, RecordId, UserId},
    money::Rate,
    month::Month,
    plan::{Plan, PlanChange, PlanRefusal},
    pricing::{Catalog, PriceChange, PriceDecision, PriceInPast},
    rating::{Outcome, UsageRecord},
    report::UsageTotals,
    settings::{Settings, SettingsChange},
    usage::Usage,
};
use billing_store::{
    AccountStore, Now, PlanStore, PriceStore, RecordFilter, ReportStore, SettingsStore, Store,
    StoreError, UsageStore, UserAccount, UserUsage,
};
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

    async fn account(&self, user_id: UserId) -> Result<Account, StoreError> {
        self.inner.account(user_id).await
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

#[async_trait]
impl Store for WatchedStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
}

#[async_trait]
impl PlanStore for WatchedStore {
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError> {
        self.inner.plans(include_inactive).await
    }

    async fn plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        self.inner.plan(id).await
    }

    async fn create_plan(
        &self,
        id: PlanId,
        content: PlanChange,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError> {
        self.inner.create_plan(id, content, now).await
    }

    async fn update_plan(
        &self,
        id: PlanId,
        change: PlanChange,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError> {
        self.inner.update_plan(id, change, now).await
    }

    async fn deactivate_plan(
        &self,
        id: PlanId,
        keep_subscribers: bool,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError> {
        self.inner.deactivate_plan(id, keep_subscribers, now).await
    }
}

#[async_trait]
impl SettingsStore for WatchedStore {
    async fn settings(&self, user_id: UserId) -> Result<Settings, StoreError> {
        self.inner.settings(user_id).await
    }

    async fn update_settings(
        &self,
        user_id: UserId,
        change: SettingsChange,
        now: Now,
    ) -> Result<Settings, StoreError> {
        self.inner.update_settings(user_id, change, now).await
    }
}

#[async_trait]
impl AccountStore for WatchedStore {
    async fn user_account(
        &self,
        user_id: UserId,
        now: DateTime<Utc>,
    ) -> Result<UserAccount, StoreError> {
        self.inner.user_account(user_id, now).await
    }

    async fn set_discount_rate(
        &self,
        user_id: UserId,
        rate: Rate,
        from: Option<DateTime<Utc>>,
        now: Now,
    ) -> Result<UserAccount, StoreError> {
        self.inner.set_discount_rate(user_id, rate, from, now).await
    }

    async fn set_tax(
        &self,
        user_id: UserId,
        rate: Rate,
        exempt: bool,
        now: Now,
    ) -> Result<UserAccount, StoreError> {
        self.inner.set_tax(user_id, rate, exempt, now).await
    }
}

#[async_trait]
impl PriceStore for WatchedStore {
    async fn catalog(&self) -> Result<Arc<Catalog>, StoreError> {
        self.inner.catalog().await
    }

    fn cached_catalog(&self) -> Arc<Catalog> {
        self.inner.cached_catalog()
    }

    async fn set_prices(
        &self,
        changes: Vec<PriceChange>,
        now: Now,
    ) -> Result<Vec<Result<PriceDecision, PriceInPast>>, StoreError> {
        self.inner.set_prices(changes, now).await
    }
}

#[async_trait]
impl ReportStore for WatchedStore {
    async fn user_usage(&self, user_id: UserId, month: Month) -> Result<UserUsage, StoreError> {
        self.inner.user_usage(user_id, month).await
    }

    async fn month_totals(&self, month: Month) -> Result<UsageTotals, StoreError> {
        self.inner.month_totals(month).await
    }
}
