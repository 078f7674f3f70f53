//! The end-to-end tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failed expectation fails the test"
)]

mod concurrency;
mod faults;
mod harness;
mod load;
mod schema;
mod store;
