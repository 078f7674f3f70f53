//! Minting a token.

use chrono::Utc;

use super::{args::TokenCommand, exit::CommandError, load};
use crate::{auth::mint, stdout};

/// Prints a new token, and nothing else.
pub(super) fn run(command: &TokenCommand) -> Result<(), CommandError> {
    let config = load(&command.options())?;
    let key = config.load_existing_signing_key()?;
    let token = mint(
        &key,
        &config.token_rules(),
        &command.subject,
        command.scope,
        command.ttl,
        Utc::now(),
    )
    .map_err(CommandError::failure)?;
    stdout::line(token)?;
    Ok(())
}
