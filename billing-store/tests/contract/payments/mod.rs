//! Payments: what is stored once, what moves together, and whose turn it is.

mod begin;
mod follow;
mod lists;
mod methods;
mod refunds;
mod sweep;
mod turns;
pub(crate) mod world;
