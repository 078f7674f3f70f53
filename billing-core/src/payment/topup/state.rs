//! What became of a user's automatic top-ups, as far as the next one depends on it.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{NoTopup, TopupLimits};
use crate::{ids::TransactionId, month::Month, payment::DeclineKind};

/// How long to wait after each failure in a row. One more pauses automatic top-up.
const BACKOFF: [TimeDelta; 3] = [
    TimeDelta::hours(1),
    TimeDelta::hours(6),
    TimeDelta::hours(24),
];

/// Why automatic top-up has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Halt {
    /// Too many failed in a row.
    Failures,
    /// The method will not pay.
    Declined,
    /// The user's bank disputes a payment.
    Disputed,
}

/// What became of a user's automatic top-ups. It is kept in the account's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TopupState {
    /// The one that is under way.
    pub in_flight: Option<TransactionId>,
    /// How many have failed in a row.
    pub failures: u32,
    /// Before when none is tried (UTC).
    pub not_before: Option<DateTime<Utc>>,
    /// The day (UTC) of the latest that was sent to the provider.
    pub day: Option<NaiveDate>,
    /// How many were sent on that day.
    pub sent_in_day: u32,
    /// How many were sent in that day's month.
    pub sent_in_month: u32,
    /// Why there are none, until something changes.
    pub halt: Option<Halt>,
}

impl Halt {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Failures, Self::Declined, Self::Disputed];

    /// What the reason is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Declined => "declined",
            Self::Disputed => "disputed",
        }
    }

    /// The reason with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|halt| halt.name() == name)
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failures => "several failed in a row",
            Self::Declined => "the payment method was declined for good",
            Self::Disputed => "a payment is disputed",
        })
    }
}

impl TopupState {
    /// Whether one may be tried now.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn allows(&self, limits: &TopupLimits, now: DateTime<Utc>) -> Result<(), NoTopup> {
        if let Some(id) = self.in_flight {
            return Err(NoTopup::InFlight(id));
        }
        if let Some(halt) = self.halt {
            return Err(NoTopup::Halted(halt));
        }
        if let Some(end) = self.not_before.filter(|end| now < *end) {
            return Err(NoTopup::BackingOff(end));
        }
        let (in_day, in_month) = self.sent_until(now);
        if in_day >= limits.per_day {
            Err(NoTopup::DayFull)
        } else if in_month >= limits.per_month {
            Err(NoTopup::MonthFull)
        } else {
            Ok(())
        }
    }

    /// A top-up was decided on.
    pub const fn note_decided(&mut self, id: TransactionId) {
        self.in_flight = Some(id);
    }

    /// The provider hears of a top-up: from now on it counts.
    pub fn note_sent(&mut self, now: DateTime<Utc>) {
        let (in_day, in_month) = self.sent_until(now);
        // A server whose clock is behind counts into the day that others have reached.
        self.day = self.day.max(Some(now.date_naive()));
        self.sent_in_day = in_day.saturating_add(1);
        self.sent_in_month = in_month.saturating_add(1);
    }

    /// A top-up ended before the provider heard of it, which is no failure.
    pub fn note_dropped(&mut self, id: TransactionId) {
        // One that failed may end once more, while the next is under way.
        self.in_flight = self.in_flight.filter(|other| *other != id);
    }

    /// A top-up has succeeded, if only after it had failed.
    pub fn note_success(&mut self, id: TransactionId) {
        self.note_dropped(id);
        self.failures = 0;
        self.not_before = None;
        self.halt = self.halt.filter(|halt| *halt == Halt::Disputed);
    }

    /// A top-up has failed that was under way; `kind` is that of a decline.
    pub fn note_failure(
        &mut self,
        id: TransactionId,
        kind: Option<DeclineKind>,
        now: DateTime<Utc>,
    ) {
        if self.in_flight != Some(id) {
            return;
        }
        self.in_flight = None;
        let wait = usize::try_from(self.failures)
            .ok()
            .and_then(|failures| BACKOFF.get(failures));
        self.failures = self.failures.saturating_add(1);
        self.not_before = wait.and_then(|wait| now.checked_add_signed(*wait));
        let halt = if kind == Some(DeclineKind::Final) {
            Some(Halt::Declined)
        } else {
            wait.is_none().then_some(Halt::Failures)
        };
        self.halt = self.halt.or(halt);
    }

    /// A payment of the user is disputed.
    pub const fn note_dispute(&mut self) {
        self.halt = Some(Halt::Disputed);
    }

    /// The last open dispute is over. One that was lost leaves the method switched off.
    pub fn note_dispute_over(&mut self, was_won: bool) {
        if self.halt == Some(Halt::Disputed) {
            self.halt = (!was_won).then_some(Halt::Declined);
        }
    }

    /// The user has changed the method or the settings: earlier failures no longer count. A dispute
    /// still does.
    pub fn resume(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.halt = self.halt.filter(|halt| *halt == Halt::Disputed);
    }

    /// How many were sent on the day and in the month of a time.
    fn sent_until(&self, now: DateTime<Utc>) -> (u32, u32) {
        let Some(latest) = self.day else {
            return (0, 0);
        };
        let day = now.date_naive().max(latest);
        let latest_month = Month::of(latest.and_time(NaiveTime::MIN).and_utc());
        let month = Month::of(now).max(latest_month);
        let in_day = if day == latest { self.sent_in_day } else { 0 };
        let in_month = if month == latest_month {
            self.sent_in_month
        } else {
            0
        };
        (in_day, in_month)
    }
}
