//! Delivering events (contract, chapter 14): when an attempt is made again, how an outlet that takes
//! nothing is spared, and when it is given up.

use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    event_type::EventType,
    ids::{IdError, WebhookEndpointId},
};

/// The waits after failed attempts, of which there is one more.
const WAITS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];
/// The wait after the first attempt to send a mail: servers that ask to come back mean minutes.
const FIRST_WAIT_OF_MAIL: TimeDelta = TimeDelta::minutes(5);
/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);
/// How far a wait may be off, in thousandths, so that not all come back at once.
pub const MAX_JITTER: i32 = 200;
/// How many deliveries of an outlet may be on their way at once.
pub const AT_ONCE: u32 = 10;
/// After how many failures in a row an outlet is down.
const FAILURES_UNTIL_DOWN: u32 = 5;
/// The pause between two probes of an outlet that is down.
const PROBE_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// The pause between two deliveries of the backlog after an outlet was down.
const DRAIN_PAUSE: TimeDelta = TimeDelta::milliseconds(100);
/// After how long without success the operator is told.
const TOLD_AFTER: TimeDelta = TimeDelta::hours(24);
/// How many attempts without success an outlet gets at least.
const LEAST_ATTEMPTS: u32 = 20;

/// Where events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outlet {
    /// The user's mailbox.
    Mail,
    /// The operator's mailbox.
    Operator,
    /// A webhook endpoint.
    Endpoint(WebhookEndpointId),
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is to be attempted.
    Pending,
    /// It was taken.
    Delivered,
    /// It waits until its endpoint is enabled again.
    Paused,
    /// It is attempted no more.
    Dead,
    /// Nobody wanted it.
    Skipped,
}

/// What an attempt has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    /// It was taken.
    Delivered,
    /// Nobody wants it.
    Skipped,
    /// It is made again; the receiver may have asked for a wait.
    Failed(Option<TimeDelta>),
    /// This delivery can never succeed; the outlet may be well.
    Refused,
    /// The receiver wants no more events.
    Gone,
}

/// An event on its way to an outlet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// What became of it.
    pub status: DeliveryStatus,
    /// The attempts that were made since it was last begun.
    pub attempts: u32,
    /// The attempts that were ever made.
    pub made: u32,
    /// When the next one is due (UTC), of one that is pending.
    pub next_at: DateTime<Utc>,
    /// When the last one was made that ended it (UTC).
    pub finished_at: Option<DateTime<Utc>>,
}

/// How an outlet fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutletHealth {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was (UTC).
    pub failing_since: Option<DateTime<Utc>>,
    /// When it last took something (UTC).
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When it is probed next (UTC), while it is down.
    pub probe_at: Option<DateTime<Utc>>,
    /// Up to when its backlog has used its turns (UTC), after it was down.
    pub drained_to: Option<DateTime<Utc>>,
    /// When the operator was told that it takes nothing (UTC).
    pub told_at: Option<DateTime<Utc>>,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Delivered,
        Self::Paused,
        Self::Dead,
        Self::Skipped,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Paused => "paused",
            Self::Dead => "dead",
            Self::Skipped => "skipped",
        }
    }

    /// The status with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether something may still come of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Paused)
    }
}

impl Outlet {
    const MAIL: &'static str = "mail";
    const OPERATOR: &'static str = "operator";

    /// Whether users get mails about an event of a type. What a mail says, and whether its user wants
    /// it, is found out when it is composed.
    #[must_use]
    pub const fn mails(event_type: EventType) -> bool {
        matches!(
            event_type,
            EventType::InvoiceIssued
                | EventType::InvoiceVoided
                | EventType::CreditNoteCreated
                | EventType::PaymentFailed
                | EventType::TopupFailed
                | EventType::TopupSucceeded
                | EventType::QuotaWarning
                | EventType::QuotaExhausted
        )
    }

    /// Whether the operator gets mails about an event of a type.
    #[must_use]
    pub const fn mails_operator(event_type: EventType) -> bool {
        matches!(
            event_type,
            EventType::EndpointFailing | EventType::EndpointDisabled | EventType::UsageUnpriced
        )
    }

    /// The wait after the attempts that were made; `None` when there are no more.
    fn wait(self, attempts: u32) -> Option<TimeDelta> {
        let made = usize::try_from(attempts).ok()?;
        let wait = WAITS.get(made.checked_sub(1)?).copied();
        match (self, attempts) {
            (Self::Mail | Self::Operator, 1) => Some(FIRST_WAIT_OF_MAIL),
            _ => wait,
        }
    }
}

impl fmt::Display for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail => f.write_str(Self::MAIL),
            Self::Operator => f.write_str(Self::OPERATOR),
            Self::Endpoint(id) => id.fmt(f),
        }
    }
}

impl FromStr for Outlet {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text {
            Self::MAIL => Ok(Self::Mail),
            Self::OPERATOR => Ok(Self::Operator),
            other => WebhookEndpointId::parse(other).map(Self::Endpoint),
        }
    }
}

