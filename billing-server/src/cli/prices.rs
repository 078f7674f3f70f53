//! The prices that a model has had.

use billing_client::v1::{ListPriceHistoryRequest, ListPriceHistoryResponse, ModelPrice};
use tokio::runtime::Runtime;

use super::{
    args::PricesHistory,
    connect::connect,
    exit::CommandError,
    table::{price, table, time},
};
use crate::{rest::text::to_answer, stdout};

/// Prints every price of a model, the one that was set last first.
pub(crate) fn history(command: &PricesHistory) -> Result<(), CommandError> {
    let request = ListPriceHistoryRequest {
        model_id: command.model.clone(),
    };
    let found = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        Ok::<_, CommandError>(client.list_price_history(request).await?)
    })?;
    let text = if command.json {
        let message = "billing.v1.ListPriceHistoryResponse";
        to_answer(message, &found).map_err(|error| CommandError::failure(error.message))?
    } else {
        listed(&found)
    };
    stdout::line(text)?;
    Ok(())
}

fn listed(found: &ListPriceHistoryResponse) -> String {
    let header = [
        "price",
        "from",
        "set at",
        "set by",
        "prompt",
        "completion",
        "cached prompt",
        "cache write",
        "reasoning",
    ];
    let table = table(header, 4, found.prices.iter().map(row).collect());
    format!("{table}\nin USD per 1,000 tokens; - is the price of the prompt or the completion")
}

fn row(row: &ModelPrice) -> [String; 9] {
    [
        row.id.clone(),
        time(&row.effective_from),
        time(&row.created_at),
        row.created_by.clone(),
        price(&row.prompt_price_per_k),
        price(&row.completion_price_per_k),
        price(&row.cached_prompt_price_per_k),
        price(&row.cache_write_price_per_k),
        price(&row.reasoning_price_per_k),
    ]
}
