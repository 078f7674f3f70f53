use rstest::rstest;
use uuid::Uuid;

use super::*;

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::trusted(text.to_owned())
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn signing(secrets: &WebhookSecrets, hour: i64) -> Vec<&str> {
    secrets
        .signing(at(hour))
        .map(WebhookSecret::reveal)
        .collect()
}

fn endpoint() -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::new(Uuid::nil()),
        url: "https://example.com/".to_owned(),
        description: "ours".to_owned(),
        filter: EndpointFilter::default(),
        disabled: None,
        secrets: WebhookSecrets::new(secret("a")),
        health: OutletHealth {
            failures: 7,
            failing_since: Some(at(1)),
            succeeded_at: Some(at(0)),
            probe_at: Some(at(2)),
            drained_to: None,
            told_at: Some(at(3)),
        },
        created_at: at(0),
        updated_at: at(0),
    }
}

#[test]
fn old_secrets_sign_for_a_day_after_they_were_replaced() {
    let mut secrets = WebhookSecrets::new(secret("a"));
    secrets.rotate(secret("b"), false, at(0));
    secrets.rotate(secret("c"), false, at(10));
    assert_eq!(signing(&secrets, 23), ["c", "b", "a"]);
    assert_eq!(signing(&secrets, 24), ["c", "b"]);
    assert_eq!(signing(&secrets, 34), ["c"]);
}

#[test]
fn at_most_two_old_secrets_sign() {
    let mut secrets = WebhookSecrets::new(secret("a"));
    for (hour, name) in ["b", "c", "d"].into_iter().enumerate() {
        secrets.rotate(secret(name), false, at(i64::try_from(hour).unwrap()));
    }
    assert_eq!(signing(&secrets, 3), ["d", "c", "b"]);
    assert_eq!(secrets.old.len(), MAX_OLD_SECRETS);
}

#[test]
fn a_rotation_forgets_what_has_expired() {
    let mut secrets = WebhookSecrets::new(secret("a"));
    secrets.rotate(secret("b"), false, at(0));
    secrets.rotate(secret("c"), false, at(24));
    assert_eq!(secrets.old.len(), 1);
    assert_eq!(signing(&secrets, 24), ["c", "b"]);
}

#[test]
fn revoked_secrets_sign_no_more() {
    let mut secrets = WebhookSecrets::new(secret("a"));
    secrets.rotate(secret("b"), false, at(0));
    secrets.rotate(secret("c"), true, at(1));
    assert_eq!(signing(&secrets, 1), ["c"]);
}

#[test]
fn a_secret_is_never_shown_by_accident() {
    let secrets = WebhookSecrets::new(secret("whsec_hidden"));
    assert!(!format!("{secrets:?}").contains("hidden"));
    assert!(!format!("{:?}", endpoint()).contains("\"a\""));
}

#[rstest]
#[case::everything(&[], &[], Some("alice"), true)]
#[case::everything_about_nobody(&[], &[], None, true)]
#[case::its_type(&[EventType::InvoicePaid], &[], Some("alice"), true)]
#[case::another_type(&[EventType::InvoiceIssued], &[], Some("alice"), false)]
#[case::its_user(&[], &["bob", "alice"], Some("alice"), true)]
#[case::another_user(&[], &["bob"], Some("alice"), false)]
#[case::nobody_where_users_are_chosen(&[], &["bob"], None, false)]
#[case::both(&[EventType::InvoicePaid], &["alice"], Some("alice"), true)]
#[case::only_its_type(&[EventType::InvoicePaid], &["bob"], Some("alice"), false)]
#[case::only_its_user(&[EventType::InvoiceIssued], &["alice"], Some("alice"), false)]
fn a_filter_lets_what_it_names_pass(
    #[case] event_types: &[EventType],
    #[case] users: &[&str],
    #[case] about: Option<&str>,
    #[case] passes: bool,
) {
    let filter = EndpointFilter {
        event_types: event_types.to_vec(),
        user_ids: users.iter().map(|id| user(id)).collect(),
    };
    let about = about.map(user);
    assert_eq!(filter.takes(EventType::InvoicePaid, about.as_ref()), passes);
}

#[test]
fn what_a_change_leaves_out_stays() {
    let mut changed = endpoint();
    changed.change(EndpointChange::default(), at(5));
    let expected = WebhookEndpoint {
        updated_at: at(5),
        ..endpoint()
    };
    assert_eq!(changed, expected);
}

#[test]
fn an_endpoint_is_disabled_once_and_enabled_again_without_a_past() {
    let mut endpoint = endpoint();
    let enabled = |enabled| EndpointChange {
        enabled: Some(enabled),
        ..EndpointChange::default()
    };
    endpoint.disabled = Some(Disabled {
        reason: DisabledReason::Gone,
        at: at(1),
    });
    let gone = endpoint.disabled;
    endpoint.change(enabled(false), at(2));
    assert_eq!(endpoint.disabled, gone);
    endpoint.change(enabled(true), at(3));
    let fresh = OutletHealth {
        succeeded_at: Some(at(0)),
        ..OutletHealth::default()
    };
    assert_eq!((endpoint.disabled, &endpoint.health), (None, &fresh));
    endpoint.change(enabled(false), at(4));
    let reason = DisabledReason::Operator;
    assert_eq!(endpoint.disabled, Some(Disabled { reason, at: at(4) }));
}

#[rstest]
#[case::another_address("https://example.org/", 0)]
#[case::the_same_address("https://example.com/", 7)]
fn another_address_is_not_blamed_for_the_one_before(#[case] url: &str, #[case] failures: u32) {
    let mut endpoint = endpoint();
    let change = EndpointChange {
        url: Some(url.to_owned()),
        enabled: Some(true),
        ..EndpointChange::default()
    };
    endpoint.change(change, at(5));
    assert_eq!(endpoint.health.failures, failures);
}

#[test]
fn repeats_and_too_many_users_are_refused() {
    let twice = EndpointChange {
        event_types: Some(vec![EventType::InvoicePaid; 2]),
        user_ids: Some(vec![user("alice"); 2]),
        ..EndpointChange::default()
    };
    let filter = EndpointFilter {
        event_types: twice.event_types.clone().unwrap(),
        user_ids: twice.user_ids.clone().unwrap(),
    };
    assert_eq!(filter.violations(), twice.violations());
    let texts: Vec<_> = twice.violations().iter().map(ToString::to_string).collect();
    let expected = [
        "event_types must name each type once",
        "user_ids must name each user once",
    ];
    assert_eq!(texts, expected);
    let users = |count: usize| EndpointChange {
        user_ids: Some((0..count).map(|id| user(&id.to_string())).collect()),
        ..EndpointChange::default()
    };
    assert_eq!(users(MAX_USERS).violations(), []);
    assert_eq!(users(MAX_USERS + 1).violations().len(), 1);
}

#[test]
fn reasons_are_found_by_their_names() {
    for reason in DisabledReason::ALL {
        assert_eq!(DisabledReason::named(reason.name()), Some(reason));
    }
}
