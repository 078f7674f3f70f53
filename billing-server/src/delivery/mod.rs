//! What the world hears: events, and how they are delivered.

mod hook;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "GetInvoicePdf, which renders, is yet to come")
)]
pub(crate) mod invoice_pdf;
pub(crate) mod mail;
mod relay;
mod render;
mod unpriced;
pub(crate) mod webhook;

pub(crate) use self::{
    relay::Relay,
    render::{VERSION, renderer},
    unpriced::{Unpriced, note_unpriced},
};
