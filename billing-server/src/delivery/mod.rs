//! What the world hears: events, and how they are delivered.

mod render;
mod unpriced;

pub(crate) use self::{
    render::{VERSION, renderer},
    unpriced::{Unpriced, note_unpriced},
};
