//! The commands that are clients of a running server: imports, reports and month ends.

mod columns;
mod connect;
mod invoices;
mod prices;
mod progress;
mod rejections;
mod report;
mod usage;

use std::{fs::File, path::Path};

pub(crate) use invoices::{close as close_month, reconcile as reconcile_month};
pub(crate) use prices::import as import_prices;
pub(crate) use report::report;
pub(crate) use usage::import as import_usage;

use crate::{cli::Exit, commands::CommandError};

/// Opens the file that the command line names.
fn open(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|error| unusable(path, error))
}

/// The file that the command line names is not what it should be.
fn unusable(path: &Path, reason: impl std::fmt::Display) -> CommandError {
    CommandError::new(Exit::Usage, format_args!("{}: {reason}", path.display()))
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
