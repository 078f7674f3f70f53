//! When the provider is asked again what became of something, and by which key it knows a call.

use chrono::{DateTime, TimeDelta, Utc};

use super::Provider;
use crate::ids::TransactionId;

/// How old what is open is when it is looked at, before the daily looks.
const LOOKS: [TimeDelta; 6] = [
    TimeDelta::seconds(10),
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(12),
];
/// For how many days it is looked at, once a day.
const DAYS: i32 = 35;
/// How many of the first looks at a refund try it by the key it was begun with.
const LOOKS_BY_ONE_KEY: u32 = 2;
/// The longest that a call to a provider takes, and more.
const CALL_TAKES: TimeDelta = TimeDelta::minutes(1);
/// After how long an operator is told that something is still open.
pub const ATTENTION_AFTER: TimeDelta = TimeDelta::hours(24);

/// A step of a transaction: a call to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Making the charge, which moves no money.
    Create,
    /// Having the money moved.
    Confirm,
    /// Ending the charge.
    Cancel,
    /// Giving money back.
    Refund,
}

/// When something that is open since a time is looked at next, after the look at `last`; `None`
/// when nobody looks any more.
#[must_use]
pub fn next_look(since: DateTime<Utc>, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let days = (1..=DAYS).map(|days| TimeDelta::days(days.into()));
    let ages = LOOKS.into_iter().chain(days);
    let mut looks = ages.filter_map(|age| since.checked_add_signed(age));
    looks.find(|look| *look > last)
}

/// How many looks there have been by a time at something that is open since another. Each is
/// another attempt, with a key of its own.
#[must_use]
pub fn looks_before(since: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    let days = (1..=DAYS).map(|days| TimeDelta::days(days.into()));
    let age = now.signed_duration_since(since);
    let passed = LOOKS.into_iter().chain(days).filter(|look| *look <= age);
    u32::try_from(passed.count()).unwrap_or(u32::MAX)
}

/// The attempt at a refund that is open since a time; `None` while the attempt before may still be
/// under way. A refund that is made by two keys is made twice, so it keeps its key for longer than a
/// call takes, and is not tried shortly before its key changes.
#[must_use]
pub fn refund_attempt(since: DateTime<Utc>, now: DateTime<Utc>) -> Option<u32> {
    let attempt = |at| looks_before(since, at).saturating_sub(LOOKS_BY_ONE_KEY);
    let soon = now.checked_add_signed(CALL_TAKES)?;
    (attempt(now) == attempt(soon)).then(|| attempt(now))
}

/// Whether something has been open for so long that an operator should see it.
#[must_use]
pub fn needs_attention(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(since) >= ATTENTION_AFTER
}

/// The key by which the provider knows an attempt at a step. A call with a key that is known
/// already answers what the first one did. It has at most 38 characters up to attempt 9999.
#[must_use]
pub fn provider_key(transaction: TransactionId, step: Step, attempt: u32) -> String {
    let step = match step {
        Step::Create => 'c',
        Step::Confirm => 'm',
        Step::Cancel => 'x',
        Step::Refund => 'r',
    };
    format!("{}-{step}{attempt}", transaction.uuid().simple())
}

/// Until when the provider knows the key of a call that was made at a time (UTC); `None` where
/// there are no keys.
#[must_use]
pub fn key_ends(provider: Provider, step: Step, made_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let life = match (provider, step) {
        (Provider::Stripe, _) => TimeDelta::hours(24),
        (Provider::Paypal, Step::Refund) => TimeDelta::days(45),
        (Provider::Paypal, _) => TimeDelta::hours(6),
        (Provider::Manual, _) => return None,
    };
    made_at.checked_add_signed(life)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{time, uuid};

    const OPENED: &str = "2024-11-15T10:00:00Z";

    #[rstest]
    #[case::at_once("2024-11-15T10:00:00Z", Some("2024-11-15T10:00:10Z"))]
    #[case::second("2024-11-15T10:00:10Z", Some("2024-11-15T10:01:00Z"))]
    #[case::third("2024-11-15T10:01:00Z", Some("2024-11-15T10:05:00Z"))]
    #[case::fourth("2024-11-15T10:05:00Z", Some("2024-11-15T10:30:00Z"))]
    #[case::fifth("2024-11-15T10:30:00Z", Some("2024-11-15T12:00:00Z"))]
    #[case::sixth("2024-11-15T12:00:00Z", Some("2024-11-15T22:00:00Z"))]
    #[case::a_day("2024-11-15T22:00:00Z", Some("2024-11-16T10:00:00Z"))]
    #[case::missed_looks_are_one("2024-11-18T11:00:00Z", Some("2024-11-19T10:00:00Z"))]
    #[case::the_last("2024-12-20T09:00:00Z", Some("2024-12-20T10:00:00Z"))]
    #[case::over("2024-12-20T10:00:00Z", None)]
    fn what_is_open_is_looked_at_less_and_less_often(
        #[case] last: &str,
        #[case] next: Option<&str>,
    ) {
        assert_eq!(next_look(time(OPENED), time(last)), next.map(time));
    }

    #[test]
    fn an_operator_is_told_after_a_day() {
        assert!(!needs_attention(time(OPENED), time("2024-11-16T09:59:59Z")));
        assert!(needs_attention(time(OPENED), time("2024-11-16T10:00:00Z")));
    }

    #[rstest]
    #[case::at_once("2024-11-15T10:00:00Z", Some(0))]
    #[case::at_the_first_look("2024-11-15T10:00:10Z", Some(0))]
    #[case::at_the_second_look("2024-11-15T10:01:00Z", Some(0))]
    #[case::too_late_for_the_key("2024-11-15T10:04:00Z", None)]
    #[case::just_before_the_next("2024-11-15T10:04:59Z", None)]
    #[case::by_the_next("2024-11-15T10:05:00Z", Some(1))]
    #[case::a_day("2024-11-16T10:00:00Z", Some(5))]
    fn a_refund_is_under_way_by_one_key_at_a_time(#[case] at: &str, #[case] attempt: Option<u32>) {
        assert_eq!(refund_attempt(time(OPENED), time(at)), attempt);
    }

    #[test]
    fn every_attempt_at_every_step_has_a_key_of_its_own() {
        let id = TransactionId::new(uuid("a"));
        let steps = [Step::Create, Step::Confirm, Step::Cancel, Step::Refund];
        let attempts = steps.map(|step| [1, 2, 9_999].map(|n| provider_key(id, step, n)));
        let keys: std::collections::BTreeSet<String> = attempts.into_iter().flatten().collect();
        assert_eq!(keys.len(), 12);
        assert!(keys.iter().all(|key| key.len() <= 38));
        assert!(keys.contains("61000000000000000000000000000000-c1"));
    }

    #[rstest]
    #[case(Provider::Stripe, Step::Refund, Some("2024-11-16T10:00:00Z"))]
    #[case(Provider::Paypal, Step::Confirm, Some("2024-11-15T16:00:00Z"))]
    #[case(Provider::Paypal, Step::Refund, Some("2024-12-30T10:00:00Z"))]
    #[case(Provider::Manual, Step::Confirm, None)]
    fn keys_end(#[case] provider: Provider, #[case] step: Step, #[case] end: Option<&str>) {
        assert_eq!(key_ends(provider, step, time(OPENED)), end.map(time));
    }
}
