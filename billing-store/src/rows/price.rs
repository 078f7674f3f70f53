//! Rows of `model_prices`.

use billing_core::{
    ids::ModelId,
    pricing::{ModelPrice, TokenPrices},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use super::{DbPrice, DbTimestamp};
use crate::{schema::model_prices, sql_types::DbFixed};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = model_prices, treat_none_as_null = true)]
#[diesel(primary_key(model_id, effective_from))]
pub(crate) struct PriceRow {
    model_id: String,
    provider: String,
    prompt_price_per_k: DbPrice,
    completion_price_per_k: DbPrice,
    cached_prompt_price_per_k: Option<DbPrice>,
    cache_write_price_per_k: Option<DbPrice>,
    reasoning_price_per_k: Option<DbPrice>,
    effective_from: DbTimestamp,
    created_at: DbTimestamp,
}

impl From<PriceRow> for ModelPrice {
    fn from(row: PriceRow) -> Self {
        Self {
            model_id: ModelId::trusted(row.model_id),
            provider: row.provider,
            prices: TokenPrices {
                prompt: row.prompt_price_per_k.0,
                completion: row.completion_price_per_k.0,
                cached_prompt: row.cached_prompt_price_per_k.map(|price| price.0),
                cache_write: row.cache_write_price_per_k.map(|price| price.0),
                reasoning: row.reasoning_price_per_k.map(|price| price.0),
            },
            effective_from: row.effective_from.0,
            created_at: row.created_at.0,
        }
    }
}

impl From<&ModelPrice> for PriceRow {
    fn from(price: &ModelPrice) -> Self {
        Self {
            model_id: price.model_id.as_str().to_owned(),
            provider: price.provider.clone(),
            prompt_price_per_k: DbFixed(price.prices.prompt),
            completion_price_per_k: DbFixed(price.prices.completion),
            cached_prompt_price_per_k: price.prices.cached_prompt.map(DbFixed),
            cache_write_price_per_k: price.prices.cache_write.map(DbFixed),
            reasoning_price_per_k: price.prices.reasoning.map(DbFixed),
            effective_from: DbTimestamp(price.effective_from),
            created_at: DbTimestamp(price.created_at),
        }
    }
}
