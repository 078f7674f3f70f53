//! SQLite: connections, pools and transactions around the shared `queries`.

mod dialect;
mod fold;
#[path = "queries/mod.rs"]
mod queries;

use std::{
    error::Error,
    fs::{File, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use deadpool::{Runtime, managed::Timeouts};
use diesel::{
    Connection, ConnectionError, SqliteConnection,
    connection::SimpleConnection,
    connection::{AnsiTransactionManager, TransactionManager},
};
use diesel_async::{
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;

use self::queries::{Shared, Tx};
use crate::{Clock, StoreError, StoreOptions};

type Conn = SyncConnectionWrapper<SqliteConnection, InPlace>;

/// Read and write for the owner alone.
const OWNER_ONLY: u32 = 0o600;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

/// Every commit reaches the disk before it is answered; a longer log between checkpoints is worth
/// a quarter more commits.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 10000;";

/// Runs statements on the thread that asks: whole store methods run on a blocking thread, so a
/// transaction is one trip there instead of one per statement.
pub(crate) struct InPlace;

impl SpawnBlocking for InPlace {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        let result = task();
        async move { Ok(result) }.boxed()
    }

    fn get_runtime() -> Self {
        Self
    }
}

pub(crate) struct Backend {
    readers: Pool<Conn>,
    /// A pool of one: SQLite has one writer, so writers queue here and not on `SQLITE_BUSY`.
    writer: Pool<Conn>,
    shared: Shared,
    /// Held as long as the server lives: one file, one server.
    _lock: File,
}

impl Backend {
    pub(crate) fn connect(
        path: &Path,
        options: &StoreOptions,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let lock = lock_file(path, "another server; several servers need PostgreSQL")?;
        check_writable(path)?;
        Ok(Self {
            readers: pool(path, options.read_pool, options)?,
            writer: pool(path, 1, options)?,
            shared: Shared::new(clock, options),
            _lock: lock,
        })
    }

    /// Runs `work` outside of a transaction.
    async fn outside<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let tx = Tx::new(self.readers.get().await?, self.shared.clone());
        blocking(tx, work).await
    }

    /// Runs `work` in a transaction on a blocking thread, where a caller who goes away cannot leave
    /// it half done.
    async fn transaction<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let tx = Tx::new(self.writer.get().await?, self.shared.clone());
        blocking(tx, |tx| committed(tx, work).boxed()).await
    }
}

async fn blocking<T, F>(mut tx: Tx, work: F) -> Result<T, StoreError>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(move || Handle::current().block_on(work(&mut tx)))
        .await
        .map_err(|error| StoreError::Failed(error.to_string()))?
}

/// Commits `work` with what the world is told of it, or undoes it. `BEGIN IMMEDIATE`, because a
/// transaction that reads before it writes cannot wait for the lock.
async fn committed<T, F>(tx: &mut Tx, work: F) -> Result<T, StoreError>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>>,
{
    let begin =
        |conn: &mut _| AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE");
    tx.conn.spawn_blocking(begin).await?;
    let done = match work(tx).await {
        Ok(value) => tx.write_events().await.map(|()| value),
        Err(error) => Err(error),
    };
    match done {
        Ok(value) => {
            let commit = AnsiTransactionManager::commit_transaction;
            tx.conn.spawn_blocking(commit).await?;
            tx.note_commit();
            Ok(value)
        }
        Err(error) => {
            let rollback = AnsiTransactionManager::rollback_transaction;
            if let Err(rollback) = tx.conn.spawn_blocking(rollback).await {
                tracing::warn!(%rollback, "could not roll back");
            }
            Err(error)
        }
    }
}

/// The file that keeps servers away from the database as long as it is open.
///
/// # Errors
/// When a server is there.
pub(crate) fn without_server(path: &Path) -> Result<File, StoreError> {
    lock_file(path, "a server: stop it first")
}

/// Locks the file beside the database; `others` is who may have done so before.
fn lock_file(path: &Path, others: &str) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = private_file(&name)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Failed(format!(
            "{} is in use by {others}",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unwritable(&name, &error)),
    }
}

/// Opens a file for writing; one that is made can be read by its owner only. SQLite gives the files
/// that it puts beside a database the same permissions.
fn private_file(path: &Path) -> Result<File, StoreError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let opened = options.mode(OWNER_ONLY).open(path);
    opened.map_err(|error| unwritable(path, &error))
}

/// Fails now instead of at the first record if the database, or the folder that holds its log, can
/// only be read.
fn check_writable(path: &Path) -> Result<(), StoreError> {
    private_file(path)?;
    let refused = |error: &dyn Error| unwritable(path, error);
    let mut conn = open(path_text(path)?).map_err(|error| refused(&error))?;
    let written = conn.batch_execute("BEGIN IMMEDIATE; ROLLBACK");
    written.map_err(|error| refused(&error))
}

fn unwritable(path: &Path, error: &dyn Error) -> StoreError {
    let path = path.display();
    StoreError::Failed(format!("{path} cannot be written: {error}"))
}

fn open(path: &str) -> Result<SqliteConnection, ConnectionError> {
    let mut conn = SqliteConnection::establish(path)?;
    conn.batch_execute(PRAGMAS)
        .and_then(|()| dialect::register_functions(&mut conn))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

fn pool(path: &Path, size: usize, options: &StoreOptions) -> Result<Pool<Conn>, StoreError> {
    let mut config = ManagerConfig::<Conn>::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|path| {
        let conn = open(path).map(Conn::new);
        async move { conn }.boxed()
    });
    let path = path_text(path)?;
    Pool::builder(AsyncDieselConnectionManager::<Conn>::new_with_config(
        path, config,
    ))
    .max_size(size)
    .runtime(Runtime::Tokio1)
    .timeouts(Timeouts::wait_millis(millis(options)))
    .build()
    .map_err(|error| StoreError::Failed(error.to_string()))
}

fn millis(options: &StoreOptions) -> u64 {
    u64::try_from(options.acquire_timeout.as_millis()).unwrap_or(u64::MAX)
}

fn path_text(path: &Path) -> Result<&str, StoreError> {
    path.to_str()
        .ok_or_else(|| StoreError::Failed(format!("{} is not UTF-8", path.display())))
}

/// Runs `work` on a connection of its own.
pub(crate) async fn with_migrations<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&mut SqliteConnection, fn() -> EmbeddedMigrations) -> Result<T, StoreError>
    + Send
    + 'static,
) -> Result<T, StoreError> {
    private_file(path)?;
    let path = path_text(path)?.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut conn =
            open(&path).map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?;
        work(&mut conn, || MIGRATIONS)
    })
    .await
    .map_err(|error| StoreError::Failed(error.to_string()))?
}
