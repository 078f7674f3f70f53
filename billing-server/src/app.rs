//! What the running server consists of: handlers and jobs work with it.

use std::sync::Arc;

use billing_store::{Store, UsageWriter};
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::{
    clock::Clock,
    config::Config,
    delivery::{Unpriced, mail::Mail},
    error::ApiError,
    ids::Ids,
    payments::Providers,
};

/// The parts of a running server, shared by everything that works with them.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

struct Parts {
    store: Arc<dyn Store>,
    writer: UsageWriter,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    config: Arc<Config>,
    providers: Providers,
    unpriced: Unpriced,
    mail: Option<Mail>,
    stopping: watch::Receiver<bool>,
}

impl App {
    /// A server over a store. `stopping` turns true when it goes down.
    #[must_use]
    pub(crate) fn new(
        store: Arc<dyn Store>,
        writer: UsageWriter,
        clock: Arc<dyn Clock>,
        config: Arc<Config>,
        providers: Providers,
        mail: Option<Mail>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Parts {
            store,
            writer,
            ids: Arc::new(Ids::new(Arc::clone(&clock))),
            clock,
            config,
            providers,
            unpriced: Unpriced::default(),
            mail,
            stopping,
        }))
    }

    /// The database.
    pub(crate) fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// Where usage is recorded.
    pub(crate) fn writer(&self) -> &UsageWriter {
        &self.0.writer
    }

    /// What time it is.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Ids for what is made.
    pub(crate) fn ids(&self) -> &Arc<Ids> {
        &self.0.ids
    }

    /// What the server was told at start.
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Through whom money comes in.
    pub(crate) fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// The models without a price that were told of.
    pub(crate) fn unpriced(&self) -> &Unpriced {
        &self.0.unpriced
    }

    /// The mail server, if there is one.
    pub(crate) fn mail(&self) -> Option<&Mail> {
        self.0.mail.as_ref()
    }

    /// Turns true when the server goes down.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.clone()
    }

    /// Refuses to begin another part of long work once the server goes down.
    ///
    /// # Errors
    /// `DATABASE_UNAVAILABLE`, so that the caller repeats the call elsewhere.
    pub(crate) fn keep_on(&self) -> Result<(), ApiError> {
        if *self.0.stopping.borrow() {
            return Err(ApiError::shutting_down());
        }
        Ok(())
    }
}
