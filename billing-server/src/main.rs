//! The `billing-server` binary.

use std::process::ExitCode;

use billing_server::{cli::Cli, commands};
use clap::Parser;

fn main() -> ExitCode {
    commands::run(Cli::parse().into_command()).into()
}
