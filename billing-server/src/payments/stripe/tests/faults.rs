//! What goes wrong on the way to Stripe, and what is found afterwards. Nothing is tried again by
//! the adapter itself.

use integration_tests::stripe::{Endpoint, Fault};
use rstest::rstest;

use super::*;
use crate::payments::{provider::ProviderError, stripe::NAME};

/// Soon enough for a test, late enough for a slow machine.
const SHORT: Duration = Duration::from_millis(500);

fn unavailable<T>() -> Result<T, ProviderError> {
    Err(ProviderError::Unavailable(NAME))
}

#[rstest]
#[case(Fault::CutAfter)]
#[case(Fault::FailAfter)]
#[tokio::test]
async fn a_charge_that_was_done_without_an_answer_is_found(#[case] fault: Fault) {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    scene.fake.fault(Endpoint::ConfirmIntent, fault, 1);
    let answer = scene.stripe.confirm_charge("c", &reference, true).await;
    assert_eq!(answer, unavailable());
    assert_eq!(scene.fake.calls(Endpoint::ConfirmIntent), 1);
    let charge = scene.stripe.charge(&reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(scene.fake.charged(), 1_000);
}

#[rstest]
#[case(Fault::CutBefore)]
#[case(Fault::FailBefore)]
#[tokio::test]
async fn a_charge_that_was_not_done_is_found_as_it_was(#[case] fault: Fault) {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    scene.fake.fault(Endpoint::ConfirmIntent, fault, 1);
    let answer = scene.stripe.confirm_charge("c", &reference, true).await;
    assert_eq!(answer, unavailable());
    assert_eq!(scene.fake.calls(Endpoint::ConfirmIntent), 1);
    let charge = scene.stripe.charge(&reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Ready);
    assert_eq!(scene.fake.charged(), 0);
}

#[tokio::test]
async fn a_charge_that_times_out_after_it_was_done_is_found() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    let hasty = Stripe::new(&StripeAccount {
        secret_key: SECRET_KEY,
        webhook_secrets: &[],
        api_base: &scene.fake.api_base(),
        connect_timeout: SHORT,
        timeout: SHORT,
    });
    scene
        .fake
        .fault(Endpoint::ConfirmIntent, Fault::TimeOutAfter, 1);
    let answer = hasty.unwrap().confirm_charge("c", &reference, true).await;
    assert_eq!(answer, unavailable());
    let again = scene
        .stripe
        .confirm_charge("c", &reference, true)
        .await
        .unwrap();
    assert_eq!(again.status, ChargeStatus::Succeeded);
    assert_eq!(scene.fake.charged(), 1_000);
}

#[rstest]
#[case(Fault::FailBefore, 0)]
#[case(Fault::FailAfter, 1_000)]
#[tokio::test]
async fn a_server_error_is_answered_again_for_its_key(#[case] fault: Fault, #[case] charged: i64) {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    scene.fake.fault(Endpoint::ConfirmIntent, fault, 1);
    for _ in 0..3 {
        let answer = scene.stripe.confirm_charge("c", &reference, true).await;
        assert_eq!(answer, unavailable());
    }
    assert_eq!(scene.fake.charged(), charged);
}

#[tokio::test]
async fn a_throttled_call_leaves_no_trace_at_its_key() {
    let scene = Scene::new().await;
    let order = scene.order(1, "10", Behaviour::Pays);
    scene
        .fake
        .fault(Endpoint::CreateIntent, Fault::TooMany(7), 2);
    for _ in 0..2 {
        let throttled = ProviderError::Throttled {
            provider: NAME,
            wait: Some(Duration::from_secs(7)),
        };
        let answer = scene.stripe.create_charge("k", &order).await;
        assert_eq!(answer, Err(throttled));
    }
    assert!(scene.stripe.create_charge("k", &order).await.is_ok());
    assert_eq!(scene.fake.intents().len(), 1);
}

#[tokio::test]
async fn reading_is_not_tried_again_either() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::FailAfter] {
        scene.fake.fault(Endpoint::GetIntent, fault, 1);
        let before = scene.fake.calls(Endpoint::GetIntent);
        assert_eq!(scene.stripe.charge(&reference).await, unavailable());
        assert_eq!(scene.fake.calls(Endpoint::GetIntent), before + 1);
    }
}

#[tokio::test]
async fn a_list_that_breaks_in_the_middle_is_no_list() {
    let scene = Scene::new().await;
    for _ in 0..150 {
        let _paid = scene.fake.pay_elsewhere(100, "usd");
    }
    // The first page is let through, the second is not.
    scene.fake.fault(Endpoint::ListIntents, Fault::Hold, 1);
    scene.fake.fault(Endpoint::ListIntents, Fault::CutAfter, 1);
    scene.fake.release();
    let from = chrono::DateTime::from_timestamp(0, 0).unwrap();
    let until = chrono::DateTime::from_timestamp(NOW + 1, 0).unwrap();
    assert_eq!(scene.stripe.charges_made(from, until).await, unavailable());
    assert_eq!(scene.fake.calls(Endpoint::ListIntents), 2);
}

#[tokio::test]
async fn a_refund_that_was_done_without_an_answer_is_in_the_list() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let order = scene.refund_order(2, &charge, "4");
    scene
        .fake
        .fault(Endpoint::CreateRefund, Fault::FailAfter, 1);
    assert_eq!(scene.stripe.refund("r", &order).await, unavailable());
    let refunds = scene.stripe.refunds_of(&charge).await.unwrap();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0].transaction, Some(transaction(2)));
}

#[tokio::test]
async fn nobody_at_the_address_is_no_answer() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let stripe = stripe_at(&format!("http://{address}"), SECRET_KEY);
    assert_eq!(stripe.charge("pi_1").await, unavailable());
}
