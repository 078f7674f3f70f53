//! What the server does by itself as time passes.

mod folding;

use std::{sync::Arc, time::Duration};

use billing_core::month::Month;
use billing_store::{ClosedUsers, StoreError, UsersToClose};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{app::App, delivery::Relay, payments};

/// How often the jobs run. Usage renews a user's own subscription at once, so they only bring quiet
/// users' fees to their invoices, and invoices to everybody.
const INTERVAL: Duration = Duration::from_secs(60);
/// How many users or invoices one transaction changes.
const CHUNK: i64 = 100;

/// The jobs of a server.
pub(crate) struct Jobs(App);

impl Jobs {
    pub(crate) fn new(app: App) -> Self {
        Self(app)
    }

    /// Runs the jobs at the start and every [`INTERVAL`], and folds what is recorded, until
    /// `stopping` turns true.
    pub(crate) fn start(self, relay: Arc<Relay>, mut stopping: watch::Receiver<bool>) {
        tokio::spawn(async move {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => {}
                () = self.keep_running() => {}
                () = folding::keep_folding(self.0.store()) => {}
                () = folding::keep_sweeping(self.0.store()) => {}
                () = payments::keep_looking(&self.0) => {}
                () = payments::keep_comparing(&self.0) => {}
                () = relay.keep_running() => {}
            }
        });
    }

    async fn keep_running(&self) {
        let mut rounds = interval(INTERVAL);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if let Err(error) = self.run(self.0.now()).await {
                tracing::warn!(%error, "renewals and invoices must wait; trying again later");
            }
        }
    }

    /// Does everything that is due at `now`: renews subscriptions, closes months for users and has
    /// invoices fall overdue, in this order, because fees belong on the invoices.
    ///
    /// # Errors
    /// When the database fails; what was done by then stays so.
    pub(crate) async fn run(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        while self.0.store().renew_due(CHUNK).await? > 0 {}
        self.close_months(now).await?;
        while self.0.store().mark_overdue(CHUNK).await? > 0 {}
        self.prune(now).await
    }

    /// Forgets deliveries that are over since long, and old events with them.
    async fn prune(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let retention = TimeDelta::from_std(*self.0.config().event_retention);
        let before = retention.ok().and_then(|keep| now.checked_sub_signed(keep));
        if let Some(before) = before {
            while self.0.store().prune_deliveries(before, CHUNK).await? > 0 {}
        }
        Ok(())
    }

    /// Closes every month whose grace is over. Users who fail are tried again next time.
    async fn close_months(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some((month, known_by)) = due_to_close(now, *self.0.config().month_end_grace) else {
            return Ok(());
        };
        let mut next = Some(UsersToClose {
            month,
            known_by: Some(known_by),
            reopened: false,
            after: None,
        });
        while let Some(users) = next {
            (_, next) = self.close_chunk(users).await?;
        }
        Ok(())
    }

    /// Closes a month for some users, and tells for whom to go on. Each one who fails is logged.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn close_chunk(
        &self,
        users: UsersToClose,
    ) -> Result<(ClosedUsers, Option<UsersToClose>), StoreError> {
        let app = &self.0;
        let new_id = Arc::clone(app.ids()).invoices();
        let closing = app.store().close_month(users.clone(), CHUNK, new_id);
        let mut closed = closing.await?;
        for (user_id, reason) in &closed.failed {
            let month = users.month;
            tracing::warn!(user.id = %user_id, %month, reason, "a month could not be closed");
        }
        let next = closed.last.take().map(|last| UsersToClose {
            after: Some(last),
            ..users
        });
        Ok((closed, next))
    }
}

/// The last month whose grace is over at `now`, and the time by which users must have been known:
/// newer ones may still be bringing usage of earlier months.
fn due_to_close(now: DateTime<Utc>, grace: Duration) -> Option<(Month, DateTime<Utc>)> {
    let known_by = now.checked_sub_signed(TimeDelta::from_std(grace).ok()?)?;
    let start = Month::of(known_by).start();
    let before = start.checked_sub_signed(TimeDelta::microseconds(1))?;
    Some((Month::of(before), known_by))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::within_the_grace("2024-12-01T23:59:59.999999Z", "2024-10")]
    #[case::after_the_grace("2024-12-02T00:00:00Z", "2024-11")]
    #[case::late_in_a_month("2024-12-31T23:59:59Z", "2024-11")]
    #[case::over_the_year("2025-01-02T00:00:00Z", "2024-12")]
    fn a_month_is_closed_once_its_grace_is_over(#[case] now: &str, #[case] month: &str) {
        let now: DateTime<Utc> = now.parse().unwrap();
        let due = due_to_close(now, Duration::from_hours(24));
        let known_by = now - TimeDelta::hours(24);
        assert_eq!(due, Some((month.parse().unwrap(), known_by)));
    }

    #[test]
    fn without_a_grace_a_month_is_closed_as_it_ends() {
        let now: DateTime<Utc> = "2024-12-01T00:00:00Z".parse().unwrap();
        let due = due_to_close(now, Duration::ZERO);
        assert_eq!(due, Some(("2024-11".parse().unwrap(), now)));
    }
}
