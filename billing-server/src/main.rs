//! The `billing-server` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    billing_server::cli::run()
}
