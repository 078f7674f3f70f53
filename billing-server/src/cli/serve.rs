//! Running the server.

use tokio::runtime::Runtime;

use super::{
    exit::{CommandError, Exit},
    load,
};
use crate::{config::Options, serve::serve, telemetry};

/// Runs the server until it is told to stop.
pub(super) fn run(options: &Options) -> Result<(), CommandError> {
    let config = load(options)?;
    let addresses = config.check_serve()?;
    let filter = std::env::var("RUST_LOG").ok();
    telemetry::init(config.log_format, filter.as_deref())
        .map_err(|error| CommandError::new(Exit::Usage, error))?;
    Ok(Runtime::new()?.block_on(serve(config, &addresses))?)
}
