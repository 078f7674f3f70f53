//! What the server asks of a database: one small trait per aggregate.

mod accounts;
mod coupons;
mod deliveries;
mod events;
mod folding;
mod invoices;
mod payments;
mod plans;
mod prices;
mod reports;
mod subscriptions;
mod usage;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use self::{
    accounts::{AccountStore, SettingsStore},
    coupons::CouponStore,
    deliveries::{
        AttemptReport, BegunDelivery, DeliveryOptions, DeliveryStore, EndedDelivery, MailOutlets,
        StoredDelivery, StoredMail,
    },
    events::{
        EventFilter, EventRenderer, EventStore, MAX_EVENT_BYTES, RenderedEvent, StoredEvent,
        WrittenEvent,
    },
    folding::{FoldStore, LONG_TAIL, Swept, Tails},
    invoices::{
        ClosedUsers, InvoiceChange, InvoiceFilter, InvoiceOrder, InvoiceStore, MonthProgress,
        NewInvoiceId, UsersToClose,
    },
    payments::{
        BegunPayment, Followed, PaidBy, PaymentFor, PaymentOrder, PaymentStore, TransactionFilter,
    },
    plans::PlanStore,
    prices::PriceStore,
    reports::{MonthFilter, ReportStore, SumsFilter, UserUsage},
    subscriptions::SubscriptionStore,
    usage::{FoundRecords, InvoicedRecord, RecordFilter, UsageStore},
    webhooks::WebhookEndpointStore,
};
use crate::StoreError;

/// Tells the time. The store asks once its locks are held, so that what it decides is decided in
/// the order of its times.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Everything the server asks of a database.
#[async_trait]
pub trait Store:
    AccountStore
    + CouponStore
    + DeliveryStore
    + EventStore
    + FoldStore
    + InvoiceStore
    + PaymentStore
    + PlanStore
    + PriceStore
    + ReportStore
    + SettingsStore
    + SubscriptionStore
    + UsageStore
    + WebhookEndpointStore
{
    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it does not answer.
    async fn ping(&self) -> Result<(), StoreError>;
}
