//! Usage records.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::{Quote, VoidOrder},
    ids::{ModelId, RecordId, RequestId, UserId},
    month::Month,
    usage::{Outcome, Usage, UsageRecord},
};
use chrono::{DateTime, Utc};

use crate::StoreError;

/// Usage records and the accounts that they change.
#[async_trait]
pub trait UsageStore: Send + Sync {
    /// Rates and commits usage in one transaction, once. The outcomes stand in the order of the
    /// batch, and are durable when the call returns.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch may be assumed, and it may be repeated.
    async fn commit_usage(&self, batch: &[Arc<Usage>]) -> Result<Vec<Outcome>, StoreError>;

    /// What a record would cost if it were committed now. Changes nothing.
    ///
    /// # Errors
    /// When the model has no price, an amount does not fit or the database fails.
    async fn quote(&self, usage: Usage) -> Result<Quote, StoreError>;

    /// Reverses a record by a correction, which is answered.
    ///
    /// # Errors
    /// When there is no such record, it cannot be voided or the database fails.
    async fn void_usage(&self, order: VoidOrder) -> Result<UsageRecord, StoreError>;

    /// One record.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn record(&self, user_id: UserId, id: RecordId) -> Result<UsageRecord, StoreError>;

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
