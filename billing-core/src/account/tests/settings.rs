//! Settings, discount and tax.

use rstest::rstest;

use super::*;
use crate::{
    ids::PaymentMethodId,
    payment::{Automation, Consents, Payer, Provider, TopupConsent, TopupLimits, TopupSettings},
    settings::{Settings, SettingsChange},
    testing::rate,
};

fn limits() -> TopupLimits {
    TopupLimits {
        least: money("1"),
        most: money("10000"),
        per_day: 3,
        per_month: 10,
    }
}

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
    let settings = account.set_settings(stored.clone(), change.clone(), &limits(), now());
    assert_eq!(settings, Ok(change.apply(stored, now())));
    let kept = TopupSettings {
        enabled: false,
        threshold: 7,
        amount: money("20"),
    };
    assert_eq!(account.state.auto_topup, kept);
    assert_eq!(
        (account.state.alerts.threshold, account.state.alerts.enabled),
        (50, false)
    );
    assert_eq!(account.pending().account, AccountChange::All);
}

#[rstest]
#[case::given(None, Some(true), true, Some("15"))]
#[case::switched_on_by_others(None, Some(true), false, None)]
#[case::given_anew(Some("10"), Some(true), true, Some("15"))]
#[case::left_alone(Some("10"), None, false, Some("10"))]
#[case::switched_off(Some("10"), Some(false), false, None)]
fn consent_is_the_users_and_lasts_until_top_ups_are_switched_off(
    #[case] before: Option<&str>,
    #[case] auto_topup: Option<bool>,
    #[case] agrees_to_topups: bool,
    #[case] amount_agreed_to: Option<&str>,
) {
    let mut account = account();
    let consent = |amount: &str| TopupConsent {
        by: account.id().clone(),
        at: now(),
        threshold: 0,
        amount: money(amount),
    };
    let payer = Payer {
        method_id: PaymentMethodId::new(uuid("m")),
        provider: Provider::Stripe,
        is_live: false,
        consents: Consents {
            topup: before.map(consent),
            collect: None,
        },
    };
    account.state.automation.payer = Some(payer);
    let change = SettingsChange {
        auto_topup,
        agrees_to_topups,
        auto_topup_amount: Some(money("15")),
        ..SettingsChange::default()
    };
    let stored = Settings::new(account.id().clone());
    account
        .set_settings(stored, change, &limits(), now())
        .unwrap();
    let payer = account.state.automation.payer.unwrap();
    let agreed = payer.consents.topup.map(|consent| consent.amount);
    assert_eq!(agreed, amount_agreed_to.map(money));
}

#[test]
fn settings_that_would_buy_again_and_again_are_refused() {
    let mut account = account();
    let pro = SubscriptionOrder::Subscribe(new("pro"));
    order(&mut account, pro, now()).unwrap();
    account.take_pending();
    let change = SettingsChange {
        auto_topup_threshold: Some(1_000_000),
        ..SettingsChange::default()
    };
    let stored = Settings::new(account.id().clone());
    let refused = account.set_settings(stored, change, &limits(), now());
    let description = "must buy more tokens than auto_topup_threshold; 100.00 USD buy 666666";
    let expected = Refusal::field("auto_topup_amount", description);
    assert_eq!(refused, Err(expected));
    assert!(account.pending().is_empty());
}

#[test]
fn an_account_without_settings_has_the_defaults() {
    let defaults = Settings::new(account().id().clone());
    let topup = account().state.auto_topup;
    assert_eq!(topup.enabled, defaults.auto_topup);
    assert_eq!(topup.amount, defaults.auto_topup_amount);
    assert_eq!(account().state.automation, Automation::default());
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
