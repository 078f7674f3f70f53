//! Durable storage of the billing service on SQLite and PostgreSQL.
//!
//! The server sees the object-safe [`Store`] and the [`UsageWriter`] in front of it. Queries are
//! written once in `queries/`, which both backends mount beside their own `Conn`; what really
//! differs between the databases lives in their `dialect` modules with the same signatures.

// Shared queries are compiled once per backend on purpose; see `postgres` and `sqlite`.
#![allow(clippy::duplicate_mod)]

mod connect;
mod error;
mod json;
mod postgres;
mod retry;
mod rows;
pub mod schema;
pub mod sql_types;
mod sqlite;
mod store;
mod tails;
mod usage_writer;

pub use connect::{Database, SchemaState, StoreOptions, connect, migrate, revert, schema_state};
pub use error::StoreError;
pub use store::{
    AccountStore, AttemptReport, BegunDelivery, BegunPayment, Clock, ClosedUsers, CouponStore,
    DeliveryOptions, DeliveryStore, EndedDelivery, EventFilter, EventRenderer, EventStore,
    FoldStore, Followed, FoundRecords, InvoiceChange, InvoiceFilter, InvoiceOrder, InvoiceStore,
    InvoicedRecord, LONG_TAIL, MAX_EVENT_BYTES, MailOutlets, MonthFilter, MonthProgress,
    NewInvoiceId, PaidBy, PaymentFor, PaymentOrder, PaymentStore, PlanStore, PriceStore,
    RecordFilter, RenderedEvent, ReportStore, SettingsStore, Store, StoredDelivery, StoredEvent,
    StoredMail, SubscriptionStore, SumsFilter, Swept, Tails, TransactionFilter, UsageStore,
    UserUsage, UsersToClose, WebhookEndpointStore, WrittenEvent,
};
pub use usage_writer::{QueuedUsage, RecordError, SLICE, UsageWriter, UsageWriterTasks};
