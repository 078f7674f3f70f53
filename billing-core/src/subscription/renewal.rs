//! What time does to a subscription: windows and periods end, fees fall due. A pure function of
//! time, so it does not matter who calls it, how often and how late.

use chrono::{DateTime, Utc};

use super::{Move, Standing, Subscription};
use crate::{
    money::NumberError,
    pricing::Catalog,
    user::{LineKind, User},
};

impl User {
    /// Brings the account to `now`: ends every window and period that is over, in their order, and
    /// begins what follows.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when a fee does not fit.
    pub fn roll(&mut self, catalog: &Catalog, now: DateTime<Utc>) -> Result<(), NumberError> {
        self.refresh_discount(now);
        while let Some(subscription) = self.account.subscription.take_if(|s| s.is_due(now)) {
            self.archive_window(&subscription);
            self.account.subscription = self.follow(subscription, catalog)?;
        }
        Ok(())
    }

    /// What follows a subscription's window that is over.
    fn follow(
        &mut self,
        mut subscription: Subscription,
        catalog: &Catalog,
    ) -> Result<Option<Subscription>, NumberError> {
        let boundary = subscription.window.span.end;
        if boundary < subscription.period.end {
            subscription.begin_window(boundary);
        } else {
            let ended = subscription.standing;
            // Every live subscription has a way on; see the table of moves.
            subscription.standing = ended.after(Move::PeriodEnd).unwrap_or(Standing::Expired);
            if subscription.standing.is_over() {
                self.store_subscription(&subscription, boundary);
                return Ok(None);
            }
            if ended.is_trial() {
                subscription.anchor = boundary;
            }
            self.renew(&mut subscription, boundary, catalog)?;
        }
        self.store_subscription(&subscription, boundary);
        Ok(Some(subscription))
    }

    /// Begins a period with the terms that its plan has by then, and charges its fee.
    pub(super) fn renew(
        &mut self,
        subscription: &mut Subscription,
        start: DateTime<Utc>,
        catalog: &Catalog,
    ) -> Result<(), NumberError> {
        if let Some(next) = subscription.next_plan_id.take() {
            subscription.plan_id = next;
        }
        let mut name = subscription.plan_id.to_string();
        // Plans are never deleted; without a version the old terms stay.
        if let Some(version) = catalog.plan_at(subscription.plan_id.as_str(), start) {
            subscription.terms = version.terms.clone();
            name.clone_from(&version.name);
        }
        subscription.begin_period(start);
        let (fee, description) = (subscription.fee()?, format!("{name} plan fee"));
        self.add_line(start, LineKind::PlanFee, description, fee, &subscription.id);
        Ok(())
    }
}

impl Subscription {
    /// Whether the running window is over.
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.window.span.end <= now
    }
}
