//! What a store method works with: a connection, the catalog and the clock. Every method is one
//! [`Backend::read`] or one [`Backend::write`].

use std::{mem, sync::Arc};

use billing_core::{
    catalog::Catalog,
    document::DocumentOptions,
    payment::{AutomaticPayments, TopupLimits},
};
use chrono::{DateTime, Utc};
use diesel_async::pooled_connection::deadpool::Object;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{Backend, Conn, cache::CatalogCache, events::Told};
use crate::{
    Clock, DeliveryOptions, EventRenderer, StoreError, StoreOptions,
    retry::{MAX_ATTEMPTS, retry},
    tails::TailNotes,
};

/// What all methods of a store share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(super) catalog: CatalogCache,
    pub(super) tails: TailNotes,
    clock: Clock,
    pub(super) topups: TopupLimits,
    pub(super) automatic: Option<Arc<AutomaticPayments>>,
    pub(super) events: EventRenderer,
    pub(super) deliveries: DeliveryOptions,
    /// Wakes who waits for events.
    pub(super) news: Arc<Notify>,
    documents: Arc<DocumentOptions>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, options: &StoreOptions) -> Self {
        Self {
            catalog: CatalogCache::default(),
            tails: TailNotes::default(),
            clock,
            topups: options.topups,
            automatic: options.automatic.clone().map(Arc::new),
            events: options.events.clone(),
            deliveries: options.deliveries,
            news: Arc::default(),
            documents: Arc::new(options.documents.clone()),
        }
    }
}

/// One store method at work.
pub(crate) struct Tx {
    pub(crate) conn: Object<Conn>,
    pub(super) shared: Shared,
    /// The tails that accounts have once the transaction is committed.
    pub(super) tails: Vec<(String, i64)>,
    pub(super) told: Vec<Told>,
    /// Whether events were written.
    pub(super) has_news: bool,
}

impl Tx {
    pub(crate) const fn new(conn: Object<Conn>, shared: Shared) -> Self {
        Self {
            conn,
            shared,
            tails: Vec::new(),
            told: Vec::new(),
            has_news: false,
        }
    }

    /// Tells the rest of the store what is true now that the transaction is committed.
    pub(crate) fn note_commit(&mut self) {
        let tails = mem::take(&mut self.tails);
        if !tails.is_empty() {
            self.shared.tails.note(tails);
        }
        if self.has_news {
            self.shared.news.notify_one();
        }
    }

    /// The time. Whoever decides asks once the locks are held.
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.shared.clock)()
    }

    /// What the operator lets happen by itself; `None` without a provider that keeps methods.
    pub(super) fn automatic(&self) -> Option<Arc<AutomaticPayments>> {
        self.shared.automatic.clone()
    }

    /// Who issues documents, and in which series.
    pub(super) fn documents(&self) -> Arc<DocumentOptions> {
        Arc::clone(&self.shared.documents)
    }

    /// The catalog as it is now. What names a price or a plan version is read before, so that the
    /// catalog has it.
    pub(super) async fn catalog(&mut self) -> Result<Arc<Catalog>, StoreError> {
        self.shared.catalog.current(&mut self.conn).await
    }

    /// The catalog at a version that the transaction has read.
    pub(super) async fn catalog_at(&mut self, version: i64) -> Result<Arc<Catalog>, StoreError> {
        let catalog = &self.shared.catalog;
        catalog.at_version(&mut self.conn, version).await
    }
}

impl Backend {
    /// Runs `work` to read.
    pub(super) async fn read<T, O, F>(&self, order: O, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx, O) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        O: Send + 'static,
        T: Send + 'static,
    {
        self.outside(move |tx| work(tx, order)).await
    }

    /// Runs `work` in a transaction, which is undone when it fails or is refused, and again when
    /// another transaction was in its way.
    pub(super) async fn write<T, O, F>(&self, order: O, work: F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(&'t mut Tx, O) -> BoxFuture<'t, Result<T, StoreError>>,
        F: Copy + Send + Sync + 'static,
        O: Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        // An outcome that is unknown is the caller's to find out.
        retry(MAX_ATTEMPTS, StoreError::was_undone, || {
            let order = order.clone();
            self.transaction(move |tx| work(tx, order))
        })
        .await
    }
}
