//! The calendar in whole numbers: microseconds since 1970, and months since year 0.

use prost_types::Timestamp;

pub(super) type Micros = i64;

pub(super) const SECOND: Micros = 1_000_000;
pub(super) const HOUR: Micros = 3_600 * SECOND;
pub(super) const DAY: Micros = 24 * HOUR;

/// Days from 1970 to a date of the Gregorian calendar. Years begin in March here, so that the day
/// of the leap year is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * since_march + 2) / 5 + day - 1 - 719_468
}

fn first_day(month: i64) -> i64 {
    days(month.div_euclid(12), month.rem_euclid(12) + 1, 1)
}

/// The month that contains a time.
pub(super) fn month_of(time: Micros) -> i64 {
    let day = time.div_euclid(DAY);
    // A little more than the true quotient, then at most two months too far.
    let mut month = 1970 * 12 + day.div_euclid(30) + 1;
    while first_day(month) > day {
        month -= 1;
    }
    month
}

/// The first moment of a month.
pub(super) fn month_start(month: i64) -> Micros {
    first_day(month) * DAY
}

/// The same day and time so many months later; the month's last day when it has no such day.
pub(super) fn months_after(time: Micros, months: i64) -> Micros {
    let (from, to) = (month_of(time), month_of(time) + months);
    let day = time.div_euclid(DAY) - first_day(from);
    let day = day.min(first_day(to + 1) - first_day(to) - 1);
    (first_day(to) + day) * DAY + time.rem_euclid(DAY)
}

/// YYYY-MM.
pub(super) fn month_name(month: i64) -> String {
    format!(
        "{:04}-{:02}",
        month.div_euclid(12),
        month.rem_euclid(12) + 1
    )
}

pub(super) fn timestamp(time: Micros) -> Timestamp {
    let nanos = time.rem_euclid(SECOND) * 1_000;
    Timestamp {
        seconds: time.div_euclid(SECOND),
        nanos: i32::try_from(nanos).expect("less than a second"),
    }
}

pub(super) fn micros(time: Timestamp) -> Micros {
    time.seconds * SECOND + i64::from(time.nanos) / 1_000
}

#[test]
fn the_calendar_knows_leap_years_and_month_ends() {
    let at = |text: &str| micros(text.parse().unwrap());
    assert_eq!(
        month_name(month_of(at("2023-12-31T23:59:59.999999Z"))),
        "2023-12"
    );
    assert_eq!(
        month_start(month_of(at("2024-02-29T12:00:00Z"))),
        at("2024-02-01T00:00:00Z")
    );
    let anchor = at("2024-01-31T10:30:00.000001Z");
    for (months, expected) in [
        (1, "2024-02-29T10:30:00.000001Z"),
        (2, "2024-03-31T10:30:00.000001Z"),
        (3, "2024-04-30T10:30:00.000001Z"),
        (13, "2025-02-28T10:30:00.000001Z"),
        (-1, "2023-12-31T10:30:00.000001Z"),
    ] {
        assert_eq!(months_after(anchor, months), at(expected), "{months}");
    }
}
