//! Settings, discount and tax.

use rstest::rstest;

use super::*;
use crate::{
    document::TaxExemption,
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
#[case::taxed(None, "0.19")]
#[case::exempt(Some(TaxExemption::Exempt), "0")]
#[case::outside_scope(Some(TaxExemption::OutsideScope), "0")]
fn the_exempt_pay_no_tax(#[case] exemption: Option<TaxExemption>, #[case] charged: &str) {
    let mut account = account();
    let tax = Tax {
        rate: rate("0.19"),
        exemption,
    };
    let settings = Settings::new(account.id().clone());
    assert_eq!(account.set_tax(tax, &settings), Ok(()));
    assert_eq!(account.state.tax.charged(), rate(charged));
    assert_eq!(account.pending().account, AccountChange::All);
}

/// The settings of a user with a tax id.
fn with_tax_id(account: &Account, tax_id: &str) -> Settings {
    Settings {
        tax_id: tax_id.to_owned(),
        ..Settings::new(account.id().clone())
    }
}

const REVERSE_CHARGE: Tax = Tax {
    rate: Rate::ZERO,
    exemption: Some(TaxExemption::ReverseCharge),
};

#[rstest]
#[case("DE1", true)]
#[case("", false)]
#[case(" ", false)]
fn reverse_charge_needs_a_tax_id(#[case] tax_id: &str, #[case] allowed: bool) {
    let mut account = account();
    let settings = with_tax_id(&account, tax_id);
    let set = account.set_tax(REVERSE_CHARGE, &settings);
    if allowed {
        assert_eq!((set, account.state.tax), (Ok(()), REVERSE_CHARGE));
    } else {
        let message = "exemption needs the user's tax_id in the settings, which is empty";
        assert_eq!(set.unwrap_err().to_string(), message);
        assert_eq!(account.state.tax, Tax::default());
        assert!(account.pending().is_empty());
    }
}

#[rstest]
#[case::cleared(REVERSE_CHARGE, Some(""), false)]
#[case::replaced(REVERSE_CHARGE, Some("DE2"), true)]
#[case::left_alone(REVERSE_CHARGE, None, true)]
#[case::not_needed(Tax::default(), Some(""), true)]
fn a_tax_id_stays_as_long_as_it_is_needed(
    #[case] tax: Tax,
    #[case] tax_id: Option<&str>,
    #[case] allowed: bool,
) {
    let mut account = account();
    account.state.tax = tax;
    let change = SettingsChange {
        tax_id: tax_id.map(str::to_owned),
        ..SettingsChange::default()
    };
    let stored = with_tax_id(&account, "DE1");
    let set = account.set_settings(stored, change, &limits(), now());
    let refused = "tax_id must be set as long as the user owes tax by reverse charge";
    match set {
        Ok(set) => assert_eq!(
            (set.tax_id.as_str(), true),
            (tax_id.unwrap_or("DE1"), allowed)
        ),
        Err(refusal) => assert_eq!((refusal.to_string().as_str(), false), (refused, allowed)),
    }
}
