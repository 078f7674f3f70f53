//! What is bought, and when.

use chrono::TimeDelta;
use proptest::{collection::vec, prelude::*};
use rstest::rstest;

use super::*;
use crate::{
    ids::{TransactionId, UserId},
    payment::{Consenter, DeclineKind},
    testing::{day, money, rate, time, uuid},
};

const NOW: &str = "2024-11-15T10:00:00Z";

fn id(name: &str) -> TransactionId {
    TransactionId::new(uuid(name))
}

fn limits() -> TopupLimits {
    TopupLimits {
        least: money("1"),
        most: money("10000"),
        per_day: 3,
        per_month: 10,
    }
}

/// What 1,000,000 tokens per month cost: 0.00015 x 0.9 beyond them.
fn pro() -> PlanTerms {
    PlanTerms {
        usage_pricing: UsagePricing::Included,
        monthly_quota: 1_000_000,
        monthly_price: money("99.99"),
        extra_token_price: "0.00015".parse().unwrap(),
        overage_discount_rate: rate("0.9"),
    }
}

fn settings(threshold: i64, amount: &str) -> TopupSettings {
    TopupSettings {
        enabled: true,
        threshold,
        amount: money(amount),
    }
}

fn consent() -> TopupConsent {
    let user = UserId::parse("user-1").unwrap();
    let given = Consenter::User(&user);
    TopupConsent::given(given, 10_000, money("100"), time(NOW)).unwrap()
}

#[rstest]
#[case::guide("100", "0", "100", "0", 740_740)]
#[case::with_tax("110", "0.1", "100", "10", 740_740)]
#[case::tax_in_it("100", "0.1", "90.91", "9.09", 673_407)]
#[case::odd_rate("100", "0.0825", "92.38", "7.62", 684_296)]
#[case::least("1", "0", "1", "0", 7_407)]
fn an_amount_buys_tokens_for_its_net_part(
    #[case] amount: &str,
    #[case] tax_rate: &str,
    #[case] net: &str,
    #[case] tax: &str,
    #[case] tokens: i64,
) {
    let order = limits().order(money(amount), rate(tax_rate), Some(&pro()));
    let expected = TopupOrder {
        amount: money(amount),
        net: money(net),
        tax: money(tax),
        tokens,
    };
    assert_eq!(order, Ok(expected));
}

#[rstest]
#[case::no_plan(None, TopupRefusal::NoPlan)]
#[case::metered(
    Some(PlanTerms { usage_pricing: UsagePricing::Metered, ..pro() }),
    TopupRefusal::Metered
)]
#[case::no_price(
    Some(PlanTerms { extra_token_price: "0".parse().unwrap(), ..pro() }),
    TopupRefusal::NoPrice
)]
#[case::all_discounted(
    Some(PlanTerms { overage_discount_rate: Rate::ZERO, ..pro() }),
    TopupRefusal::NoPrice
)]
#[case::too_dear(
    Some(PlanTerms { extra_token_price: "10".parse().unwrap(), ..pro() }),
    TopupRefusal::BuysNothing
)]
fn some_plans_sell_no_tokens(#[case] terms: Option<PlanTerms>, #[case] reason: TopupRefusal) {
    let order = limits().order(money("1"), Rate::ZERO, terms.as_ref());
    assert_eq!(order, Err(Refusal::TopupNoPrice(reason)));
}

#[rstest]
#[case("0.99")]
#[case("10000.01")]
#[case("-1")]
fn an_amount_has_limits(#[case] amount: &str) {
    let (least, most) = (money("1"), money("10000"));
    let order = limits().order(money(amount), Rate::ZERO, Some(&pro()));
    assert_eq!(order, Err(Refusal::TopupLimit { least, most }));
}

#[test]
fn an_amount_is_whole_cents() {
    let checked = limits().check("amount", money("1.005"));
    let refused = Refusal::field("amount", "must have at most 2 decimals");
    assert_eq!(checked, Err(refused));
}

