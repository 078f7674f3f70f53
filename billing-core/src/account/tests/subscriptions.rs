use rstest::rstest;

use super::*;
use crate::{
    event::{EventData, QuotaLevel},
    subscription::{Subscription, SubscriptionState},
};

const CANCEL: SubscriptionOrder = SubscriptionOrder::Cancel {
    at_period_end: false,
};
const END: SubscriptionOrder = SubscriptionOrder::Cancel {
    at_period_end: true,
};

fn id(plan: &str) -> PlanId {
    PlanId::trusted(plan.into())
}

fn live(account: &Account) -> &Subscription {
    account.state.subscription.as_ref().unwrap()
}

#[test]
fn the_first_fee_is_owed_at_once_and_the_next_each_month() {
    let mut account = account();
    subscribe(&mut account, "pro", day("2024-01-31"));
    account.advance_to(&catalog(), day("2024-04-30")).unwrap();
    let fees = ["2024-01", "2024-02", "2024-03", "2024-04"];
    let fees = fees.map(|month| (month, "Pro plan fee", "99.99"));
    assert_eq!(lines(&account), expected(&fees));
    assert_eq!(live(&account).period.start, day("2024-04-30"));
    assert_eq!(live(&account).period.end, day("2024-05-31"));
    let bounds: Vec<_> = account
        .relations
        .windows
        .iter()
        .map(|a| a.window.span.start)
        .collect();
    assert_eq!(bounds, ["2024-01-31", "2024-02-29", "2024-03-31"].map(day));
    let numbers = account.pending.lines.iter().map(|line| line.sequence);
    // Each renewal is told between two lines.
    assert!(numbers.eq([1, 3, 5, 7]));
}

#[test]
fn rolling_at_once_or_day_by_day_comes_to_the_same() {
    let mut once = account();
    subscribe(&mut once, "rising", day("2024-10-31"));
    let mut daily = once.clone();
    once.advance_to(&catalog(), day("2025-07-01")).unwrap();
    for days in 0..=243 {
        daily
            .advance_to(&catalog(), after(day("2024-10-31"), days))
            .unwrap();
    }
    assert_eq!(once, daily);
}

#[test]
fn a_period_keeps_its_terms_and_the_next_takes_those_of_its_start() {
    let mut account = account();
    subscribe(&mut account, "rising", day("2025-01-10"));
    account.advance_to(&catalog(), day("2025-02-09")).unwrap();
    assert_eq!(live(&account).terms().monthly_price, money("10"));
    account.advance_to(&catalog(), day("2025-06-01")).unwrap();
    assert_eq!(live(&account).terms().monthly_price, money("30"));
    let amounts: Vec<_> = lines(&account).into_iter().map(|line| line.2).collect();
    assert_eq!(amounts, ["10.00", "30.00", "30.00", "30.00", "30.00"]);
}

#[test]
fn a_year_is_paid_at_its_start_and_its_windows_are_monthly() {
    let mut account = account();
    let yearly = NewSubscription {
        cycle: BillingCycle::Yearly,
        ..new("basic")
    };
    let yearly = SubscriptionOrder::Subscribe(yearly);
    order(&mut account, yearly, day("2024-01-31")).unwrap();
    account.advance_to(&catalog(), day("2024-03-01")).unwrap();
    assert_eq!(live(&account).period.end, day("2025-01-31"));
    assert_eq!(live(&account).window.span.start, day("2024-02-29"));
    assert_eq!(live(&account).window.span.end, day("2024-03-31"));
    assert_eq!(
        lines(&account),
        expected(&[("2024-01", "Basic plan fee", "119.88")])
    );
    account.advance_to(&catalog(), day("2025-02-01")).unwrap();
    assert_eq!(
        (lines(&account).len(), account.relations.windows.len()),
        (2, 12)
    );
}

