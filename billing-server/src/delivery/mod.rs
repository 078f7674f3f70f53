//! What the world hears: events, and how they are delivered.

mod hook;
mod relay;
mod render;
mod unpriced;
pub(crate) mod webhook;

pub(crate) use self::{
    relay::Relay,
    render::{VERSION, renderer},
    unpriced::{Unpriced, note_unpriced},
};
