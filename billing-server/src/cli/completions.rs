//! Scripts that let a shell complete the command line.

use clap::CommandFactory;

use super::{
    args::{Cli, CompletionsCommand},
    exit::CommandError,
};
use crate::stdout;

/// Prints the script of a shell.
pub(super) fn run(command: &CompletionsCommand) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        command.shell,
        &mut Cli::command(),
        "billing-server",
        &mut script,
    );
    let script = String::from_utf8(script).map_err(CommandError::failure)?;
    stdout::text_as_it_is(script)?;
    Ok(())
}
