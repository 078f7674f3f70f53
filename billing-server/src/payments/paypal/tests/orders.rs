//! Orders from being made to being paid, given up or disputed.

use billing_core::payment::{ChargeStatus, DeclineKind, Dispute, DisputeState};
use chrono::TimeDelta;
use integration_tests::paypal::CaptureOutcome;
use rstest::rstest;

use super::*;
use crate::payments::provider::ProviderError;

#[tokio::test]
async fn an_order_waits_for_the_buyer() {
    let (fake, client) = paypal().await;
    let created = client.create_charge("c1", &order("10")).await.unwrap();
    let charge = created.charge;
    let page = format!("{}/checkoutnow?token={}", fake.base(), charge.reference);
    assert_eq!(charge.status, ChargeStatus::NeedsUser(Some(page)));
    assert_eq!(charge.transaction, Some(id(PAYMENT)));
    assert_eq!(
        (charge.amount, charge.currency.as_str()),
        (money("10"), "USD")
    );
    assert!(!charge.is_live);
    assert!(created.client_secret.is_none());
    assert_eq!(client.charge(&charge.reference).await, Ok(charge));
    assert!(client.saved_methods().is_none());
}

#[tokio::test]
async fn an_approved_order_is_captured_once() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    let ready = client.charge(&reference).await.unwrap();
    assert_eq!(ready.status, ChargeStatus::Ready);
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(charge.amount, money("10"));
    assert_eq!(charge.fee, Some(money("0.83")));
    assert_eq!(
        client.confirm_charge("m1", &reference, false).await,
        Ok(charge.clone())
    );
    assert_eq!(
        client.confirm_charge("m2", &reference, false).await,
        Ok(charge)
    );
    assert_eq!(fake.captured_total().to_string(), "10.00");
}

#[tokio::test]
async fn an_order_that_nobody_approved_is_not_captured() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert!(matches!(charge.status, ChargeStatus::NeedsUser(Some(_))));
    assert!(fake.captured_total().is_zero());
    fake.approve(&reference);
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
}

#[rstest]
#[case("INSTRUMENT_DECLINED", DeclineKind::Retryable)]
#[case("TRANSACTION_REFUSED", DeclineKind::Final)]
#[tokio::test]
async fn a_decline_is_no_error(#[case] issue: &'static str, #[case] kind: DeclineKind) {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.next_capture(CaptureOutcome::Refused(issue));
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    let ChargeStatus::Declined(decline) = charge.status else {
        panic!("{:?}", charge.status);
    };
    assert_eq!((decline.code.as_str(), decline.kind), (issue, kind));
    assert!(fake.captured_total().is_zero());
}

#[tokio::test]
async fn a_capture_that_is_made_and_declined_moves_nothing() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.next_capture(CaptureOutcome::Declined);
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert!(matches!(charge.status, ChargeStatus::Declined(_)));
    assert_eq!(client.charge(&reference).await, Ok(charge));
    assert!(fake.captured_total().is_zero());
}

#[tokio::test]
async fn a_decline_belongs_to_its_key() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.next_capture(CaptureOutcome::Refused("INSTRUMENT_DECLINED"));
    let declined = client.confirm_charge("m1", &reference, false).await;
    assert_eq!(
        client.confirm_charge("m1", &reference, false).await,
        declined
    );
    let charge = client
        .confirm_charge("m2", &reference, false)
        .await
        .unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
}

#[tokio::test]
async fn a_payer_who_is_needed_again_gets_a_page() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.next_capture(CaptureOutcome::Refused("PAYER_ACTION_REQUIRED"));
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert!(matches!(charge.status, ChargeStatus::NeedsUser(Some(_))));
}

#[tokio::test]
async fn a_fault_of_our_account_is_no_decline() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.next_capture(CaptureOutcome::Refused("PAYEE_ACCOUNT_RESTRICTED"));
    let error = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap_err();
    let ProviderError::Refused { code, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(code, "PAYEE_ACCOUNT_RESTRICTED");
}

#[tokio::test]
async fn a_pending_capture_ends_one_way_or_the_other() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.next_capture(CaptureOutcome::Pending);
    let charge = client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert_eq!(
        (charge.status, charge.fee),
        (ChargeStatus::Processing, None)
    );
    assert!(fake.captured_total().is_zero());
    let cancelled = client.cancel_charge("x1", &reference).await.unwrap();
    assert_eq!(cancelled.status, ChargeStatus::Processing);
    fake.complete_capture(&reference);
    let charge = client.charge(&reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    fake.decline_capture(&reference);
    let charge = client.charge(&reference).await.unwrap();
    assert!(matches!(charge.status, ChargeStatus::Declined(_)));
}