#[test]
fn a_trial_is_free_and_then_the_first_period_begins_with_a_fresh_quota() {
    let mut account = account();
    let trial = SubscriptionOrder::Subscribe(NewSubscription {
        trial_days: 10,
        ..new("rising")
    });
    order(&mut account, trial.clone(), day("2024-11-05")).unwrap();
    assert_eq!(live(&account).state, SubscriptionState::Trialing);
    assert_eq!(live(&account).window.quota, 500);
    rate(&mut account, "r", day("2024-11-06"), day("2024-11-06"), 400);
    assert_eq!(lines(&account), []);
    account.advance_to(&catalog(), day("2024-11-15")).unwrap();
    assert_eq!(live(&account).state, SubscriptionState::Active);
    assert_eq!(live(&account).anchor, day("2024-11-15"));
    assert_eq!(account.state.tokens_remaining(), 500);
    assert_eq!(
        lines(&account),
        expected(&[("2024-11", "Rising plan fee", "10.00")])
    );
    order(&mut account, CANCEL, day("2024-11-16")).unwrap();
    let again = order(&mut account, trial, day("2024-11-17"));
    assert_eq!(again, Err(Refusal::TrialUsed));
}

#[test]
fn an_upgrade_counts_at_once_for_its_share_of_the_period() {
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-11-01"));
    rate(
        &mut account,
        "r",
        day("2024-11-02"),
        day("2024-11-02"),
        70_000,
    );
    order(&mut account, change_plan("pro"), day("2024-11-11")).unwrap();
    let all = expected(&[
        ("2024-11", "Basic plan fee", "9.99"),
        ("2024-11", "Unused Basic", "-6.66"),
        ("2024-11", "Pro, remaining time", "66.66"),
    ]);
    assert_eq!(lines(&account), all);
    assert_eq!(live(&account).window.quota, 700_000);
    assert_eq!(live(&account).window.counters.tokens_used, 70_000);
    assert_eq!(account.state.tokens_remaining(), 630_000);
    assert_eq!(live(&account).period.end, day("2024-12-01"));
    account.advance_to(&catalog(), day("2024-12-01")).unwrap();
    assert_eq!(live(&account).window.quota, 1_000_000);
    assert_eq!(lines(&account)[3].2, "99.99");
}

/// The change that is to come, if there is one.
fn to_come(account: &Account) -> (Option<&str>, Option<BillingCycle>) {
    let live = live(account);
    (
        live.next_plan_id.as_ref().map(PlanId::as_str),
        live.next_cycle,
    )
}

#[test]
fn another_cycle_begins_with_the_next_period_and_keeps_the_day() {
    let (monthly, yearly) = (BillingCycle::Monthly, BillingCycle::Yearly);
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-01-31"));
    order(&mut account, choose("basic", yearly), day("2024-02-10")).unwrap();
    assert_eq!(to_come(&account), (None, Some(yearly)));
    let again = order(&mut account, choose("basic", yearly), day("2024-02-10"));
    assert!(matches!(again, Err(Refusal::SubscriptionTransition(_))));
    account.advance_to(&catalog(), day("2024-03-15")).unwrap();
    assert_eq!(live(&account).period.start, day("2024-02-29"));
    assert_eq!(live(&account).period.end, day("2025-02-28"));
    assert_eq!(live(&account).window.span.end, day("2024-03-31"));
    order(&mut account, choose("basic", monthly), day("2024-05-01")).unwrap();
    account.advance_to(&catalog(), day("2025-03-15")).unwrap();
    assert_eq!(live(&account).period.end, day("2025-03-31"));
    let fees = expected(&[
        ("2024-01", "Basic plan fee", "9.99"),
        ("2024-02", "Basic plan fee", "119.88"),
        ("2025-02", "Basic plan fee", "9.99"),
    ]);
    assert_eq!(lines(&account), fees);
}

#[test]
fn what_is_chosen_replaces_what_was_to_come() {
    let (monthly, yearly) = (BillingCycle::Monthly, BillingCycle::Yearly);
    let mut account = account();
    subscribe(&mut account, "pro", day("2024-11-01"));
    let now = day("2024-11-11");
    for (choice, coming) in [
        (choose("basic", yearly), (Some("basic"), Some(yearly))),
        (change_plan("pro"), (None, Some(yearly))),
        (change_plan("basic"), (Some("basic"), Some(yearly))),
        (choose("basic", monthly), (Some("basic"), None)),
        (choose("pro", monthly), (None, None)),
    ] {
        order(&mut account, choice, now).unwrap();
        assert_eq!(to_come(&account), coming);
    }
}

