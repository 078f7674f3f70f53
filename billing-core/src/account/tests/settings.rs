//! Settings, discount and tax.

use rstest::rstest;

use super::*;
use crate::{
    settings::{Settings, SettingsChange},
    testing::rate,
};

fn now() -> DateTime<Utc> {
    day("2024-11-15")
}

#[test]
fn an_account_keeps_the_settings_that_usage_needs() {
    let mut account = account();
    let stored = Settings::new(account.id().clone());
    let change = SettingsChange {
        auto_topup: Some(false),
        auto_topup_threshold: Some(7),
        auto_topup_amount: Some(money("20")),
        alert_threshold: Some(50),
        enable_alerts: Some(false),
        ..SettingsChange::default()
    };
    let settings = account.set_settings(stored.clone(), change.clone(), now());
    assert_eq!(settings, change.apply(stored, now()));
    let kept = AutoTopup {
        enabled: false,
        threshold: 7,
        amount: money("20"),
        has_consent: false,
    };
    assert_eq!(account.state.auto_topup, kept);
    assert_eq!(
        (account.state.alerts.threshold, account.state.alerts.enabled),
        (50, false)
    );
    assert_eq!(account.pending().account, AccountChange::All);
}

#[rstest]
#[case::given(false, Some(true), true)]
#[case::taken_back(true, Some(false), false)]
#[case::left_alone(true, None, true)]
fn consent_lasts_until_it_is_taken_back(
    #[case] before: bool,
    #[case] consent: Option<bool>,
    #[case] after: bool,
) {
    let mut account = account();
    account.state.auto_topup.has_consent = before;
    let change = SettingsChange {
        auto_topup_consent: consent,
        ..SettingsChange::default()
    };
    account.set_settings(Settings::new(account.id().clone()), change, now());
    assert_eq!(account.state.auto_topup.has_consent, after);
}

#[test]
fn an_account_without_settings_has_the_defaults() {
    let defaults = Settings::new(account().id().clone());
    let topup = account().state.auto_topup;
    assert_eq!(topup.enabled, defaults.auto_topup);
    assert_eq!(topup.amount, defaults.auto_topup_amount);
    assert!(!topup.has_consent);
    assert!(account().state.alerts.enabled);
}

#[test]
fn a_rate_of_the_past_now_or_later_counts_from_its_time_on() {
    let mut account = account();
    account.set_discount(rate("0.9"), None, now());
    account.set_discount(rate("0.5"), Some(day("2024-11-20")), now());
    account.set_discount(rate("0.7"), Some(day("2024-11-01")), now());
    let expected = Discount {
        rate: rate("0.9"),
        from: Some(now()),
        until: Some(day("2024-11-20")),
    };
    assert_eq!(account.state.discount, expected);
    let next = account.next_discount(now()).unwrap();
    assert_eq!((next.from, next.rate), (day("2024-11-20"), rate("0.5")));
    assert_eq!(account.next_discount(day("2024-11-20")), None);
    let rates = ["2024-10-31", "2024-11-01", "2024-11-15", "2024-11-20"];
    let rates = rates.map(|date| account.discount_rate_at(day(date)));
    assert_eq!(rates, ["1", "0.7", "0.9", "0.5"].map(rate));
    // A rate from the same time on counts instead, and is what there is to store.
    account.set_discount(rate("0.6"), None, now());
    assert_eq!(account.state.discount.rate, rate("0.6"));
    let change = DiscountChange {
        from: now(),
        rate: rate("0.6"),
    };
    assert_eq!(account.pending().discount, Some(change));
    assert_eq!(account.relations.discounts.len(), 3);
}

#[test]
fn an_announced_rate_comes_into_force_with_time() {
    let mut account = account();
    account.set_discount(rate("0.5"), Some(day("2024-11-20")), now());
    account.take_pending();
    account.advance_to(&catalog(), day("2024-11-19")).unwrap();
    assert!(account.pending().is_empty());
    account.advance_to(&catalog(), day("2024-11-20")).unwrap();
    assert_eq!(account.state.discount.rate, rate("0.5"));
    assert_eq!(account.pending().account, AccountChange::All);
}

#[rstest]
#[case::taxed(false, "0.19")]
#[case::exempt(true, "0")]
fn the_exempt_pay_no_tax(#[case] is_exempt: bool, #[case] charged: &str) {
    let mut account = account();
    account.set_tax(Tax {
        rate: rate("0.19"),
        is_exempt,
    });
    assert_eq!(account.state.tax.charged(), rate(charged));
    assert_eq!(account.pending().account, AccountChange::All);
}
