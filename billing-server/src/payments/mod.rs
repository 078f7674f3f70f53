//! Money that comes in: the seam to payment providers, an adapter for each, and what is done with
//! them.

mod orders;
mod pay;
mod paypal;
pub(crate) mod provider;
mod providers;
mod refunds;
mod runner;
mod sides;
mod stripe;
mod sweep;
mod way;
mod webhook;

pub(crate) use self::{
    orders::{capture, order},
    pay::pay,
    provider::{Payer, ProviderError, Setup},
    providers::Providers,
    refunds::refund,
    runner::keep_looking,
    sides::{Sides, both_sides},
    sweep::keep_sweeping as keep_comparing,
    webhook::router as webhooks,
};
