//! What the end-to-end tests share: databases, servers and tokens.
//!
//! Nothing has to be started or installed beforehand. A PostgreSQL is found or installed by
//! [`postgres`], [`server`] builds and runs the real `billing-server`, [`stripe`] and [`paypal`] are
//! fakes of payment providers, [`stripe_mock`] is Stripe's own, [`mail_server`] is a real one, and
//! [`tools`] provides programs that others wrote.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that cannot do its work fails the test on the spot"
)]

pub mod mail_server;
pub mod paypal;
pub mod receiver;
pub mod server;
pub mod stripe;
pub mod stripe_mock;
pub mod tools;

pub use server::TestServer;
pub use test_postgres::{self as postgres, Backend, Random, on_both_databases};
