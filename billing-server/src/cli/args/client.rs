//! The commands that are clients of a running server.

use std::path::PathBuf;

use billing_core::{invoice::InvoiceStatus, month::Month, payment::TransactionStatus};
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};

use super::SETTINGS_HELP;
use crate::config::{CommonOptions, KeyOptions, Options, SecretText};

/// How the server is reached.
#[derive(Debug, Args)]
pub(crate) struct ClientOptions {
    /// Where the server listens
    #[arg(
        long,
        value_name = "URL",
        env = "BILLING_ENDPOINT",
        default_value = "http://127.0.0.1:8080",
        value_parser = endpoint
    )]
    pub(crate) endpoint: String,
    /// Token with the scopes that the command needs [default: a new one, signed with the key file]
    #[arg(long, value_name = "TOKEN", env = "BILLING_TOKEN", hide_env = true)]
    pub(crate) token: Option<SecretText>,
    /// PEM certificate authority that vouches for an https endpoint [default: the system's]
    #[arg(long, value_name = "FILE", env = "BILLING_TLS_CA")]
    pub(crate) tls_ca: Option<PathBuf>,
    #[command(flatten)]
    common: CommonOptions,
    #[command(flatten)]
    keys: KeyOptions,
}

impl ClientOptions {
    /// The settings among the flags.
    #[must_use]
    pub(crate) fn options(&self) -> Options {
        Options {
            common: self.common.clone(),
            keys: self.keys.clone(),
            ..Options::default()
        }
    }
}

/// `prices`
#[derive(Debug, Subcommand)]
pub(crate) enum PricesCommand {
    /// Sets the prices that a file lists.
    #[command(
        about = "Set the prices that a file lists; those in force already stay as they are",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Import(PricesImport),
    /// Shows the prices that a model has had.
    #[command(
        about = "Show every price that a model has had, the one set last first, by the id that \
            records name",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    History(PricesHistory),
}

/// `prices history`
#[derive(Debug, Args)]
pub(crate) struct PricesHistory {
    /// The model, as its price names it
    pub(crate) model: String,
    /// Print the prices as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `prices import`
#[derive(Debug, Args)]
pub(crate) struct PricesImport {
    /// File with prices
    pub(crate) file: PathBuf,
    /// How the file is written [default: litellm for .json, csv for .csv]
    #[arg(long)]
    pub(crate) format: Option<PriceFormat>,
    /// From when the prices are in force, as in 2024-11-01T00:00:00Z [default: now, or always for a
    /// model's first price]
    #[arg(long, value_name = "TIME", value_parser = rfc3339)]
    pub(crate) effective_from: Option<DateTime<Utc>>,
    /// Name all models, not only the first of each kind
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Print the summary as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// How a file with prices is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriceFormat {
    /// LiteLLM's JSON map of models, in USD per token
    Litellm,
    /// Columns named like the fields of a price, in USD per 1,000 tokens
    Csv,
}

/// `usage`
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Records the usage that a file lists.
    #[command(
        about = "Record the usage that a file lists; what is recorded already is not charged again",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Import(UsageImport),
}

/// `usage import`
#[derive(Debug, Args)]
pub(crate) struct UsageImport {
    /// File with usage; - reads standard input
    pub(crate) file: PathBuf,
    /// How the file is written [default: csv for .csv, jsonl for .jsonl]
    #[arg(long)]
    pub(crate) format: Option<UsageFormat>,
    /// Read and check everything, and show what would be sent, but send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Users that an azure-trace is dealt over
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000)
    )]
    pub(crate) users: u64,
    /// Models that an azure-trace is dealt over
    #[arg(
        long,
        value_name = "MODEL,...",
        value_delimiter = ',',
        required_if_eq("format", "azure-trace")
    )]
    pub(crate) models: Vec<String>,
    /// Decides who made which call of an azure-trace, and of which model
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Batches of 1,000 records that are under way at a time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub(crate) in_flight: u16,
    /// Whether a bar shows how far the import is
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) progress: Progress,
    /// Print the summary as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// How a file with usage is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageFormat {
    /// Columns named like the fields of RecordUsageRequest
    Csv,
    /// One JSON object per line with the fields of RecordUsageRequest
    Jsonl,
    /// TIMESTAMP, ContextTokens and GeneratedTokens, dealt over --users and --models by --seed
    AzureTrace,
}

/// When a progress bar is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// When stderr is a terminal
    Auto,
    /// Never
    Never,
}

/// `report`
#[derive(Debug, Args)]
pub(crate) struct ReportCommand {
    /// Calendar month (UTC)
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Month,
    /// Print the figures as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print all usage records as CSV instead
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Print the month's usage and what it costs per model, user or day instead
    #[arg(long, value_name = "WHAT", conflicts_with = "csv")]
    pub(crate) by: Option<ReportBy>,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// What usage is summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportBy {
    /// What each model earned
    Model,
    /// What each user used
    User,
    /// What was used on each UTC day
    Day,
}

