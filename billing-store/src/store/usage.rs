//! Usage records.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::{Quote, VoidOrder},
    ids::{InvoiceId, ModelId, RecordId, RequestId, UserId},
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

    /// One record, and the invoice that carries it.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn record(&self, user_id: UserId, id: RecordId) -> Result<InvoicedRecord, StoreError>;

    /// At most `limit` records, newest first. Over all users it may end early rather than read
    /// everything for the few records that a filter leaves.
    ///
    /// # Errors
    /// When the database fails.
    async fn records(&self, filter: RecordFilter, limit: i64) -> Result<FoundRecords, StoreError>;
}

/// A record and the invoice that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicedRecord {
    /// The record.
    pub record: UsageRecord,
    /// The issued invoice that carries it; `None` while it is uninvoiced.
    pub invoice_id: Option<InvoiceId>,
}

/// What a search for records has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecords {
    /// The records, newest first.
    pub records: Vec<InvoicedRecord>,
    /// The last record that was looked at, when the search ended early: more may be behind it.
    pub rest: Option<RecordId>,
}

/// Which records to list; what is set applies together.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Whose records; `None` stands for all users.
    pub user_id: Option<UserId>,
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
    /// Records that the invoice of this month carries or will carry.
    pub invoice_month: Option<Month>,
    /// Records that this invoice carries.
    pub invoice_id: Option<InvoiceId>,
    /// Records that come after this one in the list.
    pub after: Option<RecordId>,
}
