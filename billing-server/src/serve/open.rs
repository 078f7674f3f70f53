//! Opening the database with a schema that this program knows.

use std::{sync::Arc, time::Duration};

use billing_core::payment::AutomaticPayments;
use billing_store::{Clock, Database, EventRenderer, SchemaState, Store, StoreError, StoreOptions};
use tokio::time::{Instant, sleep};

use super::error::ServeError;
use crate::config::Config;

/// How long a database that is away at the start is waited for.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two attempts to reach it.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The pause between two warnings that it is away.
const TELL_PAUSE: Duration = Duration::from_secs(10);

/// Opens the database, waiting for one that is still starting. `automatic` is what is paid by
/// itself, and `events` renders events. The store asks `clock` for the time.
pub(super) async fn store(
    config: &Config,
    automatic: Option<AutomaticPayments>,
    events: EventRenderer,
    clock: Clock,
) -> Result<Arc<dyn Store>, ServeError> {
    let options = StoreOptions {
        read_pool: config.db_read_pool,
        writers: config.db_writers,
        acquire_timeout: *config.db_acquire_timeout,
        statement_timeout: *config.db_statement_timeout,
        topups: config.topup_limits(),
        automatic,
        documents: config.documents()?,
        ..StoreOptions::new(events)
    };
    let give_up = Instant::now() + START_PATIENCE;
    let mut tell_again = Instant::now();
    loop {
        match open(config, &options, Clock::clone(&clock)).await {
            Err(ServeError::Store(StoreError::Unavailable(reason))) if Instant::now() < give_up => {
                if tell_again <= Instant::now() {
                    tell_again = Instant::now() + TELL_PAUSE;
                    let database = config.database_url.redacted();
                    let patience = START_PATIENCE.as_secs();
                    tracing::warn!(
                        database,
                        reason,
                        "the database is unavailable; it is tried for {patience} s"
                    );
                }
                sleep(RETRY_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

async fn open(
    config: &Config,
    options: &StoreOptions,
    clock: Clock,
) -> Result<Arc<dyn Store>, ServeError> {
    let database = config.database_url.database();
    // The SQLite file is locked before its schema changes; nobody else may be using it.
    let store = billing_store::connect(database, options, clock).await?;
    if check_schema(config, billing_store::schema_state(database).await?)? {
        let applied = billing_store::migrate(database).await?;
        tracing::info!(?applied, "the schema was brought up to date");
    }
    Ok(store)
}

/// Whether the schema is to be brought up to date.
///
/// # Errors
/// It is not the one that this program knows, and may not be.
pub(crate) fn check_schema(config: &Config, state: SchemaState) -> Result<bool, ServeError> {
    let is_file = matches!(config.database_url.database(), Database::Sqlite(_));
    match state {
        SchemaState::Current => Ok(false),
        SchemaState::Behind(_) if config.auto_migrate || is_file => Ok(true),
        SchemaState::Behind(missing) => Err(ServeError::Schema(format!(
            "the database lacks {missing} migration(s): run `billing-server migrate`, or start \
             with --auto-migrate"
        ))),
        SchemaState::Ahead => Err(ServeError::Schema(
            "the database was migrated by a newer version of this program".to_owned(),
        )),
    }
}
