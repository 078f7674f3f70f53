//! Changing the database's schema.

use billing_store::StoreError;
use tokio::runtime::Runtime;

use super::{args::MigrateCommand, exit::CommandError, load};
use crate::stdout;

/// Applies the migrations that are missing, or takes some back, and prints their names.
pub(super) fn run(command: &MigrateCommand) -> Result<(), CommandError> {
    let config = load(&command.options())?;
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
