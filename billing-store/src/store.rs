//! What the server asks of a database: one small trait per aggregate.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::Account,
    ids::{ModelId, RecordId, RequestId, UserId},
    money::Money,
    month::Month,
    plan::Plan,
    pricing::{Catalog, PriceChange, PriceDecision, PriceInPast},
    rating::{Outcome, UsageRecord},
    report::UsageTotals,
    usage::Usage,
};
use chrono::{DateTime, Utc};

use crate::StoreError;

/// Everything the server asks of a database.
#[async_trait]
pub trait Store: PlanStore + PriceStore + UsageStore + ReportStore {
    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it does not answer.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// The plans on offer.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// The plans in their display order.
    ///
    /// # Errors
    /// When the database fails.
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError>;
}

/// Tells the time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Model prices.
#[async_trait]
pub trait PriceStore: Send + Sync {
    /// The prices as of now. Reads them only when their version has changed.
    ///
    /// # Errors
    /// When the database fails.
    async fn catalog(&self) -> Result<Arc<Catalog>, StoreError>;

    /// The prices as of some moment, without asking the database.
    fn cached_catalog(&self) -> Arc<Catalog>;

    /// Decides and writes price changes in one transaction, in their order. `now` is asked once no
    /// usage can be in the middle of being priced, so that a price never starts before a record
    /// that was priced without it.
    ///
    /// # Errors
    /// When the database fails; a change that is refused stops no other.
    async fn set_prices(
        &self,
        changes: Vec<PriceChange>,
        now: Now,
    ) -> Result<Vec<Result<PriceDecision, PriceInPast>>, StoreError>;
}

/// Usage records and the accounts that they change.
#[async_trait]
pub trait UsageStore: Send + Sync {
    /// Rates and commits usage in one transaction. The outcomes stand in the order of the batch,
    /// and are durable when the call returns.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch may be assumed, and it may be repeated.
    async fn commit_usage(&self, batch: &[Arc<Usage>]) -> Result<Vec<Outcome>, StoreError>;

    /// A user's account; a new one when nothing is stored of the user.
    ///
    /// # Errors
    /// When the database fails.
    async fn account(&self, user_id: UserId) -> Result<Account, StoreError>;

    /// One record.
    ///
    /// # Errors
    /// When the database fails.
    async fn record(
        &self,
        user_id: UserId,
        id: RecordId,
    ) -> Result<Option<UsageRecord>, StoreError>;

    /// At most `limit` records, newest first.
    ///
    /// # Errors
    /// When the database fails.
    async fn records(
        &self,
        filter: RecordFilter,
        limit: i64,
    ) -> Result<Vec<UsageRecord>, StoreError>;
}

/// Which records of a user to list; what is set applies together.
#[derive(Debug, Clone)]
pub struct RecordFilter {
    /// Whose records.
    pub user_id: UserId,
    /// Records of this calendar month.
    pub billing_month: Option<Month>,
    /// Records of this model.
    pub model: Option<ModelId>,
    /// Records made at or after this time (UTC).
    pub from: Option<DateTime<Utc>>,
    /// Records made before this time (UTC).
    pub until: Option<DateTime<Utc>>,
    /// The record with this caller's id.
    pub request_id: Option<RequestId>,
    /// Records that come after this one in the list.
    pub after: Option<RecordId>,
}

/// Figures over many records.
#[async_trait]
pub trait ReportStore: Send + Sync {
    /// A user's account with the totals of a month and of all time.
    ///
    /// # Errors
    /// When the database fails.
    async fn user_usage(&self, user_id: UserId, month: Month) -> Result<UserUsage, StoreError>;

    /// A month's totals over all users.
    ///
    /// # Errors
    /// When the database fails.
    async fn month_totals(&self, month: Month) -> Result<UsageTotals, StoreError>;
}

/// What a user has used.
#[derive(Debug, Clone)]
pub struct UserUsage {
    /// The user's account.
    pub account: Account,
    /// The totals of the month.
    pub month: UsageTotals,
    /// What all usage has cost, in USD.
    pub total_cost: Money,
}
