use http::HeaderValue;
use rstest::rstest;
use serde_json::json;

use super::*;

const NOW: i64 = 1_700_000_000;
const SECRET: &str = "whsec_first";
const OTHER: &str = "whsec_second";
const BODY: &str = r#"{"id":"evt_1","type":"ping","livemode":false}"#;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

/// The signature of the scheme `v1`, calculated in one piece.
fn v1(secret: &str, time: &str, body: &str) -> String {
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    hexadecimal(&hmac::sign(&key, format!("{time}.{body}").as_bytes()))
}

fn verify(secrets: &[&str], header: &str, body: &str) -> Result<(), WebhookError> {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER, HeaderValue::from_str(header).unwrap());
    let body = Bytes::copy_from_slice(body.as_bytes());
    WebhookKeys::new(secrets)
        .unwrap()
        .verify(&headers, &body, now())
}

fn header(secret: &str, seconds: i64) -> String {
    let time = seconds.to_string();
    format!("t={time},v1={}", v1(secret, &time, BODY))
}

#[test]
fn a_signature_is_what_others_calculate() {
    // Calculated with another implementation: openssl dgst -sha256 -hmac whsec_first.
    let known = "455a4acf33c4b98b4cd175b4b19e08f9357ca269474116e3c55f48cfcd4e8337";
    assert_eq!(v1(SECRET, "1700000000", "{}"), known);
}

#[rstest]
#[case(0)]
#[case(300)]
#[case(-300)]
fn what_stripe_signed_within_five_minutes_is_taken(#[case] shift: i64) {
    assert_eq!(
        verify(&[SECRET], &header(SECRET, NOW + shift), BODY),
        Ok(())
    );
}

#[rstest]
#[case(301)]
#[case(-301)]
#[case(86_400)]
fn what_was_signed_earlier_or_later_is_forged(#[case] shift: i64) {
    let refused = verify(&[SECRET], &header(SECRET, NOW + shift), BODY);
    assert_eq!(
        refused,
        Err(forged("it was signed more than 5 minutes from now"))
    );
}

#[test]
fn both_secrets_are_good_while_one_replaces_the_other() {
    for secret in [SECRET, OTHER] {
        assert_eq!(verify(&[SECRET, OTHER], &header(secret, NOW), BODY), Ok(()));
    }
    let refused = verify(&[SECRET], &header(OTHER, NOW), BODY);
    assert_eq!(refused, Err(forged("no signature fits")));
}

#[test]
fn one_of_several_signatures_is_enough() {
    let good = v1(SECRET, &NOW.to_string(), BODY);
    let header = format!("t={NOW}, v1=00, v1={good},v0=ff");
    assert_eq!(verify(&[SECRET], &header, BODY), Ok(()));
}

#[test]
fn another_body_is_forged() {
    let refused = verify(&[SECRET], &header(SECRET, NOW), "{}");
    assert_eq!(refused, Err(forged("no signature fits")));
}

#[test]
fn another_time_is_forged() {
    let good = v1(SECRET, &(NOW - 1).to_string(), BODY);
    let refused = verify(&[SECRET], &format!("t={NOW},v1={good}"), BODY);
    assert_eq!(refused, Err(forged("no signature fits")));
}

#[test]
fn a_signature_of_the_test_scheme_is_not_taken() {
    let good = v1(SECRET, &NOW.to_string(), BODY);
    assert!(verify(&[SECRET], &format!("t={NOW},v0={good}"), BODY).is_err());
}

#[rstest]
#[case("")]
#[case("t=1700000000")]
#[case("v1=00")]
#[case("t=1,t=2,v1=00")]
#[case("nothing")]
fn a_malformed_header_is_forged(#[case] header: &str) {
    let refused = verify(&[SECRET], header, BODY);
    assert_eq!(
        refused,
        Err(forged("the Stripe-Signature header is malformed"))
    );
}

