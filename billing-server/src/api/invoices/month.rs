//! Closing and checking the invoices of a month, some users at a time.

use std::{future::ready, pin::Pin};

use billing_core::{ids::UserId, invoice::Reconciled, month::Month};
use billing_proto::v1;
use billing_store::UsersToClose;
use futures_util::stream::{self, Stream, StreamExt, try_unfold};
use tonic::Status;

use super::convert;
use crate::{app::App, error::ApiError, jobs::Jobs};

/// How many users one transaction checks.
const CHUNK: i64 = 100;
/// The most differences that an answer names; more are only counted.
const MAX_DIFFERENCES: usize = 1_000;

/// How far closing a month is, again and again.
pub(super) type Closing =
    Pin<Box<dyn Stream<Item = Result<v1::CloseMonthResponse, Status>> + Send>>;

/// A month that is being closed.
struct Progress {
    app: App,
    jobs: Jobs,
    told: v1::CloseMonthResponse,
    next: Option<UsersToClose>,
}

impl App {
    /// Closes a month for all users; how far it is comes first.
    pub(super) async fn start_closing(&self, month: Month) -> Result<Closing, ApiError> {
        let users = UsersToClose {
            month,
            known_by: None,
            reopened: true,
            after: None,
        };
        let before = self.store().month_progress(month).await?;
        let started = v1::CloseMonthResponse {
            done: before.closed,
            total: before.users,
            failed: 0,
        };
        let progress = Progress {
            app: self.clone(),
            jobs: Jobs::new(self.clone()),
            told: started,
            next: Some(users),
        };
        let first = stream::once(ready(Ok(started)));
        let rest = try_unfold(progress, |progress| async { Ok(progress.go_on().await?) });
        Ok(Box::pin(first.chain(rest)))
    }

    /// Checks the invoices of a month, user by user.
    pub(super) async fn reconcile(
        &self,
        month: Month,
    ) -> Result<v1::ReconcileMonthResponse, ApiError> {
        let mut found = v1::ReconcileMonthResponse {
            month: month.to_string(),
            ..v1::ReconcileMonthResponse::default()
        };
        let mut after: Option<UserId> = None;
        loop {
            self.keep_on()?;
            let mut chunk = self.store().reconcile_month(month, after, CHUNK).await?;
            after = chunk.last.take();
            add(&mut found, chunk);
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

impl Progress {
    /// Closes the month for the next users; `None` when all had their turn.
    async fn go_on(mut self) -> Result<Option<(v1::CloseMonthResponse, Self)>, ApiError> {
        let Some(users) = self.next.take() else {
            return Ok(None);
        };
        self.app.keep_on()?;
        let (closed, next) = self.jobs.close_chunk(users).await?;
        let failed = i64::try_from(closed.failed.len()).unwrap_or(i64::MAX);
        self.told.done = self.told.done.saturating_add(closed.closed);
        self.told.failed = self.told.failed.saturating_add(failed);
        self.next = next;
        Ok(Some((self.told, self)))
    }
}

/// Adds what a check of more users found.
fn add(sum: &mut v1::ReconcileMonthResponse, found: Reconciled) {
    sum.invoices = sum.invoices.saturating_add(found.invoices);
    sum.records = sum.records.saturating_add(found.records);
    sum.open_users = sum.open_users.saturating_add(found.open_users);
    let count = i64::try_from(found.differences.len()).unwrap_or(i64::MAX);
    sum.difference_count = sum.difference_count.saturating_add(count);
    let room = MAX_DIFFERENCES.saturating_sub(sum.differences.len());
    let named = found.differences.into_iter().take(room);
    sum.differences.extend(named.map(convert::difference));
}

#[cfg(test)]
mod tests {
    use billing_core::invoice::{Difference, Mismatch};

    use super::*;

    fn found(differences: usize) -> Reconciled {
        let difference = Difference {
            user_id: UserId::trusted("alice".to_owned()),
            invoice_id: None,
            mismatch: Mismatch {
                field: "amount".to_owned(),
                expected: "1.00".to_owned(),
                found: "2.00".to_owned(),
            },
        };
        Reconciled {
            invoices: 90,
            records: 1_000,
            open_users: 10,
            differences: vec![difference; differences],
            last: None,
        }
    }

    #[test]
    fn differences_beyond_the_limit_are_only_counted() {
        let mut sum = v1::ReconcileMonthResponse::default();
        for differences in [999, 2, 1] {
            add(&mut sum, found(differences));
        }
        assert_eq!(
            (sum.invoices, sum.records, sum.open_users),
            (270, 3_000, 30)
        );
        assert_eq!(
            (sum.difference_count, sum.differences.len()),
            (1_002, 1_000)
        );
    }
}
