//! Model prices.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    catalog::{Catalog, PriceChange, PriceDecision},
    event::EventData,
    refusal::Refusal,
};
use futures_util::FutureExt;

use super::{
    super::{Backend, Tx, dialect},
    raise_version,
};
use crate::{PriceStore, StoreError, rows::PriceRow};

type Decisions = Vec<Result<PriceDecision, Refusal>>;

#[async_trait]
impl PriceStore for Backend {
    async fn catalog(&self) -> Result<Arc<Catalog>, StoreError> {
        self.read((), |tx, ()| tx.catalog().boxed()).await
    }

    fn cached_catalog(&self) -> Arc<Catalog> {
        self.shared.catalog.get()
    }

    async fn set_prices(&self, changes: Vec<PriceChange>) -> Result<Decisions, StoreError> {
        self.change_catalog(changes, |tx, changes| set_prices(tx, changes).boxed())
            .await
    }
}

async fn set_prices(tx: &mut Tx, changes: Vec<PriceChange>) -> Result<Decisions, StoreError> {
    let version = dialect::lock_catalog(&mut tx.conn).await?;
    let catalog = tx.catalog_at(version).await?;
    let now = tx.now();
    let decisions = catalog.decide_prices(changes, now);
    let mut rows = Vec::new();
    for decision in &decisions {
        if let Ok(PriceDecision::Set(price)) = decision {
            rows.push(PriceRow::from(price));
            tx.tell_all(EventData::PriceChanged(Arc::new(price.clone())), now);
        }
    }
    if !rows.is_empty() {
        dialect::insert(&mut tx.conn, rows).await?;
        raise_version(tx).await?;
    }
    Ok(decisions)
}
