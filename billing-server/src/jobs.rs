//! What the server does by itself as time passes.

use std::{sync::Arc, time::Duration};

use billing_store::{Store, StoreError};
use chrono::{DateTime, Utc};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::clock::Clock;

/// How often subscriptions are renewed. Usage renews a user's own at once, so this only brings
/// quiet users' fees to their invoices.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);
/// How many accounts one transaction renews.
const RENEWAL_CHUNK: i64 = 100;

/// Renews what is due, at the start and every [`RENEWAL_INTERVAL`], until `stopping` turns true.
pub(crate) fn start_renewals(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) {
    tokio::spawn(async move {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => {}
            () = keep_renewing(store.as_ref(), clock.as_ref()) => {}
        }
    });
}

async fn keep_renewing(store: &dyn Store, clock: &dyn Clock) {
    let mut rounds = interval(RENEWAL_INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = renew_due(store, clock.now()).await {
            tracing::warn!(%error, "subscriptions could not be renewed; trying again later");
        }
    }
}

/// Renews every subscription whose window is over at `now`.
///
/// # Errors
/// When the database fails; what was renewed by then stays so.
pub(crate) async fn renew_due(store: &dyn Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    while store.renew_due(now, RENEWAL_CHUNK).await? > 0 {}
    Ok(())
}
