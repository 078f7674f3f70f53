//! Opening the database with a schema that this program knows.

use std::{sync::Arc, time::Duration};

use billing_store::{Database, SchemaState, Store, StoreError, StoreOptions};
use tokio::time::{Instant, sleep};

use crate::{cli::Exit, commands::CommandError, settings::Settings};

/// How long a database that is away at the start is waited for.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two attempts to reach it.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Opens the database, waiting for one that is still starting.
pub(super) async fn store(settings: &Settings) -> Result<Arc<dyn Store>, CommandError> {
    let give_up = Instant::now() + START_PATIENCE;
    loop {
        match open(settings).await {
            Err(OpenError::Store(StoreError::Unavailable(reason))) if Instant::now() < give_up => {
                tracing::warn!(reason, "the database is unavailable; trying again");
                sleep(RETRY_PAUSE).await;
            }
            Err(OpenError::Store(error)) => return Err(error.into()),
            Err(OpenError::Schema(message)) => {
                return Err(CommandError::new(Exit::SchemaVersion, message));
            }
            Ok(store) => return Ok(store),
        }
    }
}

enum OpenError {
    Store(StoreError),
    Schema(String),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn open(settings: &Settings) -> Result<Arc<dyn Store>, OpenError> {
    let database = settings.database_url.database();
    let options = StoreOptions {
        read_pool: settings.db_read_pool,
        writers: settings.db_writers,
        acquire_timeout: settings.db_acquire_timeout,
        statement_timeout: settings.db_statement_timeout,
        ..StoreOptions::default()
    };
    // The SQLite file is locked before its schema changes; nobody else may be using it.
    let store = billing_store::connect(database, &options).await?;
    let may_migrate = settings.auto_migrate || matches!(database, Database::Sqlite(_));
    match billing_store::schema_state(database).await? {
        SchemaState::Current => Ok(store),
        SchemaState::Behind(_) if may_migrate => {
            let applied = billing_store::migrate(database).await?;
            tracing::info!(?applied, "the schema was brought up to date");
            Ok(store)
        }
        SchemaState::Behind(missing) => Err(OpenError::Schema(format!(
            "the database lacks {missing} migration(s): run `billing-server migrate`, or start \
             with --auto-migrate"
        ))),
        SchemaState::Ahead => Err(OpenError::Schema(
            "the database was migrated by a newer version of this program".to_owned(),
        )),
    }
}
