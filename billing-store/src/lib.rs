//! Durable storage of the billing service on SQLite and PostgreSQL.
//!
//! The server sees the object-safe [`Store`] and the [`UsageWriter`] in front of it. Queries are
//! written once in `queries/`, which both backends mount beside their own `Conn`; what really
//! differs between the databases lives in their `dialect` modules with the same signatures.

// Shared queries are compiled once per backend on purpose; see `postgres` and `sqlite`.
#![allow(clippy::duplicate_mod)]

mod connect;
mod error;
mod postgres;
mod rows;
pub mod schema;
pub mod sql_types;
mod sqlite;
mod store;
mod usage_writer;

pub use connect::{Database, SchemaState, StoreOptions, connect, migrate, revert, schema_state};
pub use error::StoreError;
pub use store::{
    AccountStore, ClosedUsers, CouponStore, CreditNoteOrder, Difference, InvoiceChange,
    InvoiceFilter, InvoiceOrder, InvoiceStore, MonthFilter, MonthProgress, NewInvoiceId, Now,
    PlanStore, PriceStore, Reconciled, RecordFilter, RedeemOrder, ReportStore, SettingsStore,
    Store, SubscriptionStore, SumsFilter, UsageStore, UserAccount, UserUsage, UsersToClose,
    VoidOrder,
};
pub use usage_writer::{RecordError, SLICE, UsageWriter, UsageWriterTasks};
