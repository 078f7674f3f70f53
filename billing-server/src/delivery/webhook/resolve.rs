//! Looking hosts up: once, and what was checked is what is connected to. A name that changes its
//! address in between gains nothing.

use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::AddressRules;

/// Answers the addresses of hosts that all of the rules allow.
pub(super) struct CheckedResolver {
    pub(super) lookup: Arc<dyn Resolve>,
    pub(super) rules: Arc<AddressRules>,
}

/// Asks the system.
pub(super) struct SystemResolver;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        let host = name.as_str().to_owned();
        let looking_up = self.lookup.resolve(name);
        Box::pin(async move {
            let checked = rules.check_host(&host, looking_up.await?)?;
            let addresses: Addrs = Box::new(checked.into_iter());
            Ok(addresses)
        })
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The connection takes its port from the address.
            let found = lookup_host((name.as_str(), 0)).await?;
            let addresses: Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
            Ok(addresses)
        })
    }
}
