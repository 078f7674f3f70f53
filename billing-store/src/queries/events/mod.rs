//! What the world is told.

mod list;
mod place;
mod write;

use async_trait::async_trait;
use billing_core::{event::UnpricedModel, ids::EventId};
use futures_util::FutureExt;

pub(super) use self::{list::one as one_event, write::Told};
use super::{Backend, Tx, dialect};
use crate::{EventFilter, EventStore, StoreError, StoredEvent};

#[async_trait]
impl EventStore for Backend {
    async fn place_events(&self, limit: i64) -> Result<usize, StoreError> {
        // Most looks find nothing, and need not wait for writers.
        let is_any = self.read((), |tx, ()| place::is_any(tx).boxed());
        if !is_any.await? {
            return Ok(0);
        }
        self.write(limit, |tx, limit| place::place(tx, limit).boxed())
            .await
    }

    async fn news(&self) {
        self.shared.news.notified().await;
    }

    async fn events(
        &self,
        filter: EventFilter,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.read((filter, after, limit), |tx, (filter, after, limit)| {
            list::list(tx, filter, after, limit).boxed()
        })
        .await
    }

    async fn event(&self, id: EventId) -> Result<StoredEvent, StoreError> {
        self.read(id, |tx, id| list::one(tx, id).boxed()).await
    }

    async fn note_unpriced(&self, model: UnpricedModel) -> Result<(), StoreError> {
        self.write(model, |tx, model| write::unpriced(tx, model).boxed())
            .await
    }
}
