//! Compares the rate of `RecordUsage` on a running service with that of an empty call.
//!
//! The empty call is a unary echo in this process, so the ratio says what authentication,
//! rating and the durable commit cost on top of gRPC itself.

use std::{
    error::Error,
    process::ExitCode,
    time::{Duration, Instant},
};

use billing_client::{
    BillingClient, Usage,
    v1::{
        GetModelPriceRequest, GetQuotaWarningRequest, GetQuotaWarningResponse, GetStatsRequest,
        GetStatsResponse, SetModelPriceRequest,
        stats_service_client::StatsServiceClient,
        stats_service_server::{StatsService, StatsServiceServer},
    },
};
use clap::Parser;
use futures_util::future::try_join_all;
use rust_decimal::Decimal;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

const CONNECTIONS: usize = 4;
const USERS: usize = 1_000;
const MODEL: &str = "bench-model";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Compares the rate of `RecordUsage` with that of an empty call.
#[derive(Parser)]
struct Args {
    /// Where the service listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    endpoint: String,
    /// A token with the scope `admin`.
    #[arg(long, env = "BILLING_TOKEN", hide_env_values = true)]
    token: String,
    /// How long each number of callers is measured, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many callers wait for an answer at a time.
    #[arg(long, default_value = "16,64,256", value_delimiter = ',')]
    callers: Vec<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match compare(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(args: Args) -> Outcome<()> {
    let echo = connect(&serve_echo().await?, &args.token).await?;
    let service = connect(&args.endpoint, &args.token).await?;
    price_model(service.first().ok_or("no connection")?).await?;
    let length = Duration::from_secs(args.seconds);
    println!("callers   echo/s  p50 us  p99 us  record/s  p50 us  p99 us  ratio");
    for callers in args.callers {
        let echoed = drive(&echo, callers, length, call_echo).await?;
        let recorded = drive(&service, callers, length, record).await?;
        let ratio = Decimal::from(recorded.per_second)
            .checked_div(echoed.per_second.into())
            .unwrap_or_default();
        println!(
            "{callers:>7} {:>8} {:>7} {:>7} {:>9} {:>7} {:>7} {ratio:>6.3}",
            echoed.per_second,
            echoed.p50,
            echoed.p99,
            recorded.per_second,
            recorded.p50,
            recorded.p99,
        );
    }
    Ok(())
}

async fn connect(endpoint: &str, token: &str) -> Outcome<Vec<BillingClient>> {
    let connections = (0..CONNECTIONS).map(|_| {
        let builder = BillingClient::builder(endpoint).token(token);
        builder.connect()
    });
    Ok(try_join_all(connections).await?)
}

async fn price_model(client: &BillingClient) -> Outcome<()> {
    let request = GetModelPriceRequest {
        model_id: MODEL.to_owned(),
        at: None,
    };
    match client.get_model_price(request).await {
        Err(error) if error.reason() == "MODEL_NOT_FOUND" => {
            let price = SetModelPriceRequest {
                model_id: MODEL.to_owned(),
                prompt_price_per_k: Some(Decimal::new(3, 2).into()),
                completion_price_per_k: Some(Decimal::new(6, 2).into()),
                ..SetModelPriceRequest::default()
            };
            client.set_model_price(price).await?;
        }
        price => drop(price?),
    }
    Ok(())
}

struct Echo;

#[tonic::async_trait]
impl StatsService for Echo {
    async fn get_stats(
        &self,
        _: Request<GetStatsRequest>,
    ) -> Result<Response<GetStatsResponse>, Status> {
        Ok(Response::new(GetStatsResponse::default()))
    }

    async fn get_quota_warning(
        &self,
        _: Request<GetQuotaWarningRequest>,
    ) -> Result<Response<GetQuotaWarningResponse>, Status> {
        Err(Status::unimplemented("only an echo"))
    }
}

async fn serve_echo() -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().add_service(StatsServiceServer::new(Echo));
    tokio::spawn(server.serve_with_incoming(incoming));
    Ok(endpoint)
}

async fn call_echo(client: BillingClient, _: usize) -> Outcome<()> {
    let mut echo = StatsServiceClient::new(client.raw());
    echo.get_stats(GetStatsRequest::default()).await?;
    Ok(())
}

async fn record(client: BillingClient, number: usize) -> Outcome<()> {
    let user = number.checked_rem(USERS).unwrap_or_default();
    let usage = Usage::for_user(format!("bench-{user:03}"), MODEL)
        .prompt_tokens(1_000)
        .completion_tokens(200);
    client.record_usage(usage).await?;
    Ok(())
}

/// Calls per second and latencies in microseconds.
struct Measured {
    per_second: u64,
    p50: u64,
    p99: u64,
}

/// Keeps `callers` calls in flight for a while, spread over the connections.
async fn drive<F>(
    clients: &[BillingClient],
    callers: usize,
    length: Duration,
    call: fn(BillingClient, usize) -> F,
) -> Outcome<Measured>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let started = Instant::now();
    let tasks = clients.iter().cycle().take(callers).enumerate();
    let tasks = tasks.map(|(caller, client)| {
        let client = client.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            // Strides of the number of callers take all of them over all users.
            let mut numbers = (caller..).step_by(callers);
            while started.elapsed() < length {
                let number = numbers.next().unwrap_or_default();
                let sent = Instant::now();
                call(client.clone(), number).await?;
                latencies.push(u64::try_from(sent.elapsed().as_micros())?);
            }
            Outcome::Ok(latencies)
        })
    });
    let mut latencies = Vec::new();
    for task in try_join_all(tasks).await? {
        latencies.append(&mut task?);
    }
    measure(latencies, started.elapsed())
}

fn measure(mut latencies: Vec<u64>, elapsed: Duration) -> Outcome<Measured> {
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        let index = latencies.len().saturating_mul(percent).checked_div(100);
        let value = index.and_then(|index| latencies.get(index));
        value.copied().unwrap_or_default()
    };
    let per_second = u128::try_from(latencies.len())?
        .saturating_mul(1_000_000)
        .checked_div(elapsed.as_micros());
    Ok(Measured {
        per_second: per_second.unwrap_or_default().try_into()?,
        p50: percentile(50),
        p99: percentile(99),
    })
}
