//! Webhooks, sent as Standard Webhooks says: how one is signed, where it may go, and one attempt.

mod address;
mod answer;
mod resolve;
mod secret;
mod send;
mod sign;

pub(crate) use self::send::{Attempt, Target, Verdict, WebhookSender};
pub(crate) use self::{address::AddressRules, secret::generate as generate_secret};
