//! The rules of billing as pure functions: state, time and prices come in, decisions go out.
//!
//! Nothing here reads a clock, draws a random number or does I/O, so every rule can be tested with
//! values alone and is the same on every server and database.
//!
//! Words of their own:
//! - [`money`]: exact amounts, prices and rates, and the one rounding function
//! - [`month`]: calendar months in UTC
//! - [`ids`]: typed ids and the rules they obey
//! - [`text`]: free text that people read
//! - [`refusal`]: why a call is refused, and what callers read then
//! - [`event_type`]: what the world can be told of
//! - [`document`]: who issued an invoice to whom, and its number in a series without gaps
//!
//! Data, and tables of the transitions there are:
//! - [`usage`]: what a caller sends, the record that it becomes, and what records add up to
//! - [`catalog`]: prices of models and versions of plans, which are only ever added to
//! - [`quota_window`]: stretches of time, and quota windows
//! - [`subscription`]: subscriptions, their states and periods
//! - [`coupon`]: coupons, and what redeemed ones take of a month
//! - [`settings`]: a user's billing settings
//! - [`invoice`]: what a month is invoiced at, and what becomes of invoices
//! - [`payment`]: money that comes in, and what providers say of it
//! - [`report`]: figures over many records
//! - [`delivery`]: when events are delivered, and when no more
//! - [`webhook`]: where events are sent, and what they are signed with
//! - [`event`]: what the world is told of
//!
//! And the aggregate that they serve:
//! - [`account`]: a user's account, and the commands that change it
//!
//! Each module uses only those above it, and no two use each other.

// In tests an overflow panics, which is what they want.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod account;
pub mod catalog;
pub mod coupon;
pub mod delivery;
pub mod document;
pub mod event;
pub mod event_type;
pub mod ids;
pub mod invoice;
pub mod money;
pub mod month;
pub mod payment;
pub mod quota_window;
pub mod refusal;
pub mod report;
pub mod settings;
pub mod subscription;
#[cfg(test)]
mod testing;
pub mod text;
pub mod usage;
mod violation;
pub mod webhook;

pub use violation::Violation;
