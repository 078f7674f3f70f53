//! Figures over many records, and the records of a month.

use async_trait::async_trait;
use billing_core::{
    account::Account,
    ids::{ModelId, RecordId, UserId},
    money::Money,
    month::Month,
    report::{Days, GroupKey, GroupSums, Grouping, MonthFigures, RankBy, TopUser, UsageTotals},
};

use crate::{InvoicedRecord, StoreError};

/// Figures over many records.
#[async_trait]
pub trait ReportStore: Send + Sync {
    /// A user's account as of now with the totals of its calendar month and of all time.
    ///
    /// # Errors
    /// When the database fails.
    async fn user_usage(&self, user_id: UserId) -> Result<UserUsage, StoreError>;

    /// A month's figures over all users.
    ///
    /// # Errors
    /// When the database fails.
    async fn month_figures(&self, month: Month) -> Result<MonthFigures, StoreError>;

    /// At most `limit` groups of records and their sums, in the order of their keys.
    ///
    /// # Errors
    /// When the database fails.
    async fn usage_sums(
        &self,
        filter: SumsFilter,
        limit: i64,
    ) -> Result<Vec<GroupSums>, StoreError>;

    /// The `limit` users who come first in a month. Its cost grows with their number, and not with
    /// that of their records.
    ///
    /// # Errors
    /// When the database fails.
    async fn top_users(
        &self,
        month: Month,
        by: RankBy,
        limit: usize,
    ) -> Result<Vec<TopUser>, StoreError>;

    /// At most `limit` records of a month, by user and id, with the invoices that carry them.
    ///
    /// # Errors
    /// When the database fails.
    async fn month_records(
        &self,
        filter: MonthFilter,
        limit: i64,
    ) -> Result<Vec<InvoicedRecord>, StoreError>;
}

/// Which records to sum up, and how; what is set applies together.
#[derive(Debug, Clone)]
pub struct SumsFilter {
    /// Records of these days.
    pub days: Days,
    /// Records of this user.
    pub user_id: Option<UserId>,
    /// Records of this model.
    pub model: Option<ModelId>,
    /// What makes a group.
    pub grouping: Grouping,
    /// Groups that come after this one.
    pub after: Option<GroupKey>,
}

/// Which records of a month to read; what is set applies together.
#[derive(Debug, Clone)]
pub struct MonthFilter {
    /// The calendar month.
    pub month: Month,
    /// Records of this user.
    pub user_id: Option<UserId>,
    /// Records that come after this one.
    pub after: Option<(UserId, RecordId)>,
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
