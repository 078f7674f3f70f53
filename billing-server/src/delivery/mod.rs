//! What leaves the server by itself.

pub(crate) mod mail;
