//! Prices and plans. Their versions are added and never rewritten.

mod plans;
mod prices;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::BoxFuture;

use super::{Backend, Tx};
use crate::{
    PriceStore, StoreError,
    schema::{CATALOG, catalog_version},
};

impl Backend {
    /// Runs a change of prices or plans, and reads the catalog again. Usage does not queue behind a
    /// waiting change, and may hold it up too long.
    async fn change_catalog<T, O, F>(&self, order: O, change: F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(&'t mut Tx, O) -> BoxFuture<'t, Result<T, StoreError>>,
        F: Copy + Send + Sync + 'static,
        O: Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        let changed = self.write(order, change).await?;
        // The change stands whether or not the cache learns of it now.
        if let Err(error) = self.catalog().await {
            tracing::debug!(%error, "the catalog was not read again");
        }
        Ok(changed)
    }
}

/// Makes every cache read the catalog again.
async fn raise_version(tx: &mut Tx) -> Result<(), StoreError> {
    diesel::update(catalog_version::table.find(CATALOG))
        .set(catalog_version::version.eq(catalog_version::version + 1))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}
