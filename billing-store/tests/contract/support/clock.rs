//! A clock that stands where a test sets it.

use std::sync::{Arc, Mutex};

use billing_store::Clock;
use chrono::{DateTime, TimeDelta, Utc};

use super::make::time;

#[derive(Debug)]
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(time(text))))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    /// Sets the clock, also backwards.
    pub(crate) fn set(&self, text: &str) {
        *self.0.lock().unwrap() = time(text);
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }

    /// The clock as a store asks it.
    pub(crate) fn clock(self: &Arc<Self>) -> Clock {
        let clock = Arc::clone(self);
        Arc::new(move || clock.now())
    }
}
