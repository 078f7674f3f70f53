//! Replays a trace of model calls: a CSV file with the columns TIMESTAMP, ContextTokens and
//! GeneratedTokens, such as the Azure LLM inference trace.
//!
//! The rows are dealt over users and models by a seed. Request ids depend on nothing but the
//! file, the line and the seed, so a second run finds every record a duplicate. `--verify` needs
//! a server that holds nothing else.

mod deal;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use billing_client::{
    BillingClient, ReadDecimal, timestamp,
    v1::{GetModelPriceRequest, GetMonthlyReportRequest, ModelPrice, SetModelPriceRequest},
};
use chrono::{DateTime, Utc};
use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use rust_decimal::Decimal;

use deal::{Call, deal};

/// What a step of the replay gives, or the text of what went wrong.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Prices by model.
type Prices = BTreeMap<String, ModelPrice>;

/// Replays a trace of model calls through the billing service.
#[derive(Parser)]
struct Args {
    /// The trace, a CSV file.
    #[arg(long)]
    file: PathBuf,
    /// Where the service listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    endpoint: String,
    /// A token with the scope `admin`.
    #[arg(long, env = "BILLING_TOKEN", hide_env_values = true)]
    token: String,
    /// How many users make the calls.
    #[arg(long, default_value = "200", value_parser = clap::value_parser!(u64).range(1..))]
    users: u64,
    /// The models that are called.
    #[arg(long, default_value = "gpt-4,gpt-3.5-turbo", value_delimiter = ',')]
    models: Vec<String>,
    /// Decides who makes which call of which model.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Calls in flight at a time.
    #[arg(long, default_value = "64")]
    in_flight: NonZeroUsize,
    /// Compares the service's sums with sums over the file.
    #[arg(long)]
    verify: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match replay(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn replay(args: Args) -> Outcome<()> {
    let trace = fs::read(&args.file)?;
    let calls = deal(&trace, args.users, &args.models, args.seed)?;
    let first = calls.first().ok_or("the file has no rows")?.created_at;
    let client = BillingClient::builder(args.endpoint)
        .token(args.token)
        .connect()
        .await?;
    let prices = price_models(&client, &args.models, first).await?;
    record_all(&client, &calls, args.in_flight.get()).await?;
    print_months(&client, &calls).await?;
    if args.verify {
        verify::verify(&client, &calls, &prices).await?;
    }
    Ok(())
}

/// Gives models that have no price their usual one; answers the prices in force at `at`.
async fn price_models(
    client: &BillingClient,
    models: &[String],
    at: DateTime<Utc>,
) -> Outcome<Prices> {
    let mut prices = Prices::new();
    for model in models {
        let request = GetModelPriceRequest {
            model_id: model.clone(),
            at: Some(timestamp(at)),
        };
        let price = match client.get_model_price(request).await {
            Err(error) if error.reason() == "MODEL_NOT_FOUND" => {
                let (prompt, completion) = usual_price(model)
                    .ok_or_else(|| format!("{model} has no price; set one first"))?;
                let price = SetModelPriceRequest {
                    model_id: model.clone(),
                    prompt_price_per_k: Some(prompt.into()),
                    completion_price_per_k: Some(completion.into()),
                    ..SetModelPriceRequest::default()
                };
                client.set_model_price(price).await?
            }
            price => price?,
        };
        prices.insert(model.clone(), price);
    }
    Ok(prices)
}

/// USD per 1,000 prompt and completion tokens.
fn usual_price(model: &str) -> Option<(Decimal, Decimal)> {
    match model {
        "gpt-4" => Some((Decimal::new(3, 2), Decimal::new(6, 2))),
        "gpt-3.5-turbo" => Some((Decimal::new(15, 4), Decimal::new(2, 3))),
        _ => None,
    }
}

async fn record_all(client: &BillingClient, calls: &[Call], in_flight: usize) -> Outcome<()> {
    let started = Instant::now();
    let duplicates = stream::iter(calls)
        .map(|call| async {
            let recorded = client.record_usage(call.usage()).await;
            recorded.map_err(|error| format!("{}: {error}", call.request_id))
        })
        .buffer_unordered(in_flight)
        .try_fold(0_usize, async |duplicates, recorded| {
            Ok(duplicates.saturating_add(usize::from(recorded.duplicate)))
        })
        .await?;
    let micros = started.elapsed().as_micros();
    let per_second = u128::try_from(calls.len())?
        .saturating_mul(1_000_000)
        .checked_div(micros)
        .unwrap_or_default();
    let recorded = calls.len().saturating_sub(duplicates);
    println!("recorded: {recorded}, duplicates: {duplicates}, records per second: {per_second}");
    Ok(())
}

async fn print_months(client: &BillingClient, calls: &[Call]) -> Outcome<()> {
    let months: BTreeSet<_> = calls.iter().map(Call::month).collect();
    for month in months {
        let request = GetMonthlyReportRequest { month };
        let report = client.get_monthly_report(request).await?;
        println!(
            "{}: {} records, {} tokens, {} USD",
            report.month,
            report.record_count,
            report.total_tokens,
            report.total_revenue.decimal()?
        );
    }
    Ok(())
}
