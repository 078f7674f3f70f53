//! Webhooks, sent as Standard Webhooks says: how one is signed, where it may go, and one attempt.

mod address;
mod answer;
mod resolve;
mod secret;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "what decides when to send calls it")
)]
mod send;
mod sign;

pub(crate) use self::{address::AddressRules, secret::generate as generate_secret};
