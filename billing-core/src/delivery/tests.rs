use rstest::rstest;

use super::*;
use crate::testing::uuid;

fn noon() -> DateTime<Utc> {
    "2024-11-15T12:00:00Z".parse().unwrap()
}

fn endpoint() -> Outlet {
    Outlet::Endpoint(WebhookEndpointId::new(uuid("e")))
}

/// The waits of a delivery that always fails, without jitter, until it is dead.
fn waits(outlet: Outlet) -> Vec<TimeDelta> {
    let mut delivery = Delivery::new(noon());
    let mut waits = Vec::new();
    loop {
        let now = delivery.next_at;
        delivery.note(outlet, AttemptResult::Failed(None), 0, now);
        match delivery.status {
            DeliveryStatus::Pending => waits.push(delivery.next_at - now),
            status => {
                assert_eq!(status, DeliveryStatus::Dead);
                assert_eq!(delivery.finished_at, Some(now));
                return waits;
            }
        }
    }
}

#[test]
fn a_delivery_is_attempted_ten_times_over_four_days() {
    let expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    assert_eq!(waits(endpoint()), expected.map(TimeDelta::seconds));
    let of_mail = waits(Outlet::Mail);
    assert_eq!(of_mail[0], TimeDelta::minutes(5));
    assert_eq!(of_mail[1..], expected.map(TimeDelta::seconds)[1..]);
}

#[rstest]
#[case::as_it_is(0, None, 5_000)]
#[case::longer(200, None, 6_000)]
#[case::shorter(-200, None, 4_000)]
#[case::no_more_than_a_fifth(5_000, None, 6_000)]
#[case::the_receiver_lengthens(0, Some(60), 60_000)]
#[case::and_does_not_shorten(0, Some(1), 5_000)]
#[case::at_most_to_a_day(0, Some(1_000_000), 86_400_000)]
fn a_wait_is_spread_and_lengthened(
    #[case] jitter: i32,
    #[case] asked: Option<i64>,
    #[case] millis: i64,
) {
    let mut delivery = Delivery::new(noon());
    let failed = AttemptResult::Failed(asked.map(TimeDelta::seconds));
    delivery.note(endpoint(), failed, jitter, noon());
    assert_eq!(delivery.next_at - noon(), TimeDelta::milliseconds(millis));
    assert_eq!(
        (delivery.attempts, delivery.status),
        (1, DeliveryStatus::Pending)
    );
}

#[rstest]
#[case(AttemptResult::Delivered, DeliveryStatus::Delivered)]
#[case(AttemptResult::Skipped, DeliveryStatus::Skipped)]
#[case(AttemptResult::Refused, DeliveryStatus::Dead)]
#[case(AttemptResult::Gone, DeliveryStatus::Paused)]
fn what_ends_a_delivery_ends_it_at_once(
    #[case] result: AttemptResult,
    #[case] status: DeliveryStatus,
) {
    let mut delivery = Delivery::new(noon());
    delivery.note(endpoint(), result, 0, noon());
    assert_eq!(delivery.status, status);
    assert_eq!(delivery.finished_at, Some(noon()));
    assert_eq!(DeliveryStatus::named(status.name()), Some(status));
}

#[test]
fn an_outlet_is_named_and_found_by_its_name() {
    for outlet in [Outlet::Mail, Outlet::Operator, endpoint()] {
        assert_eq!(outlet.to_string().parse(), Ok(outlet));
    }
    assert!("nobody".parse::<Outlet>().is_err());
}

fn failed(times: u32, now: DateTime<Utc>) -> OutletHealth {
    let mut health = OutletHealth::default();
    for _ in 0..times {
        health.note_failure(now);
    }
    health
}

#[test]
fn an_outlet_that_is_down_gets_one_probe_each_half_minute() {
    let now = noon();
    assert_eq!(failed(4, now).allowed(3, now), 7);
    let mut down = failed(5, now);
    assert_eq!(down.allowed(0, now), 0);
    let later = now + TimeDelta::seconds(30);
    assert_eq!(down.allowed(1, later), 0);
    assert_eq!(down.allowed(0, later), 1);
    down.note_begun(1, 1, later);
    assert_eq!(down.allowed(0, later), 0);
    down.note_failure(later);
    assert_eq!(down.allowed(0, later + TimeDelta::seconds(29)), 0);
    assert_eq!(down.allowed(0, later + TimeDelta::seconds(30)), 1);
}

#[test]
fn a_backlog_leaves_at_ten_a_second() {
    let mut now = noon();
    let mut health = failed(5, now);
    health.note_success(now);
    assert_eq!(health.allowed(0, now), 0);
    let mut left = 35;
    let mut rounds = 0;
    while left > 0 {
        now += TimeDelta::seconds(1);
        let allowed = health.allowed(0, now);
        let begun = allowed.min(left);
        health.note_begun(begun, allowed, now);
        left -= begun;
        rounds += 1;
    }
    assert_eq!(rounds, 4);
    now += TimeDelta::seconds(1);
    let allowed = health.allowed(0, now);
    health.note_begun(0, allowed, now);
    assert_eq!(health.drained_to, None);
    assert_eq!(health.allowed(0, now), AT_ONCE);
}

#[test]
fn turns_that_nobody_took_are_not_saved_up() {
    let now = noon();
    let mut health = failed(5, now);
    health.note_success(now);
    let later = now + TimeDelta::hours(1);
    assert_eq!(health.allowed(0, later), 10);
    health.note_begun(10, 10, later);
    assert_eq!(health.allowed(0, later), 0);
}

#[test]
fn the_operator_hears_after_a_day_and_an_outlet_is_hopeless_after_days_and_attempts() {
    let start = noon();
    let mut health = failed(19, start);
    assert!(!health.is_news(start + TimeDelta::hours(23)));
    assert!(health.is_news(start + TimeDelta::hours(24)));
    assert!(!health.is_news(start + TimeDelta::hours(25)));
    let patience = TimeDelta::days(5);
    let late = start + TimeDelta::days(6);
    assert!(!health.is_hopeless(patience, late));
    health.note_failure(late);
    assert!(health.is_hopeless(patience, late));
    assert!(!health.is_hopeless(patience, start + TimeDelta::days(4)));
    health.note_success(late);
    assert!(!health.is_hopeless(patience, late));
    assert_eq!(health.succeeded_at, Some(late));
}
