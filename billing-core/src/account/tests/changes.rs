//! Changes of the plan within a period.

use super::*;
use crate::subscription::{Subscription, SubscriptionState};

fn live(account: &Account) -> &Subscription {
    account.state.subscription.as_ref().unwrap()
}

fn trial(plan: &str, auto_renew: bool) -> SubscriptionOrder {
    SubscriptionOrder::Subscribe(NewSubscription {
        trial_days: 14,
        auto_renew,
        ..new(plan)
    })
}

#[test]
fn an_upgrade_ends_a_trial_and_begins_the_first_period() {
    let mut account = account();
    order(&mut account, trial("basic", true), day("2024-11-05")).unwrap();
    let now = day("2024-11-06");
    let used = rate(&mut account, "r", now, now, 40_000);
    order(&mut account, change_plan("pro"), now).unwrap();
    let subscription = live(&account);
    assert_eq!(subscription.state, SubscriptionState::Active);
    assert_eq!(subscription.anchor, now);
    assert_eq!(subscription.period.start, now);
    assert_eq!(subscription.period.end, day("2024-12-06"));
    assert_eq!(account.state.tokens_remaining(), 1_000_000);
    let fee = [("2024-11", "Pro plan fee", "99.99")];
    assert_eq!(lines(&account), expected(&fee));
    let archived = &account.relations.windows[0].window;
    assert_eq!(archived.span.start, day("2024-11-05"));
    assert_eq!(archived.span.end, now);
    assert_eq!(archived.counters.tokens_used, 40_000);

    let void = VoidOrder {
        user_id: account.id().clone(),
        id: used.id,
        correction_id: used.id,
        reason: None,
    };
    account.void(used, void, None, now).unwrap();
    let archived = &account.relations.windows[0].window;
    assert_eq!(archived.counters.tokens_used, 0);
    assert_eq!(live(&account).window.counters.tokens_used, 0);
    // The trial is used up all the same.
    assert!(account.state.trial_used);
}

#[test]
fn an_upgrade_in_the_moment_the_trial_began_loses_no_token() {
    let mut account = account();
    let now = day("2024-11-05");
    order(&mut account, trial("basic", true), now).unwrap();
    rate(&mut account, "r", now, now, 40_000);
    order(&mut account, change_plan("pro"), now).unwrap();
    assert_eq!(account.relations.windows, []);
    assert_eq!(account.state.tokens_remaining(), 960_000);
    assert_eq!(live(&account).window.counters.tokens_used, 40_000);
}

#[test]
fn an_upgrade_of_a_trial_that_was_to_end_is_the_last_period() {
    let mut account = account();
    order(&mut account, trial("basic", false), day("2024-11-05")).unwrap();
    order(&mut account, change_plan("pro"), day("2024-11-06")).unwrap();
    assert_eq!(live(&account).state, SubscriptionState::Ending);
    account.advance_to(&catalog(), day("2024-12-06")).unwrap();
    assert_eq!(account.state.subscription, None);
    assert_eq!(lines(&account).len(), 1);
}
