//! What the server asks of a database: one small trait per aggregate.

mod invoices;
mod reports;

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    account::Account,
    correction::VoidRefusal,
    coupon::{Coupon, CouponRefusal, Redemption},
    ids::{CouponId, ModelId, PlanId, RecordId, RedemptionId, RequestId, SubscriptionId, UserId},
    money::{Money, Rate},
    month::Month,
    plan::{Plan, PlanChange, PlanRefusal},
    pricing::{Catalog, PriceChange, PriceDecision, PriceInPast},
    rating::{Outcome, Quote, QuoteError, UsageRecord},
    settings::{Settings, SettingsChange},
    subscription::{SubscriptionOrder, SubscriptionRefusal, SubscriptionState},
    usage::Usage,
};
use chrono::{DateTime, Utc};

pub use self::{
    invoices::{
        ClosedUsers, CreditNoteOrder, Difference, InvoiceChange, InvoiceFilter, InvoiceOrder,
        InvoiceStore, MonthProgress, NewInvoiceId, Reconciled, UsersToClose,
    },
    reports::{MonthFilter, ReportStore, SumsFilter, UserUsage},
};
use crate::StoreError;

/// Everything the server asks of a database.
#[async_trait]
pub trait Store:
    PlanStore
    + PriceStore
    + UsageStore
    + SubscriptionStore
    + CouponStore
    + ReportStore
    + SettingsStore
    + AccountStore
    + InvoiceStore
{
    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it does not answer.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Tells the time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Subscription plans. A change asks `now` once no usage can be in the middle of being priced and
/// nobody in the middle of subscribing.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// The plans in their display order.
    ///
    /// # Errors
    /// When the database fails.
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError>;

    /// One plan, on offer or not.
    ///
    /// # Errors
    /// When the database fails.
    async fn plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError>;

    /// Creates a plan; the same plan again is answered as it is stored.
    ///
    /// # Errors
    /// When the database fails; within, [`PlanRefusal::Exists`].
    async fn create_plan(
        &self,
        id: PlanId,
        content: PlanChange,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError>;

    /// Changes a plan. New terms are in force from now on; those before keep theirs.
    ///
    /// # Errors
    /// When the database fails; within, [`PlanRefusal::NotFound`].
    async fn update_plan(
        &self,
        id: PlanId,
        change: PlanChange,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError>;

    /// Takes a plan off the offer, with `keep_subscribers` also one that subscriptions use.
    ///
    /// # Errors
    /// When the database fails; within, [`PlanRefusal::NotFound`] or [`PlanRefusal::InUse`].
    async fn deactivate_plan(
        &self,
        id: PlanId,
        keep_subscribers: bool,
        now: Now,
    ) -> Result<Result<Plan, PlanRefusal>, StoreError>;
}

/// Users' billing settings.
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// A user's settings; the defaults when none were set.
    ///
    /// # Errors
    /// When the database fails.
    async fn settings(&self, user_id: UserId) -> Result<Settings, StoreError>;

    /// Changes settings, and what the account holds of them, and answers with all of them. `now` is
    /// asked once the account is locked.
    ///
    /// # Errors
    /// When the database fails.
    async fn update_settings(
        &self,
        user_id: UserId,
        change: SettingsChange,
        now: Now,
    ) -> Result<Settings, StoreError>;
}

/// What users pay of list prices, and tax. A change asks `now` once the account is locked.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// A user's account as of a time; one with defaults when nothing is stored of the user.
    ///
    /// # Errors
    /// When the database fails.
    async fn user_account(
        &self,
        user_id: UserId,
        now: DateTime<Utc>,
    ) -> Result<UserAccount, StoreError>;

    /// Sets what a user pays of list prices from a time on, or from now on.
    ///
    /// # Errors
    /// When the database fails.
    async fn set_discount_rate(
        &self,
        user_id: UserId,
        rate: Rate,
        effective_from: Option<DateTime<Utc>>,
        now: Now,
    ) -> Result<UserAccount, StoreError>;

    /// Sets a user's tax.
    ///
    /// # Errors
    /// When the database fails.
    async fn set_tax(
        &self,
        user_id: UserId,
        rate: Rate,
        exempt: bool,
        now: Now,
    ) -> Result<UserAccount, StoreError>;
}

