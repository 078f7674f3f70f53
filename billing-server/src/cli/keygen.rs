//! Making a key for tokens.

use super::{args::KeygenCommand, exit::CommandError};
use crate::{auth::SigningKey, stdout};

/// Makes a key file that only its owner can read, and never one in the place of another.
pub(super) fn run(command: &KeygenCommand) -> Result<(), CommandError> {
    let path = &command.file;
    if !SigningKey::create(path).map_err(CommandError::failure)? {
        let reason = "is there already, and a key is never overwritten";
        return Err(CommandError::unusable(path, reason));
    }
    stdout::line(format_args!("made the key file {}", path.display()))?;
    Ok(())
}
