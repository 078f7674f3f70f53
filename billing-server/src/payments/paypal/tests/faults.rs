//! Calls that go wrong, and tokens.

use std::time::Duration;

use billing_core::payment::ChargeStatus;
use chrono::TimeDelta;
use integration_tests::paypal::Fault;
use rstest::rstest;

use super::*;
use crate::payments::provider::ProviderError;

const UNAVAILABLE: ProviderError = ProviderError::Unavailable("PayPal");

/// Tokens that were asked for.
fn tokens(fake: &FakePaypal) -> usize {
    let calls = fake.calls();
    let asked = calls
        .iter()
        .filter(|call| call.ends_with("/v1/oauth2/token"));
    asked.count()
}

#[tokio::test]
async fn one_token_serves_many_calls() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    let looks = [client.charge(&reference), client.charge(&reference)];
    for look in looks {
        look.await.unwrap();
    }
    assert_eq!(tokens(&fake), 1);
}

#[tokio::test]
async fn calls_at_once_wait_for_the_same_token() {
    let (fake, client) = paypal().await;
    let (a, b, c) = tokio::join!(client.charge("A"), client.charge("B"), client.charge("C"));
    for look in [a, b, c] {
        assert_eq!(look, Err(ProviderError::NotFound("PayPal")));
    }
    assert_eq!(tokens(&fake), 1);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_once() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.advance(TimeDelta::hours(9));
    let second = client.create_charge("c2", &order("10")).await.unwrap();
    assert_eq!(tokens(&fake), 2);
    fake.revoke_tokens();
    fake.approve(&second.charge.reference);
    let charge = client
        .confirm_charge("m1", &second.charge.reference, false)
        .await
        .unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(tokens(&fake), 3);
    assert_eq!(
        client.charge(&reference).await,
        Err(ProviderError::NotFound("PayPal"))
    );
}

#[tokio::test]
async fn a_token_is_given_up_before_it_ends() {
    let (fake, client) = paypal().await;
    fake.let_tokens_last(TimeDelta::seconds(60));
    let reference = made(&client, "10").await;
    client.charge(&reference).await.unwrap();
    assert_eq!(tokens(&fake), 2);
}

#[tokio::test]
async fn tokens_that_are_never_accepted_are_an_error() {
    let (fake, client) = paypal().await;
    fake.let_tokens_last(TimeDelta::zero());
    let error = client.charge("A").await;
    assert_eq!(error, Err(ProviderError::Unauthorised("PayPal")));
    assert_eq!(tokens(&fake), 2);
}

#[tokio::test]
async fn wrong_keys_are_not_accepted() {
    let fake = FakePaypal::start().await;
    let mut settings = settings(fake.base(), fake.trust_root());
    settings.client_secret = "wrong".to_owned();
    let client = PaypalClient::new(settings).unwrap();
    let error = client.charge("A").await.unwrap_err();
    assert_eq!(error, ProviderError::Unauthorised("PayPal"));
    assert!(!error.to_string().contains("wrong"));
}

#[tokio::test]
async fn a_call_that_is_throttled_says_how_long_to_wait() {
    let (fake, client) = paypal().await;
    fake.fail_next(1, Fault::TooMany);
    let error = client.create_charge("c1", &order("10")).await.unwrap_err();
    let wait = Some(Duration::from_secs(7));
    assert_eq!(
        error,
        ProviderError::Throttled {
            provider: "PayPal",
            wait
        }
    );
    assert!(fake.orders_of(PAYMENT).is_empty());
}

#[rstest]
#[case(Fault::CutBefore, 0)]
#[case(Fault::ServerError, 0)]
#[case(Fault::CutAfter, 1)]
#[case(Fault::NoAnswer, 1)]
#[tokio::test]
async fn a_call_without_an_answer_is_not_tried_again(#[case] fault: Fault, #[case] made: usize) {
    let fake = FakePaypal::start().await;
    let mut settings = settings(fake.base(), fake.trust_root());
    if fault == Fault::NoAnswer {
        settings.timeout = Duration::from_secs(1);
    }
    let client = PaypalClient::new(settings).unwrap();
    fake.fail_next(1, fault);
    let error = client.create_charge("c1", &order("10")).await.err();
    assert_eq!(error, Some(UNAVAILABLE));
    assert_eq!(fake.orders_of(PAYMENT).len(), made);
    let created = client.create_charge("c1", &order("10")).await.unwrap();
    assert_eq!(fake.orders_of(PAYMENT), [created.charge.reference]);
}

#[rstest]
#[case(Fault::CutBefore, ChargeStatus::Ready)]
#[case(Fault::CutAfter, ChargeStatus::Succeeded)]
#[tokio::test]
async fn a_capture_without_an_answer_is_found_by_looking(
    #[case] fault: Fault,
    #[case] status: ChargeStatus,
) {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    fake.approve(&reference);
    fake.fail_next_writes(1, fault);
    let error = client.confirm_charge("m1", &reference, false).await;
    assert_eq!(error, Err(UNAVAILABLE));
    assert_eq!(client.charge(&reference).await.unwrap().status, status);
    client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    assert_eq!(fake.captured_total().to_string(), "10.00");
}

#[tokio::test]
async fn a_refund_without_an_answer_is_given_once() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    fake.fail_next_writes(1, Fault::CutAfter);
    let error = client.refund("r1", &refund(&charge, "4")).await;
    assert_eq!(error, Err(UNAVAILABLE));
    client.refund("r1", &refund(&charge, "4")).await.unwrap();
    assert_eq!(client.refunds_of(&charge).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_paypal_that_is_not_there_is_unavailable() {
    let (fake, client) = paypal().await;
    drop(fake);
    assert_eq!(client.charge("A").await, Err(UNAVAILABLE));
}
