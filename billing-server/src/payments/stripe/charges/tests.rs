use billing_core::{
    ids::TransactionId,
    payment::{DeclineKind, DisputeState},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const TRANSACTION_ID: &str = "txn-0198c5a0f3d47cc2a9f1d2c3b4a59687";

/// An intent over 10.50 with some members replaced.
fn intent(with: Value) -> PaymentIntent {
    let mut intent = json!({
        "id": "pi_1", "amount": 1_050, "amount_received": 0, "currency": "usd",
        "status": "requires_confirmation", "created": 1_700_000_000, "livemode": false,
        "metadata": {}, "client_secret": "pi_1_secret_1", "last_payment_error": null,
        "next_action": null, "latest_charge": null,
    });
    let Value::Object(with) = with else {
        panic!("members are replaced")
    };
    intent.as_object_mut().unwrap().extend(with);
    serde_json::from_value(intent).unwrap()
}

fn charge_with(with: Value) -> Charge {
    charge(intent(with), None).unwrap()
}

#[rstest]
#[case("requires_confirmation", ChargeStatus::Ready)]
#[case("requires_payment_method", ChargeStatus::NeedsUser(None))]
#[case("requires_action", ChargeStatus::NeedsUser(None))]
#[case("requires_capture", ChargeStatus::Processing)]
#[case("processing", ChargeStatus::Processing)]
#[case("succeeded", ChargeStatus::Succeeded)]
#[case("canceled", ChargeStatus::Cancelled)]
#[case("a_state_of_tomorrow", ChargeStatus::Processing)]
fn a_state_is_told(#[case] status: &str, #[case] told: ChargeStatus) {
    assert_eq!(charge_with(json!({ "status": status })).status, told);
}

#[test]
fn a_user_who_is_needed_gets_the_page() {
    let url = "https://hooks.stripe.com/3d_secure_2";
    let needed = charge_with(json!({
        "status": "requires_action",
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": url}},
    }));
    assert_eq!(needed.status, ChargeStatus::NeedsUser(Some(url.to_owned())));
}

#[test]
fn a_failed_attempt_is_a_decline() {
    let declined = charge_with(json!({
        "status": "requires_payment_method",
        "last_payment_error": {
            "type": "card_error", "code": "card_declined", "decline_code": "lost_card",
            "message": "Your card was declined.",
        },
    }));
    let ChargeStatus::Declined(decline) = declined.status else {
        panic!("{:?} is no decline", declined.status)
    };
    assert_eq!(decline.code, "lost_card");
    assert_eq!(decline.message, "Your card was declined.");
    assert_eq!(decline.kind, DeclineKind::Final);
}

#[test]
fn an_earlier_failure_does_not_spoil_a_success() {
    let charge = charge_with(json!({
        "status": "succeeded", "amount_received": 1_050,
        "last_payment_error": {"type": "card_error", "code": "card_declined"},
    }));
    assert_eq!(charge.status, ChargeStatus::Succeeded);
}

#[test]
fn what_was_received_counts_after_a_success() {
    let charge = charge_with(json!({"status": "succeeded", "amount_received": 1_000}));
    assert_eq!(charge.amount.to_string(), "10");
    let charge = charge_with(json!({"status": "processing", "amount_received": 0}));
    assert_eq!(charge.amount.to_string(), "10.5");
}

#[test]
fn the_transaction_is_the_one_we_told_stripe() {
    let ours = charge_with(json!({"metadata": {"transaction_id": TRANSACTION_ID}}));
    let expected = TransactionId::parse(TRANSACTION_ID).unwrap();
    assert_eq!(ours.transaction, Some(expected));
    for metadata in [json!({}), json!({"transaction_id": "somebody's"})] {
        let other = charge_with(json!({ "metadata": metadata }));
        assert_eq!(other.transaction, None);
    }
}

fn attempt(fee_currency: &str) -> Value {
    json!({
        "status": "succeeded", "amount_received": 1_050,
        "latest_charge": {
            "id": "ch_1", "amount_refunded": 250, "disputed": false,
            "balance_transaction": {"id": "txn_1", "fee": 61, "currency": fee_currency},
        },
    })
}

#[test]
fn refunds_and_the_fee_are_told() {
    let charge = charge_with(attempt("usd"));
    assert_eq!(charge.refunded.to_string(), "2.5");
    assert_eq!(charge.fee.unwrap().to_string(), "0.61");
}

#[test]
fn a_fee_in_another_currency_is_unknown() {
    assert_eq!(charge_with(attempt("eur")).fee, None);
}

#[rstest]
#[case(json!("ch_1"))]
#[case(json!({"amount_refunded": 0, "disputed": false, "balance_transaction": null}))]
#[case(json!({"amount_refunded": 0, "disputed": false, "balance_transaction": "txn_1"}))]
fn a_fee_is_unknown_until_stripe_tells_it(#[case] attempt: Value) {
    assert_eq!(charge_with(json!({ "latest_charge": attempt })).fee, None);
}

#[rstest]
#[case("jpy", "1050", "JPY")]
#[case("kwd", "1.05", "KWD")]
#[case("eur", "10.5", "EUR")]
fn other_currencies_have_their_own_decimals(
    #[case] currency: &str,
    #[case] amount: &str,
    #[case] name: &str,
) {
    let charge = charge_with(json!({ "currency": currency }));
    assert_eq!(charge.amount.to_string(), amount);
    assert_eq!(charge.currency, name);
}

#[rstest]
#[case("warning_needs_response", DisputeState::Inquiry)]
#[case("warning_under_review", DisputeState::Inquiry)]
#[case("warning_closed", DisputeState::Inquiry)]
#[case("prevented", DisputeState::Inquiry)]
#[case("needs_response", DisputeState::Open)]
#[case("under_review", DisputeState::Open)]
#[case("won", DisputeState::Won)]
#[case("lost", DisputeState::Lost)]
#[case("a_state_of_tomorrow", DisputeState::Open)]
fn a_disputes_state_is_told(#[case] status: &str, #[case] state: DisputeState) {
    assert_eq!(dispute_state(status), state);
}

#[rstest]
#[case("2023-11-14T22:13:20Z", "1700000000")]
#[case("2023-11-14T22:13:20.000000001Z", "1700000001")]
#[case("1969-12-31T23:59:58.5Z", "-1")]
fn a_time_within_a_second_begins_with_the_next(#[case] at: &str, #[case] seconds: &str) {
    let at: DateTime<Utc> = at.parse().unwrap();
    assert_eq!(whole_second(at), seconds);
}
