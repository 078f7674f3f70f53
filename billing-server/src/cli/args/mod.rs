//! What can be said on the command line.

mod client;
mod operator;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use client::{
    ClearAttention, ClientOptions, InvoicesCommand, InvoicesList, MonthClose, MonthReconcile,
    PriceFormat, PricesCommand, PricesHistory, PricesImport, Progress, ReportBy, ReportCommand,
    SeriesCommand, SeriesList, SeriesSet, TransactionsCommand, TransactionsList,
    TransactionsReconcile, UsageCommand, UsageFormat, UsageImport,
};

pub(crate) use operator::{MailCommand, MailTest};

use crate::auth::Scopes;
use crate::auth::caller::check_subject;
use crate::config::{CommonOptions, DatabaseOptions, KeyOptions, Options};

const ABOUT: &str = "Billing for AI gateways: prices, counts and records usage over gRPC and REST";
/// With the commit it was built from.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SERVER_COMMIT"), ")");
const SETTINGS_HELP: &str = "\
Every setting is a flag, a variable BILLING_<NAME> (--database-url: BILLING_DATABASE_URL) or a
key of the TOML file that --config names (database_url); the first of these that names it wins.
Durations are written like 500ms, 30s or 5m.";
const EXIT_HELP: &str = "\
Exit codes: 0 ok; 1 failure at run time; 2 bad flags or settings; 3 finished with rejected rows or
users; 4 the database has another schema version; 5 reconcile difference.";

/// The whole command line. Without a command the flags are those of `serve`.
#[derive(Debug, Parser)]
#[command(
    name = "billing-server",
    version = VERSION,
    about = ABOUT,
    long_about = None,
    after_help = format!("{SETTINGS_HELP}\n\n{EXIT_HELP}"),
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Options,
}

impl Cli {
    /// The command to run.
    #[must_use]
    pub(crate) fn into_command(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

/// What the program can do.
// The texts are named outright: those of flattened options would take their place.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server.
    #[command(
        about = "Run the server until SIGTERM or SIGINT (the default command)",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Serve(Box<Options>),
    /// Changes the database's schema.
    #[command(
        about = "Bring the database's schema up to date, or take migrations back",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Migrate(MigrateCommand),
    /// Mints a token.
    #[command(
        about = "Print a token for calling the server",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Token(TokenCommand),
    /// Makes a key.
    #[command(about = "Make a key file for tokens, for servers on PostgreSQL", long_about = None)]
    Keygen(KeygenCommand),
    /// Looks whether the server could start.
    #[command(
        about = "Check settings, key, database, schema and mail templates, and change nothing",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Check(Box<Options>),
    /// Tries the mail server.
    #[command(
        subcommand,
        about = "Send a mail through the mail server of the settings",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Mail(MailCommand),
    /// Prints a completion script.
    #[command(
        about = "Print the script that lets a shell complete the command line",
        long_about = None
    )]
    Completions(CompletionsCommand),
    /// Sets prices.
    #[command(
        subcommand,
        about = "Set and show model prices on a running server",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Prices(PricesCommand),
    /// Records usage.
    #[command(
        subcommand,
        about = "Record usage on a running server",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Usage(UsageCommand),
    /// Shows a month's figures.
    #[command(
        about = "Show a month's revenue, fees, invoices and what recurs (MRR) over all users",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Report(ReportCommand),
    /// Closes and checks months.
    #[command(
        subcommand,
        about = "Issue, check and list all users' invoices",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Invoices(InvoicesCommand),
    /// Shows and checks payments.
    #[command(
        subcommand,
        about = "List all users' payments, and compare them with the payment providers",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Transactions(TransactionsCommand),
    /// Shows and sets the series of documents.
    #[command(
        subcommand,
        about = "Show and set the numbers that invoices and credit notes are given",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Series(SeriesCommand),
}

/// `migrate`
#[derive(Debug, Args)]
pub(crate) struct MigrateCommand {
    /// Take the last N migrations back instead; their data is lost
    #[arg(long, value_name = "N")]
    pub(crate) down: Option<NonZeroU32>,
    /// Do not ask whether to delete data; needed where nobody can be asked
    #[arg(long, requires = "down")]
    pub(crate) yes: bool,
    #[command(flatten)]
    common: CommonOptions,
    #[command(flatten)]
    database: DatabaseOptions,
}

impl MigrateCommand {
    /// The settings among the flags.
    #[must_use]
    pub(crate) fn options(&self) -> Options {
        Options {
            common: self.common.clone(),
            database: self.database.clone(),
            ..Options::default()
        }
    }
}

/// `keygen`
#[derive(Debug, Args)]
pub(crate) struct KeygenCommand {
    /// Where to put the key, an Ed25519 key in PEM that only its owner can read
    pub(crate) file: PathBuf,
}

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsCommand {
    /// The shell
    pub(crate) shell: Shell,
}

/// `token`
#[derive(Debug, Args)]
pub(crate) struct TokenCommand {
    /// User id that the token speaks for
    #[arg(long, value_name = "USER", value_parser = subject)]
    pub(crate) subject: String,
    /// What it allows beyond that user's account: usage:write, admin or both
    #[arg(
        long,
        value_name = "SCOPES",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) scope: Scopes,
    /// How long it is valid, as in 30m, 1h or 7days
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        value_parser = humantime::parse_duration
    )]
    pub(crate) ttl: Duration,
    #[command(flatten)]
    common: CommonOptions,
    #[command(flatten)]
    keys: KeyOptions,
}

impl TokenCommand {
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

fn subject(text: &str) -> Result<String, &'static str> {
    check_subject(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests;
