//! A PostgreSQL of the tests' own: one server per test process, one database per test. Nothing has
//! to be started or installed beforehand. And what else tests on both databases share.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that cannot do its work fails the test on the spot"
)]

mod backend;
mod binaries;
pub mod build_output;
pub mod install;
mod package;
mod process;
mod random;

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use tokio_postgres::{Client, NoTls};

use self::process::Postgres;
pub use self::{backend::Backend, random::Random};

/// The server, or why there is none, so that every test that needs it says the same.
static SERVER: OnceLock<Result<Postgres, String>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, empty database (UTF-8, locale C).
///
/// # Panics
/// When PostgreSQL is neither found nor can be installed, or does not start.
pub async fn fresh_database() -> String {
    let port = match SERVER.get_or_init(Postgres::start) {
        Ok(server) => server.port(),
        Err(reason) => panic!("no PostgreSQL: {reason}"),
    };
    let url = |database: &str| format!("postgres://postgres@127.0.0.1:{port}/{database}");
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    connect(&url("postgres"))
        .await
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await
        .expect("the database is created");
    url(&name)
}

/// A plain connection, for looking behind the server's back.
///
/// # Panics
/// When the database does not answer.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("PostgreSQL accepts the connection");
    tokio::spawn(connection);
    client
}
