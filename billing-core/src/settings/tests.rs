//! What settings may be, and what a change makes of them.

use rstest::rstest;

use super::*;

fn now() -> DateTime<Utc> {
    "2024-11-15T12:00:00Z".parse().unwrap()
}

fn fields(change: &SettingsChange) -> Vec<&'static str> {
    let found = change.violations();
    found.iter().map(|violation| violation.field).collect()
}

#[rstest]
#[case::nowhere("", true)]
#[case::usual("billing@example.com", true)]
#[case::tagged("a.b+c@mail.example.com", true)]
#[case::international("büro@exämple.de", true)]
#[case::longest(&format!("{}@example.com", "x".repeat(242)), true)]
#[case::one_byte_more(&format!("{}@example.com", "x".repeat(243)), false)]
#[case::no_host("billing@", false)]
#[case::no_name("@example.com", false)]
#[case::no_at("example.com", false)]
#[case::two_ats("a@b@example.com", false)]
#[case::space("a b@example.com", false)]
#[case::another_header("a@example.com\r\nBcc: b", false)]
#[case::nul("a\0@example.com", false)]
fn a_mail_address_is_plausible_or_refused(#[case] email: &str, #[case] sound: bool) {
    let change = SettingsChange {
        billing_email: Some(email.to_owned()),
        ..SettingsChange::default()
    };
    let expected: &[&str] = if sound { &[] } else { &["billing_email"] };
    assert_eq!(fields(&change), expected);
}

#[rstest]
#[case("0.01", true)]
#[case("100.50", true)]
#[case("0", false)]
#[case("-5", false)]
#[case("0.005", false)]
fn a_top_up_costs_whole_cents_above_0(#[case] amount: &str, #[case] sound: bool) {
    let change = SettingsChange {
        auto_topup_amount: Some(amount.parse().unwrap()),
        ..SettingsChange::default()
    };
    let expected: &[&str] = if sound { &[] } else { &["auto_topup_amount"] };
    assert_eq!(fields(&change), expected);
}

#[test]
fn every_wrong_field_is_named() {
    let change = SettingsChange {
        billing_email: Some("nobody".into()),
        billing_address: Some("x".repeat(1_001)),
        tax_id: Some("DE\n1".into()),
        auto_topup_threshold: Some(-1),
        auto_topup_amount: Some(Money::ZERO),
        alert_threshold: Some(-1),
        billing_name: Some("x".repeat(201)),
        billing_country: Some("UK".into()),
        language: Some("de".into()),
        ..SettingsChange::default()
    };
    let expected = [
        "billing_email",
        "billing_address",
        "tax_id",
        "auto_topup_threshold",
        "auto_topup_amount",
        "alert_threshold",
        "billing_name",
        "billing_country",
        "language",
    ];
    assert_eq!(fields(&change), expected);
}

#[test]
fn a_change_leaves_alone_what_it_does_not_name() {
    let defaults = Settings::new(UserId::parse("alice").unwrap());
    let first = SettingsChange {
        billing_address: Some("1 High Street\nOxford".into()),
        alert_threshold: Some(50_000),
        ..SettingsChange::default()
    };
    assert_eq!(first.violations(), []);
    let set = first.apply(defaults.clone(), now());
    let later = now() + chrono::TimeDelta::days(1);
    let second = SettingsChange {
        alert_threshold: Some(0),
        ..SettingsChange::default()
    };
    let expected = Settings {
        billing_address: "1 High Street\nOxford".into(),
        written: Some(Written {
            created_at: now(),
            updated_at: later,
        }),
        ..defaults
    };
    assert_eq!(second.apply(set, later), expected);
}

#[test]
fn documents_name_the_buyer_as_set() {
    let change = SettingsChange {
        billing_name: Some("Alice GmbH".into()),
        billing_address: Some("1 High Street".into()),
        billing_country: Some("de".into()),
        tax_id: Some("DE1".into()),
        language: Some("zh".into()),
        ..SettingsChange::default()
    };
    assert_eq!(change.violations(), []);
    let set = change.apply(Settings::new(UserId::parse("alice").unwrap()), now());
    let buyer = Buyer {
        name: "Alice GmbH".into(),
        address: "1 High Street".into(),
        country: "DE".into(),
        tax_id: "DE1".into(),
        language: Language::Chinese,
    };
    assert_eq!(set.buyer(), buyer);
    let nowhere = SettingsChange {
        billing_country: Some(String::new()),
        ..SettingsChange::default()
    };
    assert_eq!(nowhere.violations(), []);
    assert_eq!(nowhere.apply(set, now()).billing_country, "");
}