#[test]
fn settings_that_would_buy_again_at_once_are_refused() {
    let check = |threshold, enabled, terms: Option<&PlanTerms>| {
        let settings = TopupSettings {
            enabled,
            ..settings(threshold, "100")
        };
        limits().check_settings(&settings, Rate::ZERO, terms)
    };
    assert_eq!(check(740_739, true, Some(&pro())), Ok(()));
    let refused = check(740_740, true, Some(&pro())).unwrap_err();
    let message = "auto_topup_amount must buy more tokens than auto_topup_threshold; \
                   100.00 USD buy 740740";
    assert_eq!(refused.to_string(), message);
    assert_eq!(check(740_740, true, None), Ok(()));
    assert_eq!(check(740_740, false, Some(&pro())), Ok(()));
    let too_dear = PlanTerms {
        extra_token_price: "10".parse().unwrap(),
        ..pro()
    };
    let settings = settings(0, "1");
    let refused = limits().check_settings(&settings, Rate::ZERO, Some(&too_dear));
    assert!(matches!(refused, Err(Refusal::Field(_))));
}

#[test]
fn at_the_threshold_tokens_are_bought() {
    let (consent, terms, state) = (consent(), pro(), TopupState::default());
    let question = AutomaticTopup {
        settings: settings(10_000, "100"),
        consent: Some(&consent),
        has_method: true,
        terms: Some(&terms),
        tax_rate: Rate::ZERO,
        tokens_left: 10_000,
        state: &state,
    };
    let order = limits().decide(&question, time(NOW)).unwrap();
    assert_eq!((order.amount, order.tokens), (money("100"), 740_740));
    let enough = AutomaticTopup {
        tokens_left: 10_001,
        ..question
    };
    assert_eq!(
        limits().decide(&enough, time(NOW)),
        Err(NoTopup::EnoughTokens)
    );
}

#[rstest]
#[case::off(|q: &mut AutomaticTopup<'_>| q.settings.enabled = false, NoTopup::Off)]
#[case::no_consent(|q: &mut AutomaticTopup<'_>| q.consent = None, NoTopup::NoConsent)]
#[case::raised_threshold(
    |q: &mut AutomaticTopup<'_>| q.settings.threshold = 10_001,
    NoTopup::NoConsent
)]
#[case::raised_amount(
    |q: &mut AutomaticTopup<'_>| q.settings.amount = money("100.01"),
    NoTopup::NoConsent
)]
#[case::no_method(|q: &mut AutomaticTopup<'_>| q.has_method = false, NoTopup::NoMethod)]
#[case::no_plan(
    |q: &mut AutomaticTopup<'_>| q.terms = None,
    NoTopup::Refused(Refusal::TopupNoPrice(TopupRefusal::NoPlan))
)]
fn without_all_that_it_needs_nothing_is_bought(
    #[case] change: fn(&mut AutomaticTopup<'_>),
    #[case] reason: NoTopup,
) {
    let (consent, terms, state) = (consent(), pro(), TopupState::default());
    let mut question = AutomaticTopup {
        settings: settings(10_000, "100"),
        consent: Some(&consent),
        has_method: true,
        terms: Some(&terms),
        tax_rate: Rate::ZERO,
        tokens_left: 0,
        state: &state,
    };
    change(&mut question);
    assert_eq!(limits().decide(&question, time(NOW)), Err(reason));
}

#[test]
fn a_price_that_rose_since_makes_no_loop() {
    let dear = PlanTerms {
        extra_token_price: "0.01".parse().unwrap(),
        ..pro()
    };
    let (consent, state) = (consent(), TopupState::default());
    let question = AutomaticTopup {
        settings: settings(10_000, "1"),
        consent: Some(&consent),
        has_method: true,
        terms: Some(&dear),
        tax_rate: Rate::ZERO,
        tokens_left: 0,
        state: &state,
    };
    let decided = limits().decide(&question, time(NOW));
    assert!(matches!(decided, Err(NoTopup::Refused(Refusal::Field(_)))));
}