#[test]
fn an_upgrade_keeps_its_period_and_its_cycle_until_the_next() {
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-11-01"));
    let choice = choose("pro", BillingCycle::Yearly);
    order(&mut account, choice, day("2024-11-11")).unwrap();
    assert_eq!(live(&account).plan_id().as_str(), "pro");
    assert_eq!(live(&account).period.end, day("2024-12-01"));
    account.advance_to(&catalog(), day("2024-12-01")).unwrap();
    assert_eq!(live(&account).period.end, day("2025-12-01"));
    assert_eq!(lines(&account)[3].2, "1199.88");
}

#[test]
fn an_upgrade_that_ends_a_trial_begins_with_the_cycle_that_was_chosen() {
    let mut account = account();
    let trial = SubscriptionOrder::Subscribe(NewSubscription {
        trial_days: 30,
        ..new("basic")
    });
    order(&mut account, trial, day("2024-11-01")).unwrap();
    let choice = choose("pro", BillingCycle::Yearly);
    order(&mut account, choice, day("2024-11-11")).unwrap();
    assert_eq!(live(&account).period.end, day("2025-11-11"));
    assert_eq!(to_come(&account), (None, None));
}

#[test]
fn what_ends_with_its_period_takes_on_no_other_cycle() {
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-11-01"));
    order(&mut account, END, day("2024-11-10")).unwrap();
    for plan in ["basic", "pro"] {
        let choice = choose(plan, BillingCycle::Yearly);
        let refused = order(&mut account, choice, day("2024-11-10"));
        assert!(matches!(refused, Err(Refusal::SubscriptionTransition(_))));
    }
}

#[test]
fn a_change_that_is_to_come_outlasts_a_cancellation_that_is_taken_back() {
    let mut account = account();
    subscribe(&mut account, "pro", day("2024-11-01"));
    order(&mut account, change_plan("basic"), day("2024-11-11")).unwrap();
    let cancel = SubscriptionOrder::Cancel {
        at_period_end: true,
    };
    order(&mut account, cancel, day("2024-11-12")).unwrap();
    order(&mut account, SubscriptionOrder::Resume, day("2024-11-13")).unwrap();
    account.advance_to(&catalog(), day("2024-12-01")).unwrap();
    assert_eq!(live(&account).plan_id().as_str(), "basic");
}

#[test]
fn a_cheaper_plan_begins_with_the_next_period_and_can_be_taken_back() {
    let mut account = account();
    subscribe(&mut account, "pro", day("2024-11-01"));
    order(&mut account, change_plan("basic"), day("2024-11-11")).unwrap();
    assert_eq!(live(&account).plan_id().as_str(), "pro");
    order(&mut account, change_plan("pro"), day("2024-11-12")).unwrap();
    let again = order(&mut account, change_plan("pro"), day("2024-11-12"));
    assert!(matches!(again, Err(Refusal::SubscriptionTransition(_))));
    order(&mut account, change_plan("basic"), day("2024-11-13")).unwrap();
    account.advance_to(&catalog(), day("2024-12-01")).unwrap();
    assert_eq!(live(&account).plan_id().as_str(), "basic");
    assert_eq!(live(&account).next_plan_id, None);
    let fees = expected(&[
        ("2024-11", "Pro plan fee", "99.99"),
        ("2024-12", "Basic plan fee", "9.99"),
    ]);
    assert_eq!(lines(&account), fees);
}

#[test]
fn a_subscription_that_ends_with_its_period_expires_unless_resumed() {
    let mut account = account();
    subscribe(&mut account, "pro", day("2024-11-01"));
    order(&mut account, END, day("2024-11-10")).unwrap();
    assert_eq!(live(&account).next_billing_date(), None);
    for refused in [END, change_plan("basic")] {
        assert!(order(&mut account, refused, day("2024-11-10")).is_err());
    }
    order(&mut account, SubscriptionOrder::Resume, day("2024-11-11")).unwrap();
    assert_eq!(live(&account).cancelled_at, None);
    assert!(order(&mut account, SubscriptionOrder::Resume, day("2024-11-11")).is_err());
    order(&mut account, END, day("2024-11-12")).unwrap();
    account.advance_to(&catalog(), day("2025-03-01")).unwrap();
    assert_eq!(account.state.subscription, None);
    let stored = account.pending.subscriptions.last().unwrap();
    assert_eq!(stored.state, SubscriptionState::Expired);
    assert_eq!(stored.cancelled_at, Some(day("2024-11-12")));
    assert_eq!(stored.updated_at, day("2024-12-01"));
    assert_eq!(lines(&account).len(), 1);
}

