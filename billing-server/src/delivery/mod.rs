//! What leaves the service by itself.

pub(crate) mod webhook;
