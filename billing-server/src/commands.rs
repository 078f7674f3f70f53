//! What the program does for each command, and how it ends.

use std::{fmt, io::Write};

use billing_store::StoreError;
use chrono::Utc;
use tokio::runtime::Runtime;

use crate::{
    auth::mint,
    cli::{
        Command, Exit, InvoicesCommand, MigrateCommand, PricesCommand, TokenCommand, UsageCommand,
    },
    config::{Config, ConfigError, Options},
    data,
    serve::{ServeError, serve},
    telemetry,
};

/// Why a command ended early: how the program exits, and the sentence for stderr.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit: Exit,
    message: String,
}

impl CommandError {
    /// A failure at run time.
    pub(crate) fn failure(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, message)
    }

    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        let exit = match error {
            ServeError::Config(_) => Exit::Usage,
            ServeError::Schema(_) => Exit::SchemaVersion,
            ServeError::Store(_) | ServeError::Failed(_) => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::failure(error)
    }
}

impl From<billing_client::Error> for CommandError {
    fn from(error: billing_client::Error) -> Self {
        let exit = match error {
            billing_client::Error::Config { .. } => Exit::Usage,
            _ => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::failure(error)
    }
}

/// Runs a command and answers how the program ends. A failure is told on stderr.
#[must_use]
pub(crate) fn run(command: Command) -> Exit {
    let result = match command {
        Command::Serve(options) => run_serve(&options),
        Command::Migrate(command) => migrate(&command),
        Command::Token(command) => token(&command),
        Command::Prices(PricesCommand::Import(import)) => data::import_prices(&import),
        Command::Usage(UsageCommand::Import(import)) => data::import_usage(&import),
        Command::Report(command) => data::report(&command),
        Command::Invoices(InvoicesCommand::Close(close)) => data::close_month(&close),
        Command::Invoices(InvoicesCommand::Reconcile(reconcile)) => {
            data::reconcile_month(&reconcile)
        }
    };
    match result {
        Ok(()) => Exit::Ok,
        Err(error) => {
            // Nothing is left to be done when stderr is gone.
            let _ = writeln!(std::io::stderr(), "billing-server: {}", error.message);
            error.exit
        }
    }
}

fn load(options: &Options) -> Result<Config, ConfigError> {
    Config::load(options, std::env::vars_os())
}

fn run_serve(options: &Options) -> Result<(), CommandError> {
    let settings = load(options)?;
    settings.check_serve()?;
    let filter = std::env::var("RUST_LOG").ok();
    telemetry::init(settings.log_format, filter.as_deref())
        .map_err(|error| CommandError::new(Exit::Usage, error))?;
    Ok(Runtime::new()?.block_on(serve(settings))?)
}

fn migrate(command: &MigrateCommand) -> Result<(), CommandError> {
    let settings = load(&command.options())?;
    let database = settings.database_url.database();
    let (done, names) = Runtime::new()?.block_on(async {
        Ok::<_, StoreError>(match command.down {
            Some(count) => {
                let count = usize::try_from(count.get()).unwrap_or(usize::MAX);
                ("reverted", billing_store::revert(database, count).await?)
            }
            None => ("applied", billing_store::migrate(database).await?),
        })
    })?;
    let mut out = std::io::stdout().lock();
    for name in &names {
        writeln!(out, "{done} {name}")?;
    }
    if names.is_empty() {
        writeln!(out, "the schema is up to date")?;
    }
    Ok(())
}

fn token(command: &TokenCommand) -> Result<(), CommandError> {
    let settings = load(&command.options())?;
    let key = settings.load_signing_key()?;
    let rules = settings.token_rules();
    let token = mint(
        &key,
        &rules,
        &command.subject,
        command.scope,
        command.ttl,
        Utc::now(),
    )
    .map_err(CommandError::failure)?;
    writeln!(std::io::stdout(), "{token}")?;
    Ok(())
}
