//! Folding records into the sums that are kept of them, which no reader can tell.

use std::time::Duration;

use billing_store::{Store, StoreError, Tails};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often accounts with many records that are not folded are looked for.
const LONG_INTERVAL: Duration = Duration::from_secs(5);
/// How often all accounts are folded that this server has written to.
const ALL_INTERVAL: Duration = Duration::from_secs(60);
/// How often those are looked for that another server has left behind.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How many accounts one transaction of a sweep looks at.
const PAGE: i64 = 100;

/// Folds what this server records, for ever.
pub(super) async fn keep_folding(store: &dyn Store) {
    let (mut long, mut all) = (every(LONG_INTERVAL), every(ALL_INTERVAL));
    loop {
        let due = tokio::select! {
            _ = all.tick() => Tails::All,
            _ = long.tick() => Tails::Long,
        };
        if let Err(error) = store.fold_due(due).await {
            tracing::warn!(%error, ?due, "records are folded later");
        }
    }
}

/// Folds whatever there is at the start and every [`SWEEP_INTERVAL`], for ever.
pub(super) async fn keep_sweeping(store: &dyn Store) {
    let mut rounds = every(SWEEP_INTERVAL);
    loop {
        rounds.tick().await;
        match sweep(store).await {
            Ok(0) => {}
            Ok(folded) => tracing::info!(folded, "records of other servers were folded"),
            Err(error) => tracing::warn!(%error, "records of other servers are folded later"),
        }
    }
}

async fn sweep(store: &dyn Store) -> Result<usize, StoreError> {
    let mut folded: usize = 0;
    let mut after = None;
    loop {
        let swept = store.fold_sweep(after, PAGE).await?;
        folded = folded.saturating_add(swept.folded);
        after = swept.last;
        if after.is_none() {
            return Ok(folded);
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut rounds = interval(period);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds
}