#[test]
fn after_a_cancellation_at_once_only_late_usage_is_still_covered() {
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-11-01"));
    let noon = time("2024-11-10T12:00:00Z");
    order(&mut account, CANCEL, noon).unwrap();
    let now = day("2024-11-20");
    let covered = rate(&mut account, "late", day("2024-11-09"), now, 1_000).charge;
    let owed = rate(&mut account, "r", noon, now, 1_000).charge;
    assert_eq!(covered.final_cost, Money::ZERO);
    assert_eq!(owed.final_cost, money("0.03"));
    assert_eq!(
        covered.subscription_id,
        Some(SubscriptionId::new(uuid("sub-basic")))
    );
    assert_eq!(
        account.relations.windows[0].window.counters.tokens_used,
        1_000
    );
    assert_eq!(account.state.archived_until, Some(noon));
}

#[test]
fn late_usage_takes_what_its_window_left_and_pays_its_price() {
    let mut account = account();
    subscribe(&mut account, "rising", day("2025-01-10"));
    let now = day("2025-02-12");
    rate(&mut account, "a", day("2025-01-11"), day("2025-01-11"), 450);
    let late = rate(&mut account, "b", day("2025-02-09"), now, 100).charge;
    assert_eq!((late.taken.quota, late.taken.overage), (50, 50));
    assert_eq!(late.overage_cost, money("0.05"));
    let present = rate(&mut account, "c", now, now, 800).charge;
    assert_eq!((present.taken.quota, present.taken.overage), (700, 100));
    assert_eq!(present.overage_cost, money("0.2"));
}

#[rstest]
#[case::unknown("nothing", None, Refusal::PlanNotFound(id("nothing")))]
#[case::off_the_offer("gone", None, Refusal::PlanInactive(id("gone")))]
#[case::tomorrow(
    "pro",
    Some("2024-11-11"),
    Refusal::field("start_time", "must not be in the future")
)]
#[case::in_an_earlier_one(
    "pro",
    Some("2024-11-04"),
    Refusal::field("start_time", "must not be before the end of an earlier subscription")
)]
fn impossible_subscriptions_are_refused(
    #[case] plan: &str,
    #[case] start: Option<&str>,
    #[case] refusal: Refusal,
) {
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-11-01"));
    let second = SubscriptionOrder::Subscribe(new("pro"));
    let exists = order(&mut account, second, day("2024-11-02"));
    assert_eq!(exists, Err(Refusal::SubscriptionExists));
    order(&mut account, CANCEL, day("2024-11-05")).unwrap();
    let before = account.clone();
    let wanted = SubscriptionOrder::Subscribe(NewSubscription {
        start: start.map(day),
        ..new(plan)
    });
    assert_eq!(order(&mut account, wanted, day("2024-11-10")), Err(refusal));
    assert_eq!(account, before);
}

#[test]
fn a_subscription_may_begin_in_the_past() {
    let mut account = account();
    let past = SubscriptionOrder::Subscribe(NewSubscription {
        start: Some(day("2024-09-15")),
        ..new("basic")
    });
    order(&mut account, past, day("2024-11-20")).unwrap();
    let months: Vec<_> = lines(&account).into_iter().map(|line| line.0).collect();
    assert_eq!(months, ["2024-09", "2024-10", "2024-11"]);
    assert_eq!(account.pending.subscriptions.len(), 1);
    assert_eq!(live(&account).period.start, day("2024-11-15"));
}

#[test]
fn fees_of_a_closed_month_join_the_first_open_one() {
    let mut account = account();
    subscribe(&mut account, "basic", day("2024-09-15"));
    account.state.open_month = month("2024-11");
    account.advance_to(&catalog(), day("2024-12-20")).unwrap();
    let months: Vec<_> = lines(&account).into_iter().map(|line| line.0).collect();
    assert_eq!(months, ["2024-09", "2024-11", "2024-11", "2024-12"]);
}

