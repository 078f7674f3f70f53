//! Changing the database's schema.

use std::{
    io::{IsTerminal, Write, stderr, stdin},
    num::NonZeroU32,
};

use billing_store::StoreError;
use tokio::runtime::Runtime;

use super::{
    args::MigrateCommand,
    exit::{CommandError, Exit},
    load,
};
use crate::{config::DatabaseUrl, stdout};

/// Applies the migrations that are missing, or takes some back, and prints their names.
pub(super) fn run(command: &MigrateCommand) -> Result<(), CommandError> {
    let config = load(&command.options())?;
    if let Some(count) = command.down.filter(|_| !command.yes) {
        ask(count, &config.database_url)?;
    }
    let database = config.database_url.database();
    let (done, names) = Runtime::new()?.block_on(async {
        Ok::<_, StoreError>(match command.down {
            Some(count) => {
                let count = usize::try_from(count.get()).unwrap_or(usize::MAX);
                ("reverted", billing_store::revert(database, count).await?)
            }
            None => ("applied", billing_store::migrate(database).await?),
        })
    })?;
    for name in &names {
        stdout::line(format_args!("{done} {name}"))?;
    }
    if names.is_empty() {
        stdout::line("the schema is up to date")?;
    }
    Ok(())
}

/// Has a person agree that data is deleted.
fn ask(count: NonZeroU32, database: &DatabaseUrl) -> Result<(), CommandError> {
    if !stdin().is_terminal() {
        let message = "--down deletes data: confirm it with --yes";
        return Err(CommandError::new(Exit::Usage, message));
    }
    let mut told = stderr();
    write!(
        told,
        "This takes the last {count} migration(s) of {database} back and deletes the data in what \
         they made.\nType yes to go on: "
    )?;
    told.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" {
        return Ok(());
    }
    Err(CommandError::failure("nothing was changed"))
}