#[test]
fn a_time_that_is_none_is_forged() {
    let header = format!("t=now,v1={}", v1(SECRET, "now", BODY));
    let refused = verify(&[SECRET], &header, BODY);
    assert_eq!(
        refused,
        Err(forged("the Stripe-Signature header has no time"))
    );
}

#[test]
fn a_missing_header_is_forged() {
    let keys = WebhookKeys::new(&[SECRET]).unwrap();
    let refused = keys.verify(&HeaderMap::new(), &Bytes::new(), now());
    assert_eq!(refused, Err(forged("there is no Stripe-Signature header")));
}

#[test]
fn without_a_secret_everything_is_forged() {
    assert!(verify(&[], &header(SECRET, NOW), BODY).is_err());
}

#[rstest]
#[case("")]
#[case("whsec_")]
#[case("secret")]
fn what_is_no_secret_is_not_configured(#[case] secret: &str) {
    assert!(WebhookKeys::new(&[secret]).is_none());
}

fn event(kind: &str, object: &Value) -> Hint {
    let event = json!({"id": "evt_1", "type": kind, "livemode": true, "data": {"object": object}});
    hint(event.to_string().as_bytes()).unwrap()
}

fn charge() -> HintObject {
    HintObject::Charge("pi_1".to_owned())
}

#[rstest]
#[case("payment_intent.succeeded", json!({"id": "pi_1"}), charge())]
#[case("payment_intent.payment_failed", json!({"id": "pi_1"}), charge())]
#[case("charge.refunded", json!({"id": "ch_1", "payment_intent": "pi_1"}), charge())]
#[case("charge.updated", json!({"id": "ch_1", "payment_intent": {"id": "pi_1"}}), charge())]
#[case("charge.dispute.created", json!({"id": "dp_1", "payment_intent": "pi_1"}), charge())]
#[case("charge.dispute.closed", json!({"id": "dp_1", "payment_intent": "pi_1"}), charge())]
#[case("charge.dispute.closed", json!({"id": "dp_1", "payment_intent": null}), HintObject::Other)]
#[case("charge.refund.updated", json!({"id": "re_1", "payment_intent": "pi_1"}),
    HintObject::Refund("re_1".to_owned()))]
#[case("refund.created", json!({"id": "re_1"}), HintObject::Refund("re_1".to_owned()))]
#[case("refund.failed", json!({"id": "re_1"}), HintObject::Refund("re_1".to_owned()))]
#[case("payment_method.detached", json!({"id": "pm_1"}), HintObject::Method("pm_1".to_owned()))]
#[case("payment_method.updated", json!({"id": "pm_1"}), HintObject::Method("pm_1".to_owned()))]
#[case("payment_method.automatically_updated", json!({"id": "pm_1"}),
    HintObject::Method("pm_1".to_owned()))]
#[case("payment_method.attached", json!({"id": "pm_1"}), HintObject::Other)]
#[case("customer.created", json!({"id": "cus_1"}), HintObject::Other)]
#[case("balance.available", json!({}), HintObject::Other)]
#[case("payment_intent.succeeded", json!(null), HintObject::Other)]
#[case("charge.refunded", json!({"id": 1, "payment_intent": [1]}), HintObject::Other)]
fn an_event_says_what_to_look_at(
    #[case] kind: &str,
    #[case] object: Value,
    #[case] about: HintObject,
) {
    let hint = event(kind, &object);
    assert_eq!(
        (hint.event_id.as_str(), hint.event_type.as_str()),
        ("evt_1", kind)
    );
    assert_eq!(hint.about, about);
    assert!(hint.is_live);
}

#[test]
fn an_event_without_an_object_is_about_nothing() {
    assert_eq!(hint(BODY.as_bytes()).unwrap().about, HintObject::Other);
}

#[test]
fn what_is_no_event_is_not_taken() {
    assert_eq!(hint(b"[]"), Err(forged("it is no event")));
}