impl Delivery {
    /// One that is due at once.
    #[must_use]
    pub const fn new(now: DateTime<Utc>) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            attempts: 0,
            made: 0,
            next_at: now,
            finished_at: None,
        }
    }

    /// One that is not made: it waits for its endpoint, or can never be made.
    #[must_use]
    pub const fn ended(status: DeliveryStatus, now: DateTime<Utc>) -> Self {
        Self {
            status,
            finished_at: Some(now),
            ..Self::new(now)
        }
    }

    /// Notes what an attempt has come to. `jitter` thousandths are added to the wait, at most
    /// [`MAX_JITTER`] either way.
    pub fn note(&mut self, outlet: Outlet, result: AttemptResult, jitter: i32, now: DateTime<Utc>) {
        self.attempts = self.attempts.saturating_add(1);
        self.made = self.made.saturating_add(1);
        let status = match result {
            AttemptResult::Delivered => DeliveryStatus::Delivered,
            AttemptResult::Skipped => DeliveryStatus::Skipped,
            AttemptResult::Refused => DeliveryStatus::Dead,
            AttemptResult::Gone => DeliveryStatus::Paused,
            AttemptResult::Failed(asked) => match outlet.wait(self.attempts) {
                Some(wait) => {
                    let wait = spread(wait, jitter).max(asked.unwrap_or_default());
                    self.next_at = after(now, wait.min(longest(wait, asked)));
                    return;
                }
                None => DeliveryStatus::Dead,
            },
        };
        self.status = status;
        self.finished_at = Some(now);
    }

    /// Has it attempted from the start again.
    pub const fn again(&mut self, now: DateTime<Utc>) {
        *self = Self {
            made: self.made,
            ..Self::new(now)
        };
    }
}

/// What a receiver asks for counts up to a day.
fn longest(wait: TimeDelta, asked: Option<TimeDelta>) -> TimeDelta {
    match asked {
        Some(asked) if asked >= wait => LONGEST_WAIT,
        _ => wait,
    }
}

fn spread(wait: TimeDelta, jitter: i32) -> TimeDelta {
    let factor = jitter.clamp(-MAX_JITTER, MAX_JITTER).saturating_add(1_000);
    let millis = wait.num_milliseconds().saturating_mul(factor.into()) / 1_000;
    TimeDelta::milliseconds(millis)
}

fn after(now: DateTime<Utc>, wait: TimeDelta) -> DateTime<Utc> {
    now.checked_add_signed(wait).unwrap_or(now)
}

impl OutletHealth {
    /// Whether it is only probed.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        self.failures >= FAILURES_UNTIL_DOWN
    }

    /// How many deliveries may begin now, when some are on their way.
    #[must_use]
    pub fn allowed(&self, on_their_way: u32, now: DateTime<Utc>) -> u32 {
        let free = AT_ONCE.saturating_sub(on_their_way);
        if self.is_down() {
            let is_due = self.probe_at.is_none_or(|at| at <= now);
            return u32::from(on_their_way == 0 && is_due);
        }
        match self.drained_to {
            Some(drained_to) => free.min(turns(now, drained_to)),
            None => free,
        }
    }

    /// Notes that deliveries begin, of as many as were allowed.
    pub fn note_begun(&mut self, begun: u32, allowed: u32, now: DateTime<Utc>) {
        if self.is_down() {
            self.probe_at = Some(after(now, PROBE_PAUSE));
        }
        if let Some(drained_to) = self.drained_to {
            // Turns that nobody took are not saved up.
            let least = after(now, DRAIN_PAUSE.checked_mul(-10).unwrap_or_default());
            let used = i32::try_from(begun).unwrap_or(i32::MAX);
            let used = DRAIN_PAUSE.checked_mul(used).unwrap_or_default();
            let has_backlog = begun > 0 || allowed == 0;
            self.drained_to = has_backlog.then(|| after(drained_to.max(least), used));
        }
    }

    /// Notes that it has taken something. After it was down its backlog leaves slowly.
    pub fn note_success(&mut self, now: DateTime<Utc>) {
        let drained_to = if self.is_down() {
            Some(now)
        } else {
            self.drained_to
        };
        *self = Self {
            succeeded_at: Some(now),
            drained_to,
            ..Self::default()
        };
    }

    /// Notes that it has not taken something.
    pub fn note_failure(&mut self, now: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        self.failing_since = self.failing_since.or(Some(now));
        self.drained_to = None;
        if self.failures == FAILURES_UNTIL_DOWN {
            self.probe_at = Some(after(now, PROBE_PAUSE));
        }
    }

    /// As for an address that was never tried.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self {
            succeeded_at: self.succeeded_at,
            ..Self::default()
        }
    }

    /// Whether the operator has to hear that it takes nothing. They hear it once.
    pub fn is_news(&mut self, now: DateTime<Utc>) -> bool {
        let is_due = self.has_failed_for(TOLD_AFTER, now) && self.told_at.is_none();
        if is_due {
            self.told_at = Some(now);
        }
        is_due
    }

    /// Whether nothing is expected of it any more, when it has failed for `patience`.
    #[must_use]
    pub fn is_hopeless(&self, patience: TimeDelta, now: DateTime<Utc>) -> bool {
        self.failures >= LEAST_ATTEMPTS && self.has_failed_for(patience, now)
    }

    fn has_failed_for(&self, time: TimeDelta, now: DateTime<Utc>) -> bool {
        self.failing_since
            .is_some_and(|since| after(since, time) <= now)
    }
}

/// How many turns a backlog has had since a time, at most a second's.
fn turns(now: DateTime<Utc>, since: DateTime<Utc>) -> u32 {
    let waited = now.signed_duration_since(since).num_milliseconds();
    let turns = waited.checked_div(DRAIN_PAUSE.num_milliseconds());
    u32::try_from(turns.unwrap_or_default().clamp(0, AT_ONCE.into())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
