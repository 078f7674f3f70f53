//! Sending what a file lists to a running server.

mod lines;
pub(super) mod prices;
mod rejections;
mod table;
pub(super) mod usage;

use std::{fs::File, path::Path};

use super::exit::{CommandError, Exit};

/// Opens the file that the command line names.
fn open(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|error| CommandError::unusable(path, error))
}

/// The letters behind the last dot of a file's name, which tell how it is written.
fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

/// Finished, though not with every row.
fn outcome(rejected: u64) -> Result<(), CommandError> {
    match rejected {
        0 => Ok(()),
        1 => Err(CommandError::new(Exit::RejectedRows, "1 row was rejected")),
        rows => Err(CommandError::new(
            Exit::RejectedRows,
            format_args!("{rows} rows were rejected"),
        )),
    }
}
