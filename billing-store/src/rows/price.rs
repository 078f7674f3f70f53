//! Rows of `model_prices`.

use billing_core::{
    catalog::{ModelPrice, TokenPrices},
    ids::{ModelId, PriceId},
};
use diesel::sql_types::{Integer, Nullable, Text};

use super::{DbPrice, DbTimestamp, table::table_row};
use crate::sql_types::{DbFixed, ExactDecimal, UtcTimestamp};

table_row! {
    PriceRow, PriceColumns in model_prices {
        id: i32 as Integer = "integer", Key;
        model_id: String as Text = "text", Insert;
        provider: String as Text = "text", Insert;
        prompt_price_per_k: DbPrice as ExactDecimal = "numeric", Insert;
        completion_price_per_k: DbPrice as ExactDecimal = "numeric", Insert;
        cached_prompt_price_per_k: Option<DbPrice> as Nullable<ExactDecimal> = "numeric", Insert;
        cache_write_price_per_k: Option<DbPrice> as Nullable<ExactDecimal> = "numeric", Insert;
        reasoning_price_per_k: Option<DbPrice> as Nullable<ExactDecimal> = "numeric", Insert;
        effective_from: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        created_by: String as Text = "text", Insert;
    }
}

impl From<PriceRow> for ModelPrice {
    fn from(row: PriceRow) -> Self {
        Self {
            id: PriceId::new(row.id),
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
            created_by: row.created_by,
        }
    }
}

impl From<&ModelPrice> for PriceRow {
    fn from(price: &ModelPrice) -> Self {
        Self {
            id: price.id.number(),
            model_id: price.model_id.as_str().to_owned(),
            provider: price.provider.clone(),
            prompt_price_per_k: DbFixed(price.prices.prompt),
            completion_price_per_k: DbFixed(price.prices.completion),
            cached_prompt_price_per_k: price.prices.cached_prompt.map(DbFixed),
            cache_write_price_per_k: price.prices.cache_write.map(DbFixed),
            reasoning_price_per_k: price.prices.reasoning.map(DbFixed),
            effective_from: DbTimestamp(price.effective_from),
            created_at: DbTimestamp(price.created_at),
            created_by: price.created_by.clone(),
        }
    }
}