/// An account with what no usage needs.
#[derive(Debug, Clone)]
pub struct UserAccount {
    /// The account; its discount is the one in force at the time that was asked for.
    pub account: Account,
    /// What the user pays of list prices once that discount ends.
    pub next_discount_rate: Option<Rate>,
    /// The tax on invoices.
    pub tax_rate: Rate,
    /// Whether no tax is owed whatever the rate.
    pub tax_exempt: bool,
    /// What is left of credit notes, in USD.
    pub credit_balance: Money,
    /// What all months without an invoice owe before coupons and tax, in USD.
    pub uninvoiced_amount: Money,
}

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

    /// What a record would cost if it were committed at `now`. Changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    async fn quote(
        &self,
        usage: Usage,
        now: DateTime<Utc>,
    ) -> Result<Result<Quote, QuoteError>, StoreError>;

    /// Reverses a record by a correction, which is answered.
    ///
    /// # Errors
    /// When the database fails.
    async fn void_usage(
        &self,
        order: VoidOrder,
        now: Now,
    ) -> Result<Result<UsageRecord, VoidRefusal>, StoreError>;

    /// A user's account as of `now`; a new one when nothing is stored of the user.
    ///
    /// # Errors
    /// When the database fails.
    async fn account(&self, user_id: UserId, now: DateTime<Utc>) -> Result<Account, StoreError>;

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

/// A record to be reversed.
#[derive(Debug, Clone)]
pub struct VoidOrder {
    /// Whose record.
    pub user_id: UserId,
    /// The record.
    pub id: RecordId,
    /// The id of the correction.
    pub correction_id: RecordId,
    /// Why, for bookkeepers.
    pub reason: Option<String>,
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

/// Users' subscriptions.
#[async_trait]
pub trait SubscriptionStore: Send + Sync {
    /// Carries out an order in one transaction. `now` is asked once the account is locked.
    ///
    /// # Errors
    /// When the database fails.
    async fn order_subscription(
        &self,
        user_id: UserId,
        order: SubscriptionOrder,
        now: Now,
    ) -> Result<Result<SubscriptionState, SubscriptionRefusal>, StoreError>;

    /// The user's live subscription as of `now`.
    ///
    /// # Errors
    /// When the database fails.
    async fn live_subscription(
        &self,
        user_id: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<SubscriptionState>, StoreError>;

    /// At most `limit` of the user's subscriptions as of `now`, newest first, those that come after
    /// one in that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn subscriptions(
        &self,
        user_id: UserId,
        after: Option<SubscriptionId>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionState>, StoreError>;

    /// Brings at most `limit` accounts whose window is over to `now`, in one transaction, and
    /// answers how many. Any number of servers may do so at once.
    ///
    /// # Errors
    /// When the database fails.
    async fn renew_due(&self, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError>;
}

/// Coupons and what users have redeemed.
#[async_trait]
pub trait CouponStore: Send + Sync {
    /// Creates a coupon. `None` when its code is taken.
    ///
    /// # Errors
    /// When the database fails.
    async fn create_coupon(&self, coupon: Coupon) -> Result<Option<Coupon>, StoreError>;

    /// At most `limit` coupons, newest first, those that come after one in that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn coupons(&self, after: Option<CouponId>, limit: i64)
    -> Result<Vec<Coupon>, StoreError>;

    /// Stops a coupon from being redeemed. `None` when there is no such coupon.
    ///
    /// # Errors
    /// When the database fails.
    async fn deactivate_coupon(
        &self,
        id: CouponId,
        now: DateTime<Utc>,
    ) -> Result<Option<Coupon>, StoreError>;

    /// Redeems a coupon in one transaction. `now` is asked once the coupon is locked. A call with
    /// the request id of an earlier redemption answers with that one.
    ///
    /// # Errors
    /// When the database fails.
    async fn redeem(
        &self,
        order: RedeemOrder,
        now: Now,
    ) -> Result<Result<(Coupon, Redemption), CouponRefusal>, StoreError>;

    /// What [`CouponStore::redeem`] would answer at `now`. Changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    async fn preview_redemption(
        &self,
        order: RedeemOrder,
        now: DateTime<Utc>,
    ) -> Result<Result<(Coupon, Redemption), CouponRefusal>, StoreError>;

    /// At most `limit` redemptions of a user, newest first, those that come after one in that
    /// order.
    ///
    /// # Errors
    /// When the database fails.
    async fn redemptions(
        &self,
        user_id: UserId,
        after: Option<RedemptionId>,
        limit: i64,
    ) -> Result<Vec<Redemption>, StoreError>;
}

/// A coupon to be redeemed.
#[derive(Debug, Clone)]
pub struct RedeemOrder {
    /// Who redeems it.
    pub user_id: UserId,
    /// Its code, in any case.
    pub code: String,
    /// The id of the redemption.
    pub redemption_id: RedemptionId,
    /// The caller's id of the call.
    pub request_id: Option<RequestId>,
}