/// `invoices`
#[derive(Debug, Subcommand)]
pub(crate) enum InvoicesCommand {
    /// Issues the invoices of a month.
    #[command(
        about = "Issue the invoices of a month that is over for all users who have none yet",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Close(MonthClose),
    /// Checks the invoices of a month.
    #[command(
        about = "Check every invoice of a month that is over against the usage records",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Reconcile(MonthReconcile),
    /// Lists invoices.
    #[command(
        about = "List invoices and what is left to pay of them; --unpaid shows who owes money",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    List(InvoicesList),
}

/// `invoices list`
#[derive(Debug, Args)]
pub(crate) struct InvoicesList {
    /// Only invoices of this user [default: of all users]
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Only invoices of this calendar month (UTC)
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<Month>,
    /// Only invoices that stand like this
    #[arg(
        long,
        value_name = "STATUS",
        value_parser = PossibleValuesParser::new(InvoiceStatus::ALL.map(InvoiceStatus::name))
    )]
    pub(crate) status: Option<String>,
    /// Only invoices that are to be paid: issued or overdue
    #[arg(long)]
    pub(crate) unpaid: bool,
    /// Print the invoices as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the invoices as CSV, with amounts, tax and how they were paid
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `invoices close`
#[derive(Debug, Args)]
pub(crate) struct MonthClose {
    /// Calendar month (UTC)
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Month,
    /// Whether a bar shows how far the closing is
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) progress: Progress,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `invoices reconcile`
#[derive(Debug, Args)]
pub(crate) struct MonthReconcile {
    /// Calendar month (UTC)
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Month,
    /// Print what was found as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `transactions`
#[derive(Debug, Subcommand)]
pub(crate) enum TransactionsCommand {
    /// Lists transactions.
    #[command(
        about = "List payments and refunds; --attention shows what a person should look at",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    List(TransactionsList),
    /// Asks the providers.
    #[command(
        about = "Compare what the payment providers have charged with the transactions, both ways",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Reconcile(TransactionsReconcile),
    /// Ends what called for an operator.
    #[command(
        about = "Take a transaction that you have looked at off the list of --attention",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    ClearAttention(ClearAttention),
}

/// `transactions list`
#[derive(Debug, Args)]
pub(crate) struct TransactionsList {
    /// Only transactions of this user [default: of all users]
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Only transactions that stand like this
    #[arg(
        long,
        value_name = "STATUS",
        value_parser = transaction_status()
    )]
    pub(crate) status: Option<String>,
    /// Only transactions that may still succeed: pending, or with the user
    #[arg(long)]
    pub(crate) open: bool,
    /// Only transactions that a person should look at
    #[arg(long)]
    pub(crate) attention: bool,
    /// Print the transactions as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the transactions as CSV, with everything that is known of them
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `transactions reconcile`
#[derive(Debug, Args)]
pub(crate) struct TransactionsReconcile {
    /// Day (UTC) [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) day: Option<NaiveDate>,
    /// Every day of a calendar month (UTC), up to today
    #[arg(long, value_name = "YYYY-MM", conflicts_with = "day")]
    pub(crate) month: Option<Month>,
    /// Print what was found as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `transactions clear-attention`
#[derive(Debug, Args)]
pub(crate) struct ClearAttention {
    /// The transaction
    pub(crate) transaction: String,
    /// Whose transaction it is
    #[arg(long, value_name = "USER")]
    pub(crate) user: String,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `series`
#[derive(Debug, Subcommand)]
pub(crate) enum SeriesCommand {
    /// Lists series.
    #[command(
        about = "Show which number comes next in each series of documents",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    List(SeriesList),
    /// Sets a series.
    #[command(
        about = "Have a series of documents go on with a later number, as after a backup was \
            restored that lacks the latest documents",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Set(SeriesSet),
}

/// `series list`
#[derive(Debug, Args)]
pub(crate) struct SeriesList {
    /// Print the series as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// `series set`
#[derive(Debug, Args)]
pub(crate) struct SeriesSet {
    /// What its numbers begin with, such as INV
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: String,
    /// The year (UTC)
    #[arg(long, value_name = "YYYY")]
    pub(crate) year: i32,
    /// The number that comes next; those before it that were not taken never are
    #[arg(long, value_name = "N")]
    pub(crate) next: i64,
    /// How the server is reached.
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

fn transaction_status() -> PossibleValuesParser {
    PossibleValuesParser::new(TransactionStatus::ALL.map(TransactionStatus::name))
}

fn endpoint(text: &str) -> Result<String, &'static str> {
    let url: Option<http::Uri> = text.parse().ok();
    match url.as_ref().and_then(http::Uri::scheme_str) {
        Some("http" | "https") => Ok(text.to_owned()),
        _ => Err("must be a URL such as http://127.0.0.1:8080"),
    }
}

fn rfc3339(text: &str) -> Result<DateTime<Utc>, &'static str> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "must be a time such as 2024-11-01T00:00:00Z")
}