#[test]
fn each_level_is_announced_once_per_window() {
    let mut account = account();
    subscribe(&mut account, "rising", day("2024-11-01"));
    let levels = |account: &Account| {
        let events = account.pending.events.iter();
        let seen = events.filter_map(|event| match event.data {
            EventData::QuotaAlert(alert) => Some((alert.level, alert.tokens_remaining)),
            _ => None,
        });
        seen.collect::<Vec<_>>()
    };
    let now = day("2024-11-02");
    for (request, tokens) in [("a", 399), ("b", 1), ("c", 50), ("d", 50), ("e", 50)] {
        rate(&mut account, request, now, now, tokens);
    }
    assert_eq!(
        levels(&account),
        [(QuotaLevel::MostUsed, 100), (QuotaLevel::UsedUp, 0)]
    );
    assert!(account.state.quota_warning());
    let later = day("2024-12-02");
    rate(&mut account, "f", later, later, 500);
    assert_eq!(
        levels(&account)[2..],
        [(QuotaLevel::MostUsed, 0), (QuotaLevel::UsedUp, 0)]
    );
}

#[rstest]
#[case::default_not_reached(0, true, 399, false, 0)]
#[case::default_reached(0, true, 400, true, 1)]
#[case::own_threshold_not_reached(50, true, 449, false, 0)]
#[case::own_threshold_reached(50, true, 450, true, 1)]
#[case::used_up_beside_the_own(50, true, 500, true, 2)]
#[case::nothing_is_announced(0, false, 500, true, 0)]
fn users_choose_when_to_be_warned(
    #[case] threshold: i64,
    #[case] enabled: bool,
    #[case] tokens: i64,
    #[case] warned: bool,
    #[case] announced: usize,
) {
    let mut account = account();
    account.state.alerts.threshold = threshold;
    account.state.alerts.enabled = enabled;
    subscribe(&mut account, "rising", day("2024-11-01"));
    rate(
        &mut account,
        "a",
        day("2024-11-02"),
        day("2024-11-02"),
        tokens,
    );
    assert_eq!(account.state.quota_warning(), warned);
    let mut events = account.pending.events.iter();
    let alerts = events
        .by_ref()
        .filter(|event| matches!(event.data, EventData::QuotaAlert(_)));
    assert_eq!(alerts.count(), announced);
}

/// The types of what the account has told, in order.
fn told(account: &Account) -> Vec<&'static str> {
    let events = account.pending.events.iter();
    let types = events.map(|event| event.data.event_type().name());
    types.collect()
}

#[test]
fn what_becomes_of_a_subscription_is_told_as_it_stands_then() {
    let mut account = account();
    subscribe(&mut account, "rising", day("2024-11-01"));
    let now = day("2024-11-10");
    let cancel = SubscriptionOrder::Cancel {
        at_period_end: true,
    };
    account
        .order(cancel.clone(), None, &catalog(), now)
        .unwrap();
    account
        .order(SubscriptionOrder::Resume, None, &catalog(), now)
        .unwrap();
    account.advance_to(&catalog(), day("2024-12-05")).unwrap();
    account
        .order(cancel, None, &catalog(), day("2024-12-05"))
        .unwrap();
    account.advance_to(&catalog(), day("2025-02-01")).unwrap();
    assert_eq!(
        told(&account),
        [
            "subscription.created",
            "subscription.cancelled",
            "subscription.changed",
            "subscription.renewed",
            "subscription.cancelled",
            "subscription.expired",
        ]
    );
    let renewed = &account.pending.events[3].data;
    let EventData::Subscription(_, view) = renewed else {
        panic!("{renewed:?}");
    };
    assert_eq!(view.record.period.start, day("2024-12-01"));
    assert!(view.live.is_some());
    let EventData::Subscription(_, ended) = &account.pending.events[5].data else {
        panic!("no subscription");
    };
    assert_eq!(ended.live, None);
    let sequences = account.pending.events.iter().map(|event| event.sequence);
    assert!(sequences.is_sorted());
}

#[test]
fn nobody_is_warned_without_a_plan() {
    let mut account = account();
    rate(
        &mut account,
        "a",
        day("2024-11-02"),
        day("2024-11-02"),
        1_000_000,
    );
    assert!(!account.state.quota_warning());
    assert_eq!(account.pending.events, []);
}
