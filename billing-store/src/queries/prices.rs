//! Model prices, and the cache of prices and plans.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use billing_core::pricing::{Catalog, ModelPrice, PriceChange, PriceDecision, PriceInPast};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::BoxFuture;

use super::{Backend, Conn, dialect, plans};
use crate::{
    Now, PriceStore, StoreError,
    rows::PriceRow,
    schema::{CATALOG, catalog_version, model_prices},
};

/// Prices and plans as they were last read. It may be dropped at any time: every use in a transaction
/// compares its version with the database's.
#[derive(Debug, Clone, Default)]
pub(crate) struct CatalogCache(Arc<RwLock<Arc<Catalog>>>);

impl CatalogCache {
    fn get(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, catalog: Arc<Catalog>) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A slow reader must not bring back what another one has replaced.
        if catalog.version() > cached.version() {
            *cached = catalog;
        }
    }

    /// The catalog as it is now.
    pub(super) async fn current(&self, conn: &mut Conn) -> Result<Arc<Catalog>, StoreError> {
        let version = catalog_version::table
            .find(CATALOG)
            .select(catalog_version::version)
            .first(conn)
            .await?;
        self.at_version(conn, version).await
    }

    /// The catalog at `version`, which the caller has just read in its transaction.
    pub(crate) async fn at_version(
        &self,
        conn: &mut Conn,
        version: i64,
    ) -> Result<Arc<Catalog>, StoreError> {
        let cached = self.get();
        if cached.version() == version {
            return Ok(cached);
        }
        let prices = model_prices::table
            .select(PriceRow::as_select())
            .load(conn)
            .await?;
        let catalog = Catalog::new(version, prices.into_iter().map(ModelPrice::from))
            .with_plans(plans::versions(conn).await?);
        let catalog = Arc::new(catalog);
        self.put(Arc::clone(&catalog));
        Ok(catalog)
    }
}

#[async_trait]
impl PriceStore for Backend {
    async fn catalog(&self) -> Result<Arc<Catalog>, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| Box::pin(async move { cache.current(conn).await }))
            .await
    }

    fn cached_catalog(&self) -> Arc<Catalog> {
        self.catalog.get()
    }

    async fn set_prices(
        &self,
        changes: Vec<PriceChange>,
        now: Now,
    ) -> Result<Vec<Result<PriceDecision, PriceInPast>>, StoreError> {
        let cache = self.catalog.clone();
        self.change_catalog(move |conn| {
            let (cache, changes, now) = (cache.clone(), changes.clone(), Arc::clone(&now));
            Box::pin(async move { set_prices(conn, &cache, changes, &now).await })
        })
        .await
    }
}

impl Backend {
    /// Runs a change of prices or plans, and reads the catalog again. Usage does not queue behind a
    /// waiting change, and may hold it up too long.
    pub(super) async fn change_catalog<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>>,
        F: Send + Sync + 'static,
        T: Send + 'static,
    {
        let changed = self.write_again(change).await?;
        // The change stands whether or not the cache learns of it now.
        if let Err(error) = self.catalog().await {
            tracing::debug!(%error, "the catalog was not read again");
        }
        Ok(changed)
    }
}

async fn set_prices(
    conn: &mut Conn,
    cache: &CatalogCache,
    changes: Vec<PriceChange>,
    now: &Now,
) -> Result<Decisions, StoreError> {
    let version = dialect::lock_catalog(conn).await?;
    let catalog = cache.at_version(conn, version).await?;
    let (decisions, new) = decide(&catalog, changes, now());
    if !new.is_empty() {
        let rows = new.iter().map(PriceRow::from).collect();
        dialect::upsert_prices(conn, rows).await?;
        raise_version(conn).await?;
    }
    Ok(decisions)
}

type Decisions = Vec<Result<PriceDecision, PriceInPast>>;

/// Decides each change against the catalog and the changes before it.
fn decide(
    catalog: &Catalog,
    changes: Vec<PriceChange>,
    now: DateTime<Utc>,
) -> (Decisions, Vec<ModelPrice>) {
    let mut new: Vec<ModelPrice> = Vec::new();
    let decisions = changes
        .into_iter()
        .map(|change| {
            let model = change.model_id.clone();
            let mut prices = catalog.prices_of(model.as_str()).to_vec();
            for set in new.iter().filter(|price| price.model_id == model) {
                prices.retain(|price| price.effective_from != set.effective_from);
                prices.push(Arc::new(set.clone()));
            }
            prices.sort_by_key(|price| price.effective_from);
            let decision = change.decide(&prices, now);
            if let Ok(PriceDecision::Set(price)) = &decision {
                new.retain(|other| {
                    other.model_id != model || other.effective_from != price.effective_from
                });
                new.push(price.clone());
            }
            decision
        })
        .collect();
    (decisions, new)
}

/// Makes every cache read the catalog again.
pub(super) async fn raise_version(conn: &mut Conn) -> Result<(), StoreError> {
    diesel::update(catalog_version::table.find(CATALOG))
        .set(catalog_version::version.eq(catalog_version::version + 1))
        .execute(conn)
        .await?;
    Ok(())
}
