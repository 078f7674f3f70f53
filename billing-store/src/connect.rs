//! Choosing the database by URL, and bringing its schema up to date.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use billing_core::{
    document::DocumentOptions,
    payment::{AutomaticPayments, TopupLimits},
};

use crate::{Clock, DeliveryOptions, EventRenderer, Store, StoreError, postgres, sqlite};

/// Which database, by its URL.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// One SQLite file, for one server: the embedded default.
    Sqlite(PathBuf),
    /// A PostgreSQL server's whole URL. It may hold a password.
    Postgres(String),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
}

/// How to reach the database, and the limits of its use.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Connections for reading.
    pub read_pool: usize,
    /// Connections on which usage is written; SQLite always has one writer.
    pub writers: usize,
    /// How long to wait for opening a connection.
    pub connect_timeout: Duration,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may take on PostgreSQL.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock.
    pub lock_timeout: Duration,
    /// What a top-up may cost, and how many there may be by themselves.
    pub topups: TopupLimits,
    /// What is paid by itself; `None` when nothing is.
    pub automatic: Option<AutomaticPayments>,
    /// Renders what the world is told.
    pub events: EventRenderer,
    /// How it is delivered.
    pub deliveries: DeliveryOptions,
    /// Who issues documents, and in which series.
    pub documents: DocumentOptions,
}

impl StoreOptions {
    /// The usual limits, with who renders events.
    #[must_use]
    pub fn new(events: EventRenderer) -> Self {
        Self {
            events,
            deliveries: DeliveryOptions::default(),
            read_pool: 4,
            writers: 1,
            connect_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
            topups: TopupLimits::default(),
            automatic: None,
            documents: DocumentOptions::default(),
        }
    }
}

/// How the database's schema stands to this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// The same.
    Current,
    /// This many migrations are missing.
    Behind(usize),
    /// The database has migrations that this program does not know.
    Ahead,
}

/// Opens a database whose schema is current. The store asks `clock` for the time.
///
/// # Errors
/// When it cannot be reached, or another server holds the SQLite file.
pub async fn connect(
    database: &Database,
    options: &StoreOptions,
    clock: Clock,
) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match database {
        Database::Sqlite(path) => Arc::new(sqlite::Backend::connect(path, options, clock)?),
        Database::Postgres(url) => Arc::new(postgres::Backend::connect(url, options, clock).await?),
    })
}

/// Compares the database's schema with this program's.
///
/// # Errors
/// When the database cannot be reached.
pub async fn schema_state(database: &Database) -> Result<SchemaState, StoreError> {
    match database {
        Database::Sqlite(path) => sqlite::with_migrations(path, migrations::state).await,
        Database::Postgres(url) => postgres::with_migrations(url, migrations::state).await,
    }
}

/// Runs the missing migrations and answers their names. Safe to run on many servers at once.
///
/// # Errors
/// When the database cannot be reached or refuses a migration.
pub async fn migrate(database: &Database) -> Result<Vec<String>, StoreError> {
    match database {
        Database::Sqlite(path) => sqlite::with_migrations(path, migrations::run).await,
        Database::Postgres(url) => postgres::with_migrations(url, migrations::run).await,
    }
}

/// Reverts the latest `count` migrations, with the data in what they made, and answers their names.
///
/// # Errors
/// When the database cannot be reached or refuses, or while a server is connected to it.
pub async fn revert(database: &Database, count: usize) -> Result<Vec<String>, StoreError> {
    match database {
        Database::Sqlite(path) => {
            let _alone = sqlite::without_server(path)?;
            sqlite::with_migrations(path, move |m, s| migrations::revert(m, s, count)).await
        }
        Database::Postgres(url) => {
            let _alone = postgres::without_servers(url).await?;
            postgres::with_migrations(url, move |m, s| migrations::revert(m, s, count)).await
        }
    }
}

mod migrations {
    //! The same steps over either database's migration harness.

    use std::error::Error;

    use diesel::{
        backend::Backend,
        migration::{MigrationSource, MigrationVersion},
    };
    use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

    use super::SchemaState;
    use crate::StoreError;

    fn failed(error: Box<dyn Error + Send + Sync>) -> StoreError {
        StoreError::Failed(format!("migrations: {error}"))
    }

    fn names(versions: &[MigrationVersion<'_>]) -> Vec<String> {
        versions.iter().map(ToString::to_string).collect()
    }

    pub(super) fn state<DB: Backend>(
        harness: &mut impl MigrationHarness<DB>,
        source: fn() -> EmbeddedMigrations,
    ) -> Result<SchemaState, StoreError> {
        let known = MigrationSource::<DB>::migrations(&source()).map_err(failed)?;
        let applied = harness.applied_migrations().map_err(failed)?;
        let missing = known
            .iter()
            .filter(|migration| !applied.contains(&migration.name().version()))
            .count();
        Ok(if applied.len() + missing > known.len() {
            SchemaState::Ahead
        } else if missing > 0 {
            SchemaState::Behind(missing)
        } else {
            SchemaState::Current
        })
    }

    pub(super) fn run<DB: Backend>(
        harness: &mut impl MigrationHarness<DB>,
        source: fn() -> EmbeddedMigrations,
    ) -> Result<Vec<String>, StoreError> {
        Ok(names(
            &harness.run_pending_migrations(source()).map_err(failed)?,
        ))
    }

    pub(super) fn revert<DB: Backend>(
        harness: &mut impl MigrationHarness<DB>,
        source: fn() -> EmbeddedMigrations,
        count: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut reverted = Vec::new();
        for _ in 0..count {
            let version = harness.revert_last_migration(source()).map_err(failed)?;
            reverted.push(version.to_string());
        }
        Ok(reverted)
    }
}
