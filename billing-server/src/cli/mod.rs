//! The command line: what was said, what is done for each command, and how the program ends.

mod args;
mod check;
mod completions;
mod connect;
mod exit;
mod import;
mod invoices;
mod keygen;
mod mail;
mod migrate;
mod prices;
mod progress;
mod report;
mod series;
mod serve;
mod table;
mod token;
mod transactions;

use std::{
    io::{Write, stderr},
    process::ExitCode,
};

use clap::Parser;

use self::{
    args::{
        Cli, Command, InvoicesCommand, MailCommand, PricesCommand, SeriesCommand,
        TransactionsCommand, UsageCommand,
    },
    exit::{CommandError, Exit},
};
use crate::config::{Config, ConfigError, Options, check_variables};

/// Does what the command line says, and tells how it ended. A failure is told on stderr.
#[must_use]
pub fn run() -> ExitCode {
    let exit = match execute(Cli::parse().into_command()) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            // Nothing is left to be done when stderr is gone.
            let _ = writeln!(stderr(), "billing-server: {error}");
            error.exit()
        }
    };
    exit.into()
}

fn execute(command: Command) -> Result<(), CommandError> {
    check_variables(std::env::vars_os().map(|(name, _)| name))?;
    match command {
        Command::Serve(options) => serve::run(&options),
        Command::Migrate(command) => migrate::run(&command),
        Command::Token(command) => token::run(&command),
        Command::Keygen(command) => keygen::run(&command),
        Command::Check(options) => check::run(&options),
        Command::Mail(MailCommand::Test(test)) => mail::test(&test),
        Command::Completions(command) => completions::run(&command),
        Command::Prices(PricesCommand::Import(import)) => import::prices::run(&import),
        Command::Prices(PricesCommand::History(history)) => prices::history(&history),
        Command::Usage(UsageCommand::Import(import)) => import::usage::run(&import),
        Command::Report(command) => report::run(&command),
        Command::Invoices(InvoicesCommand::Close(close)) => invoices::close(&close),
        Command::Invoices(InvoicesCommand::Reconcile(check)) => invoices::reconcile(&check),
        Command::Invoices(InvoicesCommand::List(list)) => invoices::list(&list),
        Command::Transactions(TransactionsCommand::List(list)) => transactions::list(&list),
        Command::Transactions(TransactionsCommand::Reconcile(check)) => {
            transactions::reconcile(&check)
        }
        Command::Transactions(TransactionsCommand::ClearAttention(clear)) => {
            transactions::clear_attention(&clear)
        }
        Command::Series(SeriesCommand::List(list)) => series::list(&list),
        Command::Series(SeriesCommand::Set(set)) => series::set(&set),
    }
}

/// What flags, variables and the file say.
fn load(options: &Options) -> Result<Config, ConfigError> {
    Config::load(options, std::env::vars_os())
}
