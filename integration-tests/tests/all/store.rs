//! What every `Store` promises, on both databases.

mod accounts;
mod commit;
mod effects;
mod invoices;
mod listing;
mod plans;
mod prices;
mod rollups;
mod watched;
mod writer;

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use billing_core::{
    ids::{ModelId, RecordId, RequestId, UserId},
    pricing::{PriceChange, TokenPrices},
    rating::{Outcome, UsageRecord},
    usage::{Fingerprint, Tokens, Usage},
};
use billing_store::{Database, Store, StoreOptions, connect, migrate};
use chrono::{DateTime, Utc};
use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_types::Text};
use integration_tests::{Backend, postgres};
use tempfile::TempDir;

const MODEL: &str = "gpt-4";

/// A store on a database of its own.
struct TestStore {
    store: Arc<dyn Store>,
    database: Database,
    /// Where SQLite keeps its file; removed at the end.
    _home: TempDir,
}

impl TestStore {
    /// A fresh database in which [`MODEL`] costs 0.03 and 0.06 USD per 1,000 tokens.
    async fn open(backend: Backend) -> Self {
        let home = tempfile::tempdir().unwrap();
        let database = match backend {
            Backend::Sqlite => Database::Sqlite(home.path().join("billing.db")),
            Backend::Postgres => Database::Postgres(postgres::fresh_database().await),
        };
        migrate(&database).await.unwrap();
        let store = connect(&database, &StoreOptions::default()).await.unwrap();
        let change = price(MODEL, "0.03", "0.06");
        let set = store.set_prices(vec![change], Arc::new(noon)).await;
        assert!(set.unwrap()[0].is_ok());
        Self {
            store,
            database,
            _home: home,
        }
    }

    async fn commit(&self, batch: &[Arc<Usage>]) -> Vec<Outcome> {
        self.store.commit_usage(batch).await.unwrap()
    }

    fn url(&self) -> &str {
        match &self.database {
            Database::Postgres(url) => url,
            Database::Sqlite(_) => panic!("the store is not on PostgreSQL"),
        }
    }

    /// The rows of a query that selects one text, behind the store's back.
    async fn texts(&self, query: &str) -> Vec<String> {
        self.try_texts(query).await.unwrap()
    }

    async fn try_texts(&self, query: &str) -> Result<Vec<String>, Box<dyn Error>> {
        match &self.database {
            Database::Postgres(url) => {
                let rows = postgres::connect(url).await.query(query, &[]).await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            }
            Database::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().unwrap())?;
                Ok(diesel::dsl::sql::<Text>(query).load(&mut conn)?)
            }
        }
    }

    /// A connection that looks behind the store's back.
    async fn postgres(&self) -> tokio_postgres::Client {
        postgres::connect(self.url()).await
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    time("2026-11-10T12:00:00Z")
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn price(model: &str, prompt: &str, completion: &str) -> PriceChange {
    PriceChange {
        model_id: ModelId::parse(model).unwrap(),
        provider: "openai".to_owned(),
        prices: TokenPrices {
            prompt: prompt.parse().unwrap(),
            completion: completion.parse().unwrap(),
            cached_prompt: None,
            cache_write: None,
            reasoning: None,
        },
        effective_from: None,
        allow_backdate: false,
    }
}

/// A call of [`MODEL`] at noon whose content is its counts.
fn usage(user_id: &str, request_id: &str, prompt: i64, completion: i64) -> Usage {
    static RECORDS: AtomicU64 = AtomicU64::new(0);
    let number = RECORDS.fetch_add(1, Ordering::Relaxed);
    let mut fingerprint = [0; 32];
    fingerprint[..8].copy_from_slice(&prompt.to_be_bytes());
    fingerprint[8..16].copy_from_slice(&completion.to_be_bytes());
    Usage {
        record_id: RecordId::parse(format!("rec-{number:012}")).unwrap(),
        user_id: user(user_id),
        request_id: RequestId::parse(request_id).unwrap(),
        model: ModelId::parse(MODEL).unwrap(),
        provider: String::new(),
        tokens: Tokens {
            prompt,
            completion,
            ..Tokens::default()
        },
        created_at: noon(),
        received_at: noon(),
        fingerprint: Fingerprint(fingerprint),
    }
}

fn of_model(mut usage: Usage, model: &str) -> Usage {
    usage.model = ModelId::parse(model).unwrap();
    usage
}

fn made_at(mut usage: Usage, created_at: &str) -> Usage {
    usage.created_at = time(created_at);
    usage
}

fn batch(usages: impl IntoIterator<Item = Usage>) -> Vec<Arc<Usage>> {
    usages.into_iter().map(Arc::new).collect()
}

fn recorded(outcome: &Outcome) -> &UsageRecord {
    match outcome {
        Outcome::Recorded(record) => record,
        other => panic!("not recorded: {other:?}"),
    }
}

/// `{"2026-11": "1.5"}` for comparisons.
fn texts<K: ToString, V: ToString>(map: &BTreeMap<K, V>) -> BTreeMap<String, String> {
    let pairs = map.iter();
    pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}
