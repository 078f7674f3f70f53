//! What every `Store` promises, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failed expectation fails the test"
)]

mod accounts;
mod commit;
mod deliveries;
mod documents;
mod effects;
mod events;
mod folding;
mod invoices;
mod listing;
mod locks;
mod payments;
mod plans;
mod prices;
mod record_ids;
mod refusals;
mod scans;
mod schema;
mod sums;
mod support;
mod watched;
mod webhooks;
mod writer;
