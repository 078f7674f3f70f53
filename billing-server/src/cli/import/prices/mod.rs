//! Setting the prices that a file lists.

mod csv;
mod entry;
mod litellm;
mod summary;

use std::{collections::HashSet, io::BufReader, path::Path};

use billing_client::{
    BillingClient,
    google::r#type::Decimal,
    timestamp,
    v1::{ImportModelPricesRequest, SetModelPriceRequest},
};
use billing_core::money::Price;
use chrono::{DateTime, Utc};
use tokio::runtime::Runtime;

use self::{
    entry::{Entry, Found, Listed},
    summary::Summary,
};
use super::{extension, open, outcome};
use crate::{
    cli::{
        args::{PriceFormat, PricesImport},
        connect::connect,
        exit::{CommandError, Exit},
    },
    stdout,
};

/// Prices in one call; each call is one transaction.
const PRICES_PER_CALL: usize = 1_000;

/// Sets the prices that the file lists and prints a summary.
pub(crate) fn run(command: &PricesImport) -> Result<(), CommandError> {
    let entries = read(command)?;
    let mut summary = Summary::new(command.verbose);
    let prices = sort(entries, &mut summary);
    Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        for call in prices.chunks(PRICES_PER_CALL) {
            send(&client, call, command.effective_from, &mut summary).await?;
        }
        Ok::<_, CommandError>(())
    })?;
    let text = if command.json {
        summary.json().map_err(CommandError::failure)?
    } else {
        summary.to_string()
    };
    stdout::line(text)?;
    outcome(summary.rejected())
}

fn read(command: &PricesImport) -> Result<Vec<Entry>, CommandError> {
    let format = command.format.or_else(|| guess(&command.file));
    let format = format
        .ok_or_else(|| CommandError::new(Exit::Usage, "--format is needed: litellm or csv"))?;
    let file = BufReader::new(open(&command.file)?);
    let entries = match format {
        PriceFormat::Litellm => litellm::read(file),
        PriceFormat::Csv => csv::read(file),
    };
    entries.map_err(|reason| CommandError::unusable(&command.file, reason))
}

fn guess(path: &Path) -> Option<PriceFormat> {
    match extension(path)? {
        "json" => Some(PriceFormat::Litellm),
        "csv" => Some(PriceFormat::Csv),
        _ => None,
    }
}

/// Counts every entry; answers those whose price can be sent.
fn sort(entries: Vec<Entry>, summary: &mut Summary) -> Vec<Listed> {
    let mut seen = HashSet::new();
    let mut prices = Vec::new();
    for Entry { model, found } in entries {
        summary.read();
        match found {
            Found::Skipped(skip) => summary.skipped(skip, model),
            Found::Rejected(reason) => summary.rejected_here(&model, &reason),
            // The second price would come into force at once and the next import undo it.
            Found::Price(_) if !seen.insert(model.clone()) => {
                summary.rejected_here(&model, "is listed twice");
            }
            Found::Price(listed) => {
                for warning in &listed.warnings {
                    summary.warned(*warning, model.clone());
                }
                prices.push(Listed { model, ..listed });
            }
        }
    }
    prices
}

async fn send(
    client: &BillingClient,
    prices: &[Listed],
    from: Option<DateTime<Utc>>,
    summary: &mut Summary,
) -> Result<(), CommandError> {
    let messages = prices.iter().map(|listed| message(listed, from));
    let request = ImportModelPricesRequest {
        prices: messages.collect(),
    };
    let answer = client.import_model_prices(request).await?;
    summary.answered(prices, &answer);
    Ok(())
}

fn message(listed: &Listed, from: Option<DateTime<Utc>>) -> SetModelPriceRequest {
    let decimal = |price: Price| Decimal {
        value: price.to_string(),
    };
    let prices = &listed.prices;
    SetModelPriceRequest {
        model_id: listed.model.clone(),
        provider: listed.provider.clone(),
        prompt_price_per_k: Some(decimal(prices.prompt)),
        completion_price_per_k: Some(decimal(prices.completion)),
        cached_prompt_price_per_k: prices.cached_prompt.map(decimal),
        cache_write_price_per_k: prices.cache_write.map(decimal),
        reasoning_price_per_k: prices.reasoning.map(decimal),
        effective_from: from.map(timestamp),
        allow_backdate: false,
    }
}
