//! PostgreSQL: connections, pools and transactions around the shared `queries`.

mod bulk;
mod dialect;
#[path = "queries/mod.rs"]
mod queries;

use std::time::Duration;

use deadpool::{Runtime, managed::Timeouts};
use diesel::{ConnectionError, dsl::sql, sql_types::Bool};
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl,
    SimpleAsyncConnection, TransactionManager,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::timeout;

use self::queries::{Shared, Tx};
use crate::{Clock, StoreError, StoreOptions};

type Conn = AsyncPgConnection;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// Any number; every server takes the same lock while it migrates.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_lock(7254190311)";

/// Every connection of a server shares it; who takes migrations back wants it alone.
const SERVER_LOCK: i64 = 7_254_190_312;

/// Writers beside the usage writers: prices, settings, payments.
const OTHER_WRITERS: usize = 2;

pub(crate) struct Backend {
    readers: Pool<Conn>,
    writers: Pool<Conn>,
    shared: Shared,
    /// How long a store method may take, waiting for locks included.
    patience: Duration,
}

impl Backend {
    pub(crate) async fn connect(
        url: &str,
        options: &StoreOptions,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let session = session_setup(options);
        let writers = options.writers.saturating_add(OTHER_WRITERS);
        let backend = Self {
            readers: pool(url, options.read_pool, session.clone() + NO_SCANS, options)?,
            writers: pool(url, writers, session + LOOK_UP_ONLY, options)?,
            shared: Shared::new(clock, options),
            patience: options.statement_timeout + options.lock_timeout + options.connect_timeout,
        };
        drop(backend.readers.get().await?);
        Ok(backend)
    }

    /// Runs `work` outside of a transaction.
    async fn outside<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let tx = Tx::new(self.readers.get().await?, self.shared.clone());
        within(self.patience, tx, work).await
    }

    /// Runs `work` in a transaction of its own task, so that a caller who goes away cannot leave it
    /// half done.
    async fn transaction<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let tx = Tx::new(self.writers.get().await?, self.shared.clone());
        let limit = self.patience;
        let task =
            tokio::spawn(async move { within(limit, tx, |tx| committed(tx, work).boxed()).await });
        task.await
            .map_err(|error| StoreError::Failed(error.to_string()))?
    }
}

/// Gives up on a connection that does not answer: the server's own limits do not reach us when the
/// network drops its packets.
async fn within<T, F>(limit: Duration, mut tx: Tx, work: F) -> Result<T, StoreError>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>>,
{
    let answer = timeout(limit, async {
        let result = work(&mut tx).await;
        or_connection_lost(&mut tx.conn, result).await
    });
    match answer.await {
        Ok(result) => result,
        Err(_) => {
            // The pool must not hand it out again.
            drop(Object::take(tx.conn));
            Err(StoreError::Unavailable(format!(
                "no answer within {limit:?}"
            )))
        }
    }
}

/// A server that closes the connection says so by an error that diesel cannot tell from others;
/// whether the connection still answers tells.
async fn or_connection_lost<T>(
    conn: &mut Conn,
    result: Result<T, StoreError>,
) -> Result<T, StoreError> {
    match result {
        Err(StoreError::Failed(reason)) if conn.batch_execute("").await.is_err() => {
            Err(StoreError::Unavailable(reason))
        }
        other => other,
    }
}

/// Commits `work` with what the world is told of it, or undoes it.
async fn committed<T, F>(tx: &mut Tx, work: F) -> Result<T, StoreError>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>>,
{
    AnsiTransactionManager::begin_transaction(&mut *tx.conn).await?;
    let done = match work(tx).await {
        Ok(value) => tx.write_events().await.map(|()| value),
        Err(error) => Err(error),
    };
    match done {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(&mut *tx.conn).await?;
            tx.note_commit();
            Ok(value)
        }
        Err(error) => {
            // The pool drops a connection that cannot roll back.
            let undone = AnsiTransactionManager::rollback_transaction(&mut *tx.conn).await;
            if let Err(rollback) = undone {
                tracing::debug!(%rollback, "could not roll back");
            }
            Err(error)
        }
    }
}

fn pool(
    url: &str,
    size: usize,
    setup: String,
    options: &StoreOptions,
) -> Result<Pool<Conn>, StoreError> {
    let mut config = ManagerConfig::<Conn>::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| establish(url.to_owned(), setup.clone()).boxed());
    Pool::builder(AsyncDieselConnectionManager::<Conn>::new_with_config(
        url, config,
    ))
    .max_size(size)
    .runtime(Runtime::Tokio1)
    .timeouts(Timeouts {
        wait: Some(options.acquire_timeout),
        create: Some(options.connect_timeout),
        recycle: Some(options.connect_timeout),
    })
    .build()
    .map_err(|error| StoreError::Failed(error.to_string()))
}

/// What readers add to the session. A plan that is made while the tables are small would scan them
/// still when they have grown.
const NO_SCANS: &str = "SET enable_seqscan = off; SET jit = off;";

/// What writers add to the session. Plans are made once, because planning costs a lone record more
/// than running it; and as they may be made while the tables are still empty, when a scan looks
/// cheapest, they may only look rows up. Compiling such plans takes longer than running them.
const LOOK_UP_ONLY: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET jit = off;";

/// Limits for every statement, a sign that a server is there, and durable commits even where the
/// server's default is not.
fn session_setup(options: &StoreOptions) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET timezone = 'UTC'; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') = 'off'; \
         SELECT pg_advisory_lock_shared({SERVER_LOCK});",
        millis(options.statement_timeout),
        millis(options.lock_timeout),
    )
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}

async fn establish(url: String, setup: String) -> Result<Conn, ConnectionError> {
    let mut conn = Conn::establish(&url).await?;
    conn.batch_execute(&setup)
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// A connection that keeps servers away from the database as long as it is open.
///
/// # Errors
/// When a server is there.
pub(crate) async fn without_servers(url: &str) -> Result<Conn, StoreError> {
    let mut conn = connection(url).await?;
    let alone = sql::<Bool>(&format!("SELECT pg_try_advisory_lock({SERVER_LOCK})"));
    if alone.get_result::<bool>(&mut conn).await? {
        return Ok(conn);
    }
    Err(StoreError::Failed(
        "a server is connected to it: stop all servers first".to_owned(),
    ))
}

async fn connection(url: &str) -> Result<Conn, StoreError> {
    let unavailable = |error: ConnectionError| StoreError::Unavailable(error.to_string());
    Conn::establish(url).await.map_err(unavailable)
}

/// Runs `work` on a connection that holds the migration lock.
pub(crate) async fn with_migrations<T: Send + 'static>(
    url: &str,
    work: impl FnOnce(
        &mut AsyncMigrationHarness<Conn>,
        fn() -> EmbeddedMigrations,
    ) -> Result<T, StoreError>
    + Send
    + 'static,
) -> Result<T, StoreError> {
    let mut conn = connection(url).await?;
    conn.batch_execute(MIGRATION_LOCK).await?;
    // The harness blocks; the lock ends with the connection.
    tokio::task::spawn_blocking(move || work(&mut AsyncMigrationHarness::new(conn), || MIGRATIONS))
        .await
        .map_err(|error| StoreError::Failed(error.to_string()))?
}
