//! Delivering events: endpoints, what waits for each outlet, and what became of it.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use billing_core::{
    delivery::{AttemptResult, Delivery, Outlet},
    ids::{EventId, UserId, WebhookEndpointId},
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::StoredEvent;
use crate::StoreError;

/// Which mails this operator sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailOutlets {
    /// To users.
    pub users: bool,
    /// To the operator.
    pub operator: bool,
}

/// How deliveries go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryOptions {
    /// Which mails are sent.
    pub mail: MailOutlets,
    /// After how long without success an endpoint is disabled.
    pub patience: TimeDelta,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            mail: MailOutlets::default(),
            patience: TimeDelta::days(5),
        }
    }
}

/// What an attempt was, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// When it was made (UTC), by the real clock.
    pub made_at: DateTime<Utc>,
    /// The HTTP status, or the SMTP code.
    pub status_code: Option<u16>,
    /// Why nothing was answered, or what is wrong with the answer.
    pub error: Option<String>,
    /// How the answer begins.
    pub answer: String,
    /// How long it took.
    pub took: Duration,
}

/// A delivery that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunDelivery {
    /// The event.
    pub event: StoredEvent,
    /// The attempts before this one, since it was last begun.
    pub attempts: u32,
}

/// What an attempt has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedDelivery {
    /// Of which event.
    pub user_id: Option<UserId>,
    /// Its number.
    pub sequence: i64,
    /// What it came to.
    pub result: AttemptResult,
    /// Thousandths that are added to the wait for the next one.
    pub jitter: i32,
    /// What operators read of it.
    pub report: AttemptReport,
}

/// A delivery as operators read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// Where to.
    pub outlet: Outlet,
    /// What became of it.
    pub delivery: Delivery,
    /// The attempts, the oldest first.
    pub attempts: Vec<AttemptReport>,
}

/// A mail as it was composed once.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredMail {
    /// The envelope's sender.
    pub sender: String,
    /// The one recipient.
    pub recipient: String,
    /// Head and body.
    pub content: Vec<u8>,
}

impl fmt::Debug for StoredMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.content.len();
        write!(f, "StoredMail({bytes} bytes)")
    }
}

/// Carries events to their outlets.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// The outlets for which something is due.
    ///
    /// # Errors
    /// When the database fails.
    async fn due_outlets(&self) -> Result<Vec<Outlet>, StoreError>;

    /// Begins as many deliveries of an outlet as may begin now, under a lease of which nobody else
    /// knows. None while another server is at it.
    ///
    /// # Errors
    /// When the database fails.
    async fn begin_deliveries(
        &self,
        outlet: Outlet,
        lease: Uuid,
        lease_for: Duration,
    ) -> Result<Vec<BegunDelivery>, StoreError>;

    /// Stores what deliveries have come to that were begun under a lease; of those that somebody
    /// else has begun since, nothing. Answers how many were stored.
    ///
    /// # Errors
    /// When the database fails.
    async fn end_deliveries(
        &self,
        outlet: Outlet,
        lease: Uuid,
        ended: Vec<EndedDelivery>,
    ) -> Result<usize, StoreError>;

    /// An event's deliveries.
    ///
    /// # Errors
    /// When the database fails.
    async fn deliveries(&self, event: &StoredEvent) -> Result<Vec<StoredDelivery>, StoreError>;

    /// Has an event's deliveries attempted from the start again, also those that succeeded: all, or
    /// that of one outlet. Answers how many.
    ///
    /// # Errors
    /// [`billing_core::refusal::Refusal::EventNotFound`].
    async fn redeliver(&self, id: EventId, outlet: Option<Outlet>) -> Result<usize, StoreError>;

    /// Has deliveries that were given up attempted from the start again: of all outlets, or one.
    /// Answers how many, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    async fn redeliver_dead(&self, outlet: Option<Outlet>, limit: i64)
    -> Result<usize, StoreError>;

    /// Has what was given up, or waits, of an endpoint attempted again, of events since a time.
    /// Answers how many.
    ///
    /// # Errors
    /// [`billing_core::refusal::Refusal::WebhookEndpointNotFound`].
    async fn recover_endpoint(
        &self,
        id: WebhookEndpointId,
        since: DateTime<Utc>,
    ) -> Result<usize, StoreError>;

    /// Tells one endpoint alone of a test, whatever it wants to hear.
    ///
    /// # Errors
    /// [`billing_core::refusal::Refusal::WebhookEndpointNotFound`].
    async fn tell_test(&self, id: WebhookEndpointId) -> Result<(), StoreError>;

    /// Forgets what is over since long: deliveries with their attempts and mails, at most `limit`
    /// of them, and events older than `events_before` of which no delivery is left. Answers how
    /// many rows are gone.
    ///
    /// # Errors
    /// When the database fails.
    async fn prune_deliveries(
        &self,
        events_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<usize, StoreError>;

    /// The mail that was composed for an event; `None` before it was.
    ///
    /// # Errors
    /// When the database fails.
    async fn mail(
        &self,
        event: &StoredEvent,
        outlet: Outlet,
    ) -> Result<Option<StoredMail>, StoreError>;

    /// Keeps a mail, and answers what is kept: the first one composed.
    ///
    /// # Errors
    /// When the database fails.
    async fn keep_mail(
        &self,
        event: &StoredEvent,
        outlet: Outlet,
        mail: StoredMail,
    ) -> Result<StoredMail, StoreError>;
}
