//! Payment providers: the seam, and an adapter for each.

pub(crate) mod provider;
pub(crate) mod stripe;