fn allows(state: &TopupState, at: &str) -> Result<(), NoTopup> {
    state.allows(&limits(), time(at))
}

#[test]
fn one_is_under_way_at_a_time() {
    let mut state = TopupState::default();
    state.note_decided(id("a"));
    assert_eq!(allows(&state, NOW), Err(NoTopup::InFlight(id("a"))));
    state.note_dropped(id("a"));
    assert_eq!(allows(&state, NOW), Ok(()));
}

#[test]
fn a_late_success_does_not_end_the_one_under_way() {
    let mut state = TopupState::default();
    state.note_decided(id("first"));
    state.note_failure(id("first"), None, time(NOW));
    state.note_decided(id("second"));
    state.note_success(id("first"));
    assert_eq!((state.in_flight, state.failures), (Some(id("second")), 0));
}

#[test]
fn a_day_has_three_and_the_next_day_begins_at_midnight() {
    let mut state = TopupState::default();
    for _ in 0..3 {
        assert_eq!(allows(&state, "2024-11-15T23:59:59Z"), Ok(()));
        state.note_sent(time("2024-11-15T23:59:59Z"));
    }
    assert_eq!(
        allows(&state, "2024-11-15T23:59:59Z"),
        Err(NoTopup::DayFull)
    );
    assert_eq!(allows(&state, "2024-11-16T00:00:00Z"), Ok(()));
    // A server whose clock is behind.
    state.note_sent(time("2024-11-16T00:00:00Z"));
    state.note_sent(time("2024-11-15T23:59:59Z"));
    assert_eq!((state.sent_in_day, state.sent_in_month), (2, 5));
    state.note_sent(time("2024-11-16T00:00:01Z"));
    let full = allows(&state, "2024-11-16T00:00:02Z");
    assert_eq!(full, Err(NoTopup::DayFull));
}

#[test]
fn a_month_has_ten_and_the_next_month_begins_anew() {
    let mut state = TopupState::default();
    for date in ["2024-11-27", "2024-11-28", "2024-11-29", "2024-11-30"] {
        for _ in 0..3 {
            if state.allows(&limits(), day(date)).is_ok() {
                state.note_sent(day(date));
            }
        }
    }
    assert_eq!(state.sent_in_month, 10);
    assert_eq!(
        allows(&state, "2024-11-30T23:59:59Z"),
        Err(NoTopup::MonthFull)
    );
    assert_eq!(allows(&state, "2024-12-01T00:00:00Z"), Ok(()));
}

#[test]
fn each_failure_waits_longer_and_the_fourth_stops() {
    let mut state = TopupState::default();
    let now = time(NOW);
    for hours in [1, 6, 24] {
        state.note_decided(id("a"));
        state.note_failure(id("a"), Some(DeclineKind::Retryable), now);
        let until = now + TimeDelta::hours(hours);
        let just_before = until - TimeDelta::seconds(1);
        let refused = state.allows(&limits(), just_before);
        assert_eq!(refused, Err(NoTopup::BackingOff(until)));
        assert_eq!(state.allows(&limits(), until), Ok(()));
    }
    state.note_decided(id("a"));
    state.note_failure(id("a"), None, now);
    let stopped = Err(NoTopup::Halted(Halt::Failures));
    assert_eq!(allows(&state, "2025-11-15T10:00:00Z"), stopped);
    state.resume();
    assert_eq!(allows(&state, NOW), Ok(()));
}

#[test]
fn success_lets_failures_count_from_the_beginning() {
    let mut state = TopupState::default();
    for _ in 0..2 {
        state.note_decided(id("a"));
        state.note_failure(id("a"), None, time(NOW));
    }
    state.note_success(id("a"));
    assert_eq!(allows(&state, NOW), Ok(()));
    state.note_decided(id("a"));
    state.note_failure(id("a"), None, time(NOW));
    let until = NoTopup::BackingOff(time("2024-11-15T11:00:00Z"));
    assert_eq!(allows(&state, NOW), Err(until));
}

