//! What the tests share: a store on a database of its own, and what they ask of it.

mod clock;
mod events;
mod log;
mod make;

use std::{error::Error, sync::Arc};

use billing_core::{
    document::DocumentOptions,
    usage::{Outcome, Usage},
};
use billing_store::{Database, Store, StoreOptions, connect, migrate};
use diesel::{
    Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_types::Text,
};
use tempfile::TempDir;
use test_postgres::Backend;

pub(crate) use self::{
    clock::TestClock,
    events::UNSPEAKABLE,
    log::{Logged, Source, Values, by_key},
    make::{
        MODEL, batch, card, change_plan, coupon, made_at, month, new_invoice_ids, of_model, plan,
        plan_with_quota, price, received, recorded, redeem, request, subscribe_to, taxed, texts,
        time, unique, usage, user,
    },
};

/// When the clock stands unless a test sets it.
pub(crate) const NOON: &str = "2026-11-10T12:00:00Z";

/// The usual limits, and events in words of the tests.
pub(crate) fn options() -> StoreOptions {
    StoreOptions::new(events::renderer())
}

/// A store on a database of its own.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) backend: Backend,
    pub(crate) database: Database,
    /// Where SQLite keeps its file; removed at the end.
    _home: TempDir,
}

impl TestStore {
    /// A fresh database at [`NOON`] in which [`MODEL`] costs 0.03 and 0.06 USD per 1,000 tokens.
    pub(crate) async fn open(backend: Backend) -> Self {
        Self::open_with(backend, DocumentOptions::default()).await
    }

    /// The same, issuing documents in another way.
    pub(crate) async fn open_with(backend: Backend, documents: DocumentOptions) -> Self {
        let home = tempfile::tempdir().unwrap();
        let database = database(backend, &home).await;
        migrate(&database).await.unwrap();
        let clock = TestClock::at(NOON);
        let options = StoreOptions {
            documents,
            ..options()
        };
        let store = connect(&database, &options, clock.clock()).await;
        let store = Self {
            store: store.unwrap(),
            clock,
            backend,
            database,
            _home: home,
        };
        store.set_price(MODEL, "0.03", "0.06").await;
        store
    }

    /// The store of a second server with the same clock; SQLite has one server only.
    pub(crate) async fn second_server(&self) -> Arc<dyn Store> {
        match self.backend {
            Backend::Sqlite => Arc::clone(&self.store),
            Backend::Postgres => self.second_server_at(&self.clock).await,
        }
    }

    /// The store of a second server on PostgreSQL with a clock of its own.
    pub(crate) async fn second_server_at(&self, clock: &Arc<TestClock>) -> Arc<dyn Store> {
        let options = options();
        let second = connect(&self.database, &options, clock.clock()).await;
        second.unwrap()
    }

    pub(crate) async fn set_price(&self, model: &str, prompt: &str, completion: &str) {
        let change = vec![price(model, prompt, completion)];
        let set = self.store.set_prices(change).await;
        assert!(set.unwrap()[0].is_ok());
    }

    pub(crate) async fn commit(&self, batch: &[Arc<Usage>]) -> Vec<Outcome> {
        self.store.commit_usage(batch).await.unwrap()
    }

    /// The rows of a query that selects one text, behind the store's back.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        self.try_texts(query).await.unwrap()
    }

    pub(crate) async fn try_texts(&self, query: &str) -> Result<Vec<String>, Box<dyn Error>> {
        match &self.database {
            Database::Postgres(url) => {
                let rows = test_postgres::connect(url).await.query(query, &[]).await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            }
            Database::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().unwrap())?;
                conn.batch_execute("PRAGMA busy_timeout = 5000")?;
                Ok(diesel::dsl::sql::<Text>(query).load(&mut conn)?)
            }
        }
    }

    /// Runs statements behind the store's back.
    pub(crate) async fn execute(&self, statements: &str) {
        match &self.database {
            Database::Postgres(url) => {
                let conn = test_postgres::connect(url).await;
                conn.batch_execute(statements).await.unwrap();
            }
            Database::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                conn.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                conn.batch_execute(statements).unwrap();
            }
        }
    }

    /// A query in the words of the database at hand.
    pub(crate) fn either<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        match self.backend {
            Backend::Sqlite => sqlite,
            Backend::Postgres => postgres,
        }
    }

    /// A connection that looks behind the store's back.
    pub(crate) async fn postgres(&self) -> tokio_postgres::Client {
        match &self.database {
            Database::Postgres(url) => test_postgres::connect(url).await,
            Database::Sqlite(_) => panic!("the store is not on PostgreSQL"),
        }
    }
}

/// An empty database; SQLite's is in `home`.
pub(crate) async fn database(backend: Backend, home: &TempDir) -> Database {
    match backend {
        Backend::Sqlite => Database::Sqlite(home.path().join("billing.db")),
        Backend::Postgres => Database::Postgres(test_postgres::fresh_database().await),
    }
}
