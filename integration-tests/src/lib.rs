//! What the end-to-end tests share: databases, servers and tokens.
//!
//! Nothing has to be started or installed beforehand. A PostgreSQL is found or installed by
//! [`postgres`], and [`server`] builds and runs the real `billing-server`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that cannot do its work fails the test on the spot"
)]

pub mod backend;
mod build_output;
pub mod postgres;
pub mod server;

pub use backend::Backend;
pub use server::TestServer;
