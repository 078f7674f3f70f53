//! The rules of billing as pure functions: state, time and prices come in, decisions go out.
//!
//! Nothing here reads a clock, draws a random number or does I/O, so every rule can be tested with
//! values alone and is the same on every server and database.
//!
//! - [`money`]: exact amounts, prices and rates, and the one rounding function
//! - [`month`]: calendar months in UTC
//! - [`ids`]: text ids and the rule they obey
//! - [`pricing`]: model prices, their choice by time, and price changes
//! - [`plan`]: subscription plans, their terms over time, and changes of them
//! - [`settings`]: a user's billing settings
//! - [`text`]: free text that people read
//! - [`usage`]: what a caller sends, validated
//! - [`account`]: the state of one user that rating reads and changes
//! - [`terms`]: what a record was charged by
//! - [`window`]: stretches of time, and quota windows
//! - [`subscription`]: subscriptions, their moves and what time does to them
//! - [`coupon`]: coupons, and what redeemed ones take
//! - [`alert`]: warning users who are running out of tokens
//! - [`user`]: a user within a transaction, and what decisions change
//! - [`rating`]: what a record costs and who pays it
//! - [`correction`]: voiding a record
//! - [`invoice`]: what a month is invoiced at, and what becomes of invoices
//! - [`report`]: figures over many records

// In tests an overflow panics, which is what they want.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod account;
pub mod alert;
pub mod correction;
pub mod coupon;
pub mod ids;
pub mod invoice;
pub mod money;
pub mod month;
pub mod plan;
pub mod pricing;
pub mod rating;
pub mod report;
pub mod settings;
pub mod subscription;
pub mod terms;
pub mod text;
pub mod usage;
pub mod user;
mod violation;
pub mod window;

pub use violation::Violation;
