//! The cache of prices and plans.

use std::sync::{Arc, PoisonError, RwLock};

use billing_core::catalog::{Catalog, ModelPrice, PlanVersion};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Conn;
use crate::{
    StoreError,
    rows::{PlanVersionRow, PriceRow},
    schema::{CATALOG, catalog_version, model_prices, plan_versions, subscription_plans},
};

/// Prices and plans as they were last read. It may be dropped at any time: every use in a
/// transaction compares its version with the database's.
#[derive(Debug, Clone, Default)]
pub(super) struct CatalogCache(Arc<RwLock<Arc<Catalog>>>);

impl CatalogCache {
    pub(super) fn get(&self) -> Arc<Catalog> {
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

    /// The catalog at `version`, which the caller has just read.
    pub(super) async fn at_version(
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
            .with_plans(plan_versions(conn).await?);
        let catalog = Arc::new(catalog);
        self.put(Arc::clone(&catalog));
        Ok(catalog)
    }
}

/// The terms of all plans over time, each with whether its plan is on offer.
async fn plan_versions(conn: &mut Conn) -> Result<Vec<(bool, PlanVersion)>, StoreError> {
    let plan = subscription_plans::table.on(subscription_plans::id.eq(plan_versions::plan_id));
    let rows: Vec<(bool, PlanVersionRow)> = plan_versions::table
        .inner_join(plan)
        .select((subscription_plans::is_active, PlanVersionRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(is_active, row)| Ok((is_active, PlanVersion::try_from(row)?)))
        .collect()
}