#[tokio::test]
async fn an_order_that_lapsed_is_not_there() {
    let (fake, client) = paypal().await;
    let unapproved = made(&client, "10").await;
    fake.advance(TimeDelta::hours(7));
    let gone = Err(ProviderError::NotFound("PayPal"));
    assert_eq!(client.charge(&unapproved).await, gone);
    let approved = client.create_charge("c2", &order("10")).await.unwrap();
    let approved = approved.charge.reference;
    fake.approve(&approved);
    fake.advance(TimeDelta::hours(4));
    assert_eq!(client.confirm_charge("m1", &approved, false).await, gone);
    assert_eq!(client.cancel_charge("x1", &approved).await, gone);
    assert_eq!(client.charge("no/id").await, gone);
}

#[tokio::test]
async fn an_order_is_given_up_until_it_is_captured() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    let charge = client.cancel_charge("x1", &reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Cancelled);
    fake.approve(&reference);
    let charge = client.cancel_charge("x1", &reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Cancelled);
    client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    let charge = client.cancel_charge("x1", &reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
}

#[tokio::test]
async fn a_voided_order_is_cancelled() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.void(&reference);
    let charge = client.charge(&reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Cancelled);
}

#[tokio::test]
async fn an_order_is_made_once_per_key_for_six_hours() {
    let (fake, client) = paypal().await;
    let first = made(&client, "10").await;
    assert_eq!(made(&client, "10").await, first);
    assert_eq!(fake.orders_of(PAYMENT), [first.as_str()]);
    let other = client.create_charge("c1", &order("11")).await;
    assert!(matches!(other, Err(ProviderError::Refused { .. })));
    fake.advance(TimeDelta::hours(6));
    assert_ne!(made(&client, "10").await, first);
}

#[tokio::test]
async fn a_saved_method_or_no_amount_is_not_asked_for() {
    let (fake, client) = paypal().await;
    let mut saved = order("10");
    saved.payer = Payer::Saved {
        customer: "c".to_owned(),
        method: "m".to_owned(),
    };
    for order in [saved, order("0"), order("0.001")] {
        let made = client.create_charge("c1", &order).await;
        assert!(matches!(made, Err(ProviderError::Refused { .. })));
    }
    assert!(fake.calls().is_empty());
}

#[rstest]
#[case("INQUIRY", DisputeState::Inquiry)]
#[case("CHARGEBACK", DisputeState::Open)]
#[tokio::test]
async fn a_dispute_is_seen_to_its_end(#[case] stage: &str, #[case] state: DisputeState) {
    let (fake, client) = paypal().await;
    let reference = paid(&fake, &client, "10").await;
    assert_eq!(client.charge(&reference).await.unwrap().dispute, None);
    let first = fake.open_dispute(&reference, stage);
    let seen = |reference: &str, state| {
        Some(Dispute {
            reference: reference.to_owned(),
            amount: money("10"),
            state,
        })
    };
    let dispute = client.charge(&reference).await.unwrap().dispute;
    assert_eq!(dispute, seen(&first, state));
    fake.escalate_dispute(&first, "ARBITRATION");
    let dispute = client.charge(&reference).await.unwrap().dispute;
    assert_eq!(dispute, seen(&first, DisputeState::Open));
    fake.win_dispute(&first);
    let dispute = client.charge(&reference).await.unwrap().dispute;
    assert_eq!(dispute, seen(&first, DisputeState::Won));
    fake.advance(TimeDelta::hours(1));
    let second = fake.open_dispute(&reference, stage);
    fake.lose_dispute(&second);
    let dispute = client.charge(&reference).await.unwrap().dispute;
    assert_eq!(dispute, seen(&second, DisputeState::Lost));
}

#[tokio::test]
async fn payments_go_on_for_an_app_that_may_not_see_disputes() {
    let (fake, client) = paypal().await;
    let reference = paid(&fake, &client, "10").await;
    fake.open_dispute(&reference, "CHARGEBACK");
    fake.show_disputes(false);
    let charge = client.charge(&reference).await.unwrap();
    assert_eq!(
        (charge.status, charge.dispute),
        (ChargeStatus::Succeeded, None)
    );
}

#[tokio::test]
async fn captures_are_found_in_the_account() {
    let (fake, client) = paypal().await;
    let from = fake.now();
    client.create_charge("c2", &order("11")).await.unwrap();
    let reference = paid(&fake, &client, "10").await;
    let day = TimeDelta::days(1);
    assert_eq!(client.charges_made(from, from + day).await, Ok(Vec::new()));
    fake.advance(TimeDelta::hours(4));
    let charge = client.charge(&reference).await.unwrap();
    let found = client.charges_made(from, from + day * 70).await;
    assert_eq!(found, Ok(vec![charge]));
    let later = client.charges_made(from + day, from + day * 2).await;
    assert_eq!(later, Ok(Vec::new()));
    let before = client
        .charges_made(from - day, from - TimeDelta::seconds(1))
        .await;
    assert_eq!(before, Ok(Vec::new()));
}
