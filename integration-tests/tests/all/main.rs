//! The end-to-end tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failed expectation fails the test"
)]

mod accounts;
mod auth;
mod bad_input;
mod bulk;
mod check;
mod client;
mod command_line;
mod concurrency;
mod coupon_race;
mod coupons;
mod coupons_together;
mod deliveries;
mod documents;
mod events;
mod every_method;
mod examples;
mod faults;
mod folding;
mod foreign;
mod golden;
mod harness;
mod import;
mod invoices;
mod lists;
mod load;
mod mail;
mod model;
mod month_end;
mod openapi;
mod payments;
mod plans;
mod prices;
mod records;
mod reports;
mod settings;
mod subscriptions;
mod support;
mod voids;
mod webhooks;
mod windows;
mod wire;
mod worked_examples;
