//! Model prices.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    catalog::{Catalog, PriceChange, PriceDecision},
    refusal::Refusal,
};

use crate::StoreError;

/// Model prices.
#[async_trait]
pub trait PriceStore: Send + Sync {
    /// The prices as of now. Reads them only when their version has changed.
    ///
    /// # Errors
    /// When the database fails.
    async fn catalog(&self) -> Result<Arc<Catalog>, StoreError>;

    /// The prices as of some moment, without asking the database.
    fn cached_catalog(&self) -> Arc<Catalog>;

    /// Decides and writes price changes in one transaction, in their order. The time is asked for
    /// once no usage can be in the middle of being priced, so that a price never starts before a
    /// record that was priced without it.
    ///
    /// # Errors
    /// When the database fails; a change that is refused stops no other.
    async fn set_prices(
        &self,
        changes: Vec<PriceChange>,
    ) -> Result<Vec<Result<PriceDecision, Refusal>>, StoreError>;
}
