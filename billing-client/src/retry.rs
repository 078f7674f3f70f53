//! When a failed call is repeated, and how long to wait before.

use std::time::{Duration, Instant};

use tonic::{Code, Status};
use uuid::Uuid;

use crate::Error;

/// How often and how fast a call that failed for a passing reason is repeated.
///
/// The wait before an attempt is random between zero and a limit that starts at the base delay and
/// doubles up to the maximum delay; a delay that the service asked for comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    max_attempts: u32,
    base_delay: Duration,
    max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base_delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// Never repeats a call.
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// Attempts per call, the first included; 4 unless set.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The longest wait before the second attempt; 50 ms unless set.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest wait before any attempt, but for what the service asks; 2 s unless set.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    fn allows(&self, attempts: u32) -> bool {
        attempts < self.max_attempts
    }

    /// The wait after `attempts` failures; `random` spreads callers that failed together.
    fn delay(&self, attempts: u32, asked: Option<Duration>, random: u64) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let limit = self
            .base_delay
            .saturating_mul(doubled)
            .min(self.max_delay)
            .as_micros();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let jitter = random
            .checked_rem(limit.saturating_add(1))
            .unwrap_or_default();
        asked
            .unwrap_or_default()
            .saturating_add(Duration::from_micros(jitter))
    }
}

/// What bounds a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of one attempt.
    pub(crate) timeout: Duration,
    /// Of all attempts and the waits between them.
    pub(crate) deadline: Duration,
    pub(crate) retries: RetryPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            retries: RetryPolicy::default(),
        }
    }
}

impl Limits {
    /// A call begins now.
    pub(crate) fn start(self) -> Attempts {
        Attempts {
            limits: self,
            started: Instant::now(),
            made: 0,
        }
    }
}

/// The attempts that a call has made so far.
pub(crate) struct Attempts {
    limits: Limits,
    started: Instant,
    made: u32,
}

impl Attempts {
    /// Makes attempts until one succeeds, fails for good or the limits are reached. `attempt` is
    /// told how long it may take.
    pub(crate) async fn run<A, F>(
        &mut self,
        passing: fn(&Error) -> bool,
        attempt: impl Fn(Duration) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<A, Status>>,
    {
        loop {
            let timeout = self.limits.timeout.min(self.time_left());
            self.made = self.made.saturating_add(1);
            let error = match bounded(timeout, attempt(timeout)).await {
                Ok(answer) => return Ok(answer),
                Err(status) => Error::from(status),
            };
            if !passing(&error) || !self.pause(error.retry_after()).await {
                return Err(error);
            }
        }
    }

    /// Waits until another attempt is due; false, at once, when the limits allow none.
    pub(crate) async fn pause(&self, asked: Option<Duration>) -> bool {
        let retries = self.limits.retries;
        let delay = retries.delay(self.made, asked, random());
        if !retries.allows(self.made) || delay >= self.time_left() {
            return false;
        }
        tokio::time::sleep(delay).await;
        true
    }

    fn time_left(&self) -> Duration {
        self.limits.deadline.saturating_sub(self.started.elapsed())
    }
}

/// Makes one attempt and reports a timeout, whoever notices it, as a deadline exceeded.
async fn bounded<A>(
    timeout: Duration,
    attempt: impl Future<Output = Result<A, Status>>,
) -> Result<A, Status> {
    let started = Instant::now();
    let answer = tokio::time::timeout(timeout, attempt).await;
    match answer {
        // tonic says CANCELLED when its own timer, here or on the server, fires first.
        Ok(Err(status)) if status.code() != Code::Cancelled || started.elapsed() < timeout => {
            Err(status)
        }
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(Status::deadline_exceeded("no answer in time")),
    }
}

/// A v4 UUID is random enough for jitter; its last 62 bits hold nothing else.
fn random() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::first(1, None, 50)]
    #[case::doubled(2, None, 100)]
    #[case::capped(9, None, 2_000)]
    #[case::capped_without_overflow(u32::MAX, None, 2_000)]
    #[case::on_top_of_what_was_asked(1, Some(Duration::from_secs(3)), 3_050)]
    fn waits_grow_up_to_the_cap(
        #[case] attempts: u32,
        #[case] asked: Option<Duration>,
        #[case] longest_millis: u64,
    ) {
        let policy = RetryPolicy::default();
        let shortest = asked.unwrap_or_default();
        let longest = Duration::from_millis(longest_millis);
        let limit = u64::try_from(longest.abs_diff(shortest).as_micros()).unwrap();
        assert_eq!(policy.delay(attempts, asked, 0), shortest);
        assert_eq!(policy.delay(attempts, asked, limit), longest);
        for _ in 0..100 {
            let delay = policy.delay(attempts, asked, random());
            assert!((shortest..=longest).contains(&delay));
        }
    }
}
