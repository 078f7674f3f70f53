//! What time does to an account: windows and periods end, fees fall due, announced rates come into
//! force. A pure function of time, so it does not matter who calls it, how often and how late.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    catalog::{Catalog, PlanVersion},
    event::SubscriptionEvent,
    invoice::LineKind,
    money::NumberError,
    refusal::Refusal,
    subscription::{Subscription, SubscriptionState, SubscriptionTransition},
};

impl Account {
    /// Advances the account to `now`: ends every window and period that is over, in their order,
    /// and begins what follows.
    ///
    /// # Errors
    /// When a fee does not fit.
    pub fn advance_to(&mut self, catalog: &Catalog, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.refresh_discount(now);
        self.end_windows(catalog, now)
            .map_err(Refusal::too_large("a fee"))
    }

    pub(super) fn end_windows(
        &mut self,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<(), NumberError> {
        while let Some(subscription) = self.state.subscription.take_if(|s| s.is_due(now)) {
            self.archive_window(&subscription);
            let id = subscription.id;
            let (next, event) = self.follow(subscription, catalog)?;
            self.state.subscription = next;
            if let Some(event) = event {
                self.tell_of_subscription(event, id);
            }
        }
        Ok(())
    }

    /// What follows a subscription's window that is over, and what there is to tell of it.
    fn follow(
        &mut self,
        mut subscription: Subscription,
        catalog: &Catalog,
    ) -> Result<(Option<Subscription>, Option<SubscriptionEvent>), NumberError> {
        let boundary = subscription.window.span.end;
        let mut event = None;
        if boundary < subscription.period.end {
            let version = Arc::clone(&subscription.window.version);
            subscription.begin_window(boundary, version);
        } else {
            let ended = subscription.state;
            // Every live subscription has a way on; see the table of transitions.
            let next = ended.after(SubscriptionTransition::PeriodEnd);
            subscription.state = next.unwrap_or(SubscriptionState::Expired);
            if subscription.state.is_over() {
                self.store_subscription(&subscription, boundary);
                return Ok((None, Some(SubscriptionEvent::Expired)));
            }
            if ended.is_trial() {
                subscription.anchor = boundary;
            }
            let version = next_version(&mut subscription, boundary, catalog);
            self.begin_period(&mut subscription, boundary, version)?;
            event = Some(SubscriptionEvent::Renewed);
        }
        self.store_subscription(&subscription, boundary);
        Ok((Some(subscription), event))
    }

    /// Begins a period with a version of the plan and the cycle that was chosen for it, and charges
    /// its fee.
    pub(super) fn begin_period(
        &mut self,
        subscription: &mut Subscription,
        start: DateTime<Utc>,
        version: Arc<PlanVersion>,
    ) -> Result<(), NumberError> {
        let description = format!("{} plan fee", version.name);
        subscription.begin_period(start, version);
        let (month, kind, fee) = (
            self.invoice_month(start),
            LineKind::PlanFee,
            subscription.fee()?,
        );
        let period = subscription.period;
        self.add_line(month, kind, description, fee, period, subscription);
        Ok(())
    }
}

/// The version that the next period takes on: the terms that its plan has by then.
fn next_version(
    subscription: &mut Subscription,
    start: DateTime<Utc>,
    catalog: &Catalog,
) -> Arc<PlanVersion> {
    let next = subscription.next_plan_id.take();
    let plan_id = next.as_ref().unwrap_or_else(|| subscription.plan_id());
    let version = catalog.plan_at(plan_id.as_str(), start);
    // Plans are never deleted; without a version the old terms stay.
    Arc::clone(version.unwrap_or(&subscription.window.version))
}
