//! Carries events to their outlets: each outlet by a worker of its own, so that none is in
//! another's way, on as many servers as there are.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::rand;
use billing_core::delivery::{AttemptResult, MAX_JITTER, Outlet};
use billing_store::{AttemptReport, BegunDelivery, EndedDelivery, StoreError};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::hook;
use crate::{app::App, delivery::webhook::WebhookSender};

/// How long a server that hears of nothing waits before it looks for what others have written.
const PAUSE: Duration = Duration::from_secs(1);
/// How many events get their places at once.
const PLACED_AT_ONCE: i64 = 500;
/// How long a delivery is a server's own: longer than any attempt.
const LEASE: Duration = Duration::from_secs(60);

/// Carries events.
pub(crate) struct Relay {
    app: App,
    sender: WebhookSender,
    /// The outlets that a worker of this server is at.
    busy: Mutex<HashSet<Outlet>>,
}

impl Relay {
    pub(crate) fn new(app: App, sender: WebhookSender) -> Arc<Self> {
        Arc::new(Self {
            app,
            sender,
            busy: Mutex::default(),
        })
    }

    /// Carries events until nobody polls any more.
    pub(crate) async fn keep_running(self: Arc<Self>) {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "events must wait; trying again");
                sleep(PAUSE).await;
            }
            // Another server may have written some, and attempts fall due with time.
            drop(timeout(PAUSE, self.app.store().news()).await);
        }
    }

    /// Gives events their places, and begins with every outlet for which something is due.
    async fn look(self: &Arc<Self>) -> Result<(), StoreError> {
        let store = self.app.store();
        while store.place_events(PLACED_AT_ONCE).await? > 0 {}
        for outlet in store.due_outlets().await? {
            if self.busy().insert(outlet) {
                let relay = Arc::clone(self);
                tokio::spawn(async move {
                    if let Err(error) = relay.carry(outlet).await {
                        tracing::warn!(%outlet, %error, "deliveries must wait; trying again");
                    }
                    relay.busy().remove(&outlet);
                });
            }
        }
        Ok(())
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<Outlet>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries what is due to one outlet, as long as something may begin.
    async fn carry(&self, outlet: Outlet) -> Result<(), StoreError> {
        let lease = self.app.ids().lease();
        let mut running = FuturesUnordered::new();
        loop {
            if self.app.keep_on().is_ok() {
                for begun in self.begin(outlet, lease).await? {
                    running.push(self.attempt(outlet, begun));
                }
            }
            let Some(first) = running.next().await else {
                return Ok(());
            };
            let mut ended = vec![first];
            while let Some(Some(another)) = running.next().now_or_never() {
                ended.push(another);
            }
            let store = self.app.store();
            store.end_deliveries(outlet, lease, ended).await?;
        }
    }

    async fn begin(&self, outlet: Outlet, lease: Uuid) -> Result<Vec<BegunDelivery>, StoreError> {
        let store = self.app.store();
        store.begin_deliveries(outlet, lease, LEASE).await
    }

    async fn attempt(&self, outlet: Outlet, begun: BegunDelivery) -> EndedDelivery {
        let (result, report) = match outlet {
            Outlet::Endpoint(id) => hook::attempt(&self.app, &self.sender, id, &begun.event).await,
            // Nobody has set up a mail server.
            Outlet::Mail | Outlet::Operator => skipped(&self.app),
        };
        EndedDelivery {
            user_id: begun.event.user_id,
            sequence: begun.event.sequence,
            result,
            jitter: jitter(),
            report,
        }
    }
}

fn skipped(app: &App) -> (AttemptResult, AttemptReport) {
    let report = AttemptReport {
        made_at: app.now(),
        status_code: None,
        error: Some("no mail server is configured".to_owned()),
        answer: String::new(),
        took: Duration::ZERO,
    };
    (AttemptResult::Skipped, report)
}

/// Thousandths by which a wait is off, so that what failed together does not come back together.
fn jitter() -> i32 {
    let mut bytes = [0; 2];
    if rand::fill(&mut bytes).is_err() {
        return 0;
    }
    let spread = MAX_JITTER.saturating_mul(2).saturating_add(1);
    let random = i32::from(u16::from_le_bytes(bytes));
    random.rem_euclid(spread).saturating_sub(MAX_JITTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_off_by_a_fifth_at_most() {
        let all: HashSet<_> = (0..10_000).map(|_| jitter()).collect();
        assert!(
            all.iter()
                .all(|off| (-MAX_JITTER..=MAX_JITTER).contains(off))
        );
        assert!(all.len() > 300, "{}", all.len());
    }
}
