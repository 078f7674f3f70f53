//! What time it is: the system's clock, or one that moves only when told, for tests.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, SubsecRound, Utc};

/// Digits kept after the second: microseconds, as both databases store them.
const MICROSECOND_DIGITS: u16 = 6;

/// Where the service reads the time.
pub(crate) trait Clock: Send + Sync {
    /// The current time, truncated to the microsecond.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock as a store asks it.
pub(crate) fn for_store(clock: &Arc<dyn Clock>) -> billing_store::Clock {
    let clock = Arc::clone(clock);
    Arc::new(move || clock.now())
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(MICROSECOND_DIGITS)
    }
}

/// A clock that stands still until it is advanced.
#[derive(Debug)]
pub(crate) struct TestClock {
    /// Microseconds since 1970.
    micros: AtomicI64,
}

/// A test clock was told to go back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clock only moves forward and stands at {}", now.to_rfc3339())]
pub(crate) struct ClockMovesForward {
    /// Where the clock stands.
    pub(crate) now: DateTime<Utc>,
}

impl TestClock {
    /// A clock that stands at `start`, truncated to the microsecond.
    #[must_use]
    pub(crate) fn new(start: DateTime<Utc>) -> Self {
        Self {
            micros: AtomicI64::new(start.timestamp_micros()),
        }
    }

    /// Moves the clock to `to`, truncated to the microsecond, and returns the new time.
    ///
    /// # Errors
    /// `to` is earlier than the time the clock shows; it then stays where it is.
    pub(crate) fn advance_to(&self, to: DateTime<Utc>) -> Result<DateTime<Utc>, ClockMovesForward> {
        let target = to.timestamp_micros();
        let before = self.micros.fetch_max(target, Ordering::SeqCst);
        if before > target {
            return Err(ClockMovesForward {
                now: from_micros(before),
            });
        }
        Ok(from_micros(target))
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        from_micros(self.micros.load(Ordering::SeqCst))
    }
}

/// The time that `timestamp_micros` made `micros` from, so it is always in range.
fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_system_clock_is_truncated_to_the_microsecond() {
        assert_eq!(SystemClock.now().timestamp_subsec_nanos() % 1_000, 0);
    }

    #[test]
    fn a_test_clock_stands_still_until_it_is_advanced() {
        let clock = TestClock::new(time("2024-11-01T00:00:00.123456789Z"));
        assert_eq!(clock.now(), time("2024-11-01T00:00:00.123456Z"));
        assert_eq!(clock.now(), clock.now());
        let moved = clock.advance_to(time("2024-12-01T00:00:00Z")).unwrap();
        assert_eq!(moved, time("2024-12-01T00:00:00Z"));
        assert_eq!(clock.now(), moved);
    }

    #[test]
    fn a_test_clock_refuses_to_go_back_and_stays() {
        let clock = TestClock::new(time("2024-11-01T00:00:00Z"));
        let refused = clock.advance_to(time("2024-10-31T23:59:59Z")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the clock only moves forward and stands at 2024-11-01T00:00:00+00:00"
        );
        assert_eq!(clock.now(), time("2024-11-01T00:00:00Z"));
    }

    #[test]
    fn advancing_to_the_present_changes_nothing() {
        let clock = TestClock::new(time("2024-11-01T00:00:00Z"));
        assert!(clock.advance_to(clock.now()).is_ok());
        assert_eq!(clock.now(), time("2024-11-01T00:00:00Z"));
    }
}
