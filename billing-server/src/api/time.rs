//! Times and months.

use billing_core::{month::Month, usage::earliest};
use chrono::{DateTime, SubsecRound, Utc};
use prost_types::Timestamp;

use super::Violations;

/// The first second after what a timestamp may say: the year 10000.
const END_SECONDS: i64 = 253_402_300_800;
/// The first second that a timestamp may say: the year 1.
const START_SECONDS: i64 = -62_135_596_800;

/// A time as it is sent.
#[must_use]
pub(crate) fn timestamp(time: DateTime<Utc>) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    })
}

/// A time that was sent, truncated to the microsecond; `None` when it was left out or is wrong.
pub(crate) fn time(
    field: &str,
    timestamp: Option<Timestamp>,
    violations: &mut Violations,
) -> Option<DateTime<Utc>> {
    let parsed = timestamp.map(|Timestamp { seconds, nanos }| {
        Some(seconds)
            .filter(|seconds| (START_SECONDS..END_SECONDS).contains(seconds))
            .zip(
                u32::try_from(nanos)
                    .ok()
                    .filter(|nanos| *nanos < 1_000_000_000),
            )
            .and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos))
            .map(|time| time.trunc_subsecs(6))
            .ok_or("must be a time of the years 1 to 9999")
    });
    violations.check(field, parsed.transpose()).flatten()
}

/// A time from which something counts, which may lie in the past but not before the first record
/// that may be made.
pub(super) fn start_time(
    field: &str,
    timestamp: Option<Timestamp>,
    violations: &mut Violations,
) -> Option<DateTime<Utc>> {
    let start = time(field, timestamp, violations)?;
    let allowed = (start >= earliest()).then_some(start);
    violations.check(field, allowed.ok_or("must not be before 2000"))
}

/// A time that must be there.
pub(crate) fn required_time(
    field: &str,
    timestamp: Option<Timestamp>,
    violations: &mut Violations,
) -> Option<DateTime<Utc>> {
    if timestamp.is_none() {
        return violations.check(field, Err("must be set"));
    }
    time(field, timestamp, violations)
}

/// A month that may be left out.
pub(crate) fn month(field: &str, text: &str, violations: &mut Violations) -> Option<Month> {
    if text.is_empty() {
        return None;
    }
    violations.check(field, text.parse())
}
