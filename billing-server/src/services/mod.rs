//! The handlers of the API: decode, authorise, ask the store once, encode.

mod accounts;
mod bulk;
mod coupons;
mod debug;
mod invoices;
mod plans;
mod prices;
mod reports;
mod settings;
mod stats;
mod stream;
mod subscriptions;
mod usage;

use std::{sync::Arc, time::Duration};

use billing_core::{ids::RecordId, pricing::Catalog};
use billing_proto::v1::{
    account_service_server::AccountServiceServer, coupon_service_server::CouponServiceServer,
    debug_service_server::DebugServiceServer, invoice_service_server::InvoiceServiceServer,
    plan_service_server::PlanServiceServer, pricing_service_server::PricingServiceServer,
    report_service_server::ReportServiceServer, settings_service_server::SettingsServiceServer,
    stats_service_server::StatsServiceServer,
    subscription_service_server::SubscriptionServiceServer,
    usage_service_server::UsageServiceServer,
};
use billing_store::{Now, RecordError, Store, StoreError, UsageWriter};
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tonic::service::Routes;

use crate::{
    clock::{Clock, TestClock, asked_later},
    error::{ApiError, ErrorCode},
    ids::Ids,
    jobs::Jobs,
};

/// When a caller should repeat a call that found the queue full.
const OVERLOADED_RETRY: Duration = Duration::from_millis(200);
/// When a caller should repeat a call that found the database away.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(1);

/// What every handler works with.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    writer: UsageWriter,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    month_end_grace: Duration,
    stopping: watch::Receiver<bool>,
}

impl Services {
    /// Handlers over a store. Months are closed `month_end_grace` after their end; `stopping` turns
    /// true when the server goes down.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        writer: UsageWriter,
        clock: Arc<dyn Clock>,
        month_end_grace: Duration,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            writer,
            clock,
            ids: Arc::new(Ids::default()),
            month_end_grace,
            stopping,
        }))
    }

    /// All gRPC services. `test_clock` adds the one that moves it.
    #[must_use]
    pub fn routes(&self, max_message_bytes: usize, test_clock: Option<Arc<TestClock>>) -> Routes {
        macro_rules! limited {
            ($server:ident) => {
                $server::new(self.clone()).max_decoding_message_size(max_message_bytes)
            };
        }
        let mut routes = Routes::new(limited!(UsageServiceServer))
            .add_service(limited!(PricingServiceServer))
            .add_service(limited!(PlanServiceServer))
            .add_service(limited!(SubscriptionServiceServer))
            .add_service(limited!(AccountServiceServer))
            .add_service(limited!(CouponServiceServer))
            .add_service(limited!(SettingsServiceServer))
            .add_service(limited!(StatsServiceServer))
            .add_service(limited!(ReportServiceServer))
            .add_service(limited!(InvoiceServiceServer));
        if let Some(clock) = test_clock {
            let jobs = self.jobs();
            let debug = debug::MovableClock { clock, jobs };
            routes = routes.add_service(DebugServiceServer::new(debug));
        }
        routes
    }

    /// What happens by itself, on the same store, clock and ids.
    pub(crate) fn jobs(&self) -> Jobs {
        let inner = &self.0;
        Jobs::new(
            Arc::clone(&inner.store),
            Arc::clone(&inner.clock),
            Arc::clone(&inner.ids),
            inner.month_end_grace,
        )
    }

    fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// Tells streams when to end.
    fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.clone()
    }

    /// Refuses to begin another part of long work once the server goes down.
    fn keep_on(&self) -> Result<(), ApiError> {
        if *self.stopping().borrow() {
            return Err(shutting_down());
        }
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    fn clock(&self) -> Now {
        asked_later(&self.0.clock)
    }

    fn new_id(&self, prefix: &str, now: DateTime<Utc>) -> String {
        self.0.ids.next(prefix, now)
    }

    fn new_record_id(&self, now: DateTime<Utc>) -> RecordId {
        RecordId::trusted(self.new_id("rec", now))
    }

    /// The prices, read again if they have none for a model at a time.
    async fn catalog_with(&self, model: &str, at: DateTime<Utc>) -> Result<Arc<Catalog>, ApiError> {
        let cached = self.store().cached_catalog();
        if cached.price_at(model, at).is_some() {
            return Ok(cached);
        }
        let current = self.store().catalog().await?;
        match current.price_at(model, at) {
            Some(_) => Ok(current),
            None => Err(model_not_found(model)),
        }
    }
}

fn model_not_found(model: &str) -> ApiError {
    let message = format!("model {model:?} has no price at that time");
    ApiError::new(ErrorCode::ModelNotFound, message)
}

fn shutting_down() -> ApiError {
    ApiError::new(
        ErrorCode::DatabaseUnavailable,
        "the server is shutting down",
    )
    .retry_after(UNAVAILABLE_RETRY)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contention(_) => {
                tracing::warn!(%error, "the database is unavailable");
                unavailable()
            }
            // It may be a lock that was waited for too long: a record must not be given up for it.
            StoreError::Failed(_) => {
                tracing::error!(%error, "the database failed");
                unavailable()
            }
            StoreError::Refused(_) | StoreError::Corrupt { .. } => {
                tracing::error!(%error, "the database refused");
                Self::new(ErrorCode::Internal, "internal error")
            }
        }
    }
}

fn unavailable() -> ApiError {
    let message = "the database is unavailable; the call may be repeated";
    ApiError::new(ErrorCode::DatabaseUnavailable, message).retry_after(UNAVAILABLE_RETRY)
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Overloaded => {
                Self::new(ErrorCode::Overloaded, "too many records are waiting")
                    .retry_after(OVERLOADED_RETRY)
            }
            RecordError::ShuttingDown => shutting_down(),
            RecordError::Store(error) => error.into(),
        }
    }
}
