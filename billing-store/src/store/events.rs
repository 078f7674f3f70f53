//! What the world is told: events, written with what they tell of.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use billing_core::{
    delivery::DeliveryStatus,
    event::Event,
    event_type::EventType,
    ids::{EventId, UserId},
};
use chrono::{DateTime, Utc};

use crate::StoreError;

/// The most bytes of an event's body.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// An event that is being written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenEvent<'a> {
    /// Whom it concerns; `None` for what all users share.
    pub user_id: Option<&'a UserId>,
    /// What happened.
    pub event: &'a Event,
    /// When (UTC).
    pub at: DateTime<Utc>,
}

/// An event as it is sent from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEvent {
    /// The event.
    pub id: EventId,
    /// Its body, a JSON object, or why there is none.
    pub body: Result<String, String>,
}

type Render = dyn Fn(WrittenEvent<'_>) -> RenderedEvent + Send + Sync;

/// Renders events in the words of the API, which the store does not speak. Called within the
/// transaction, once per event.
#[derive(Clone)]
pub struct EventRenderer(Arc<Render>);

impl EventRenderer {
    /// One that renders as `render` does. It must neither wait nor panic.
    pub fn new(render: impl Fn(WrittenEvent<'_>) -> RenderedEvent + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    pub(crate) fn render(&self, written: WrittenEvent<'_>) -> RenderedEvent {
        let mut rendered = (self.0)(written);
        let body = rendered.body.as_ref();
        if body.is_ok_and(|body| body.len() > MAX_EVENT_BYTES) {
            rendered.body = Err(format!("longer than {MAX_EVENT_BYTES} bytes"));
        }
        rendered
    }
}

impl fmt::Debug for EventRenderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRenderer").finish_non_exhaustive()
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub id: EventId,
    /// Its place among all events.
    pub position: i64,
    /// Whom it concerns; `None` for what all users share.
    pub user_id: Option<UserId>,
    /// Its number, unique per user and rising.
    pub sequence: i64,
    /// What happened.
    pub event_type: EventType,
    /// The body, as it is sent; empty when it could not be rendered.
    pub body: String,
    /// Why it could not be rendered.
    pub fault: Option<String>,
    /// When it happened (UTC).
    pub created_at: DateTime<Utc>,
}

/// Which events to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this user; `None` for all, with those that concern no user.
    pub user_id: Option<UserId>,
    /// Of this type.
    pub event_type: Option<EventType>,
    /// Not before this time (UTC).
    pub since: Option<DateTime<Utc>>,
    /// With a delivery of this status.
    pub delivery_status: Option<DeliveryStatus>,
}

/// Reads and numbers what the world is told.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Gives committed events their places, at most `limit` of them, and answers how many. Places
    /// are given after the commit, one transaction after another: whoever has read up to a place
    /// has missed none before it.
    ///
    /// # Errors
    /// When the database fails.
    async fn place_events(&self, limit: i64) -> Result<usize, StoreError>;

    /// Waits until this server has written an event.
    async fn news(&self);

    /// Events that have a place after `after`, in their order.
    ///
    /// # Errors
    /// When the database fails.
    async fn events(
        &self,
        filter: EventFilter,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// One event.
    ///
    /// # Errors
    /// [`billing_core::refusal::Refusal::EventNotFound`].
    async fn event(&self, id: EventId) -> Result<StoredEvent, StoreError>;

    /// Tells of a model without a price that somebody wanted to use: once per model and hour, and of
    /// no more than a hundred models an hour.
    ///
    /// # Errors
    /// When the database fails.
    async fn note_unpriced(
        &self,
        model: billing_core::event::UnpricedModel,
    ) -> Result<(), StoreError>;
}