#[test]
fn a_final_decline_stops_it_until_the_user_changes_something() {
    let mut state = TopupState::default();
    state.note_decided(id("a"));
    // One that is not under way, such as one that was dropped, does not count.
    state.note_failure(id("b"), Some(DeclineKind::Final), time(NOW));
    assert_eq!((state.failures, state.halt), (0, None));
    state.note_failure(id("a"), Some(DeclineKind::Final), time(NOW));
    let stopped = Err(NoTopup::Halted(Halt::Declined));
    assert_eq!(allows(&state, "2025-11-15T10:00:00Z"), stopped);
    state.resume();
    assert_eq!(allows(&state, NOW), Ok(()));
}

#[test]
fn a_dispute_stops_it_whatever_the_user_changes() {
    let mut state = TopupState::default();
    state.note_dispute();
    state.resume();
    state.note_success(id("a"));
    assert_eq!(allows(&state, NOW), Err(NoTopup::Halted(Halt::Disputed)));
    let mut lost = state;
    state.note_dispute_over(true);
    assert_eq!(allows(&state, NOW), Ok(()));
    lost.note_dispute_over(false);
    assert_eq!(allows(&lost, NOW), Err(NoTopup::Halted(Halt::Declined)));
}

#[test]
fn reasons_read_back_as_written() {
    for halt in Halt::ALL {
        assert_eq!(Halt::named(halt.name()), Some(halt));
    }
    assert_eq!(Halt::named("paused"), None);
}

proptest! {
    #[test]
    fn no_day_and_no_month_has_more_than_it_may(
        steps in vec((0_i64..40, 0_u8..4), 0..200),
    ) {
        let mut state = TopupState::default();
        let mut now = time(NOW);
        let mut sent: Vec<DateTime<Utc>> = Vec::new();
        for (hours, outcome) in steps {
            now += TimeDelta::hours(hours);
            if state.allows(&limits(), now).is_err() {
                continue;
            }
            state.note_decided(id("a"));
            prop_assert_eq!(state.allows(&limits(), now), Err(NoTopup::InFlight(id("a"))));
            if outcome == 0 {
                state.note_dropped(id("a"));
                continue;
            }
            state.note_sent(now);
            sent.push(now);
            match outcome {
                1 => state.note_failure(id("a"), None, now),
                _ => state.note_success(id("a")),
            }
        }
        for at in &sent {
            let of_day = sent.iter().filter(|other| other.date_naive() == at.date_naive());
            prop_assert!(of_day.count() <= 3);
            let month = crate::month::Month::of(*at);
            let of_month = sent.iter().filter(|other| crate::month::Month::of(**other) == month);
            prop_assert!(of_month.count() <= 10);
        }
    }

    #[test]
    fn net_and_tax_are_the_amount_and_buy_no_token_too_many(
        cents in 100_i64..1_000_000, tax in 0_i64..5_000, price in 1_i64..10_000_000,
    ) {
        let amount = Money::whole(cents).unwrap().divided(100, 2).unwrap();
        let fraction = |units: i64, digits: u32| {
            Money::whole(units).unwrap().divided(10_i64.pow(digits), 15).unwrap()
        };
        let terms = PlanTerms {
            extra_token_price: fraction(price, 9).rescaled().unwrap(),
            ..pro()
        };
        let order = limits().order(amount, fraction(tax, 4).rescaled().unwrap(), Some(&terms));
        let Ok(order) = order else { return Ok(()) };
        prop_assert_eq!(order.net.plus(order.tax), Ok(amount));
        prop_assert!(!order.tax.is_negative() && order.net.is_whole_cents());
        let cost = |tokens| {
            Money::of_extra_tokens(tokens, terms.extra_token_price, terms.overage_discount_rate)
        };
        prop_assert!(cost(order.tokens).unwrap() <= order.net);
        prop_assert!(cost(order.tokens + 1).unwrap() > order.net);
    }
}
