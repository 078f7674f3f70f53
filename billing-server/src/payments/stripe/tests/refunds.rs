//! Refunds, ours and others.

use billing_core::payment::RefundStatus;
use integration_tests::stripe::Endpoint;
use rstest::rstest;

use super::*;
use crate::payments::{provider::ProviderError, stripe::NAME};

fn code<T: std::fmt::Debug>(answer: Result<T, ProviderError>) -> String {
    match answer {
        Err(ProviderError::Refused { code, .. }) => code,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn a_part_of_a_charge_is_given_back() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let order = scene.refund_order(2, &charge, "2.50");
    let refund = scene.stripe.refund("r", &order).await.unwrap();
    assert_eq!(refund.status, RefundStatus::Succeeded);
    assert_eq!(refund.charge.as_deref(), Some(charge.as_str()));
    assert_eq!(refund.transaction, Some(transaction(2)));
    assert_eq!(
        (refund.amount, refund.currency.as_str()),
        (money("2.50"), "USD")
    );
    assert_eq!(refund.created_at.timestamp(), NOW);
    assert_eq!(
        scene.stripe.refund_report(&refund.reference).await,
        Ok(refund.clone())
    );
    assert_eq!(scene.stripe.refund("r", &order).await, Ok(refund));
    assert_eq!(
        scene.stripe.charge(&charge).await.unwrap().refunded,
        money("2.50")
    );
}

#[tokio::test]
async fn no_more_is_given_back_than_was_paid() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let give = async |number: u128, amount: &str| {
        let order = scene.refund_order(number, &charge, amount);
        scene.stripe.refund(&format!("r{number}"), &order).await
    };
    assert_eq!(code(give(2, "10.01").await), "parameter_invalid_integer");
    assert!(give(3, "6").await.is_ok());
    assert_eq!(code(give(4, "4.01").await), "parameter_invalid_integer");
    assert!(give(5, "4").await.is_ok());
    assert_eq!(code(give(6, "0.01").await), "charge_already_refunded");
    assert_eq!(scene.fake.intents()[0].refunded, 1_000);
}

#[tokio::test]
async fn a_refund_arrives_or_fails_later() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    scene.fake.let_refunds_pend(true);
    let order = scene.refund_order(2, &charge, "4");
    let refund = scene.stripe.refund("r", &order).await.unwrap();
    assert_eq!(refund.status, RefundStatus::Pending);
    assert_eq!(
        scene.stripe.charge(&charge).await.unwrap().refunded,
        money("4")
    );
    scene.fake.settle_refund(&refund.reference);
    let settled = scene.stripe.refund_report(&refund.reference).await.unwrap();
    assert_eq!(settled.status, RefundStatus::Succeeded);
    scene
        .fake
        .fail_refund(&refund.reference, "expired_or_canceled_card");
    let failed = scene.stripe.refund_report(&refund.reference).await.unwrap();
    let reason = "expired_or_canceled_card".to_owned();
    assert_eq!(failed.status, RefundStatus::Failed(reason));
    assert_eq!(
        scene.stripe.charge(&charge).await.unwrap().refunded,
        Money::ZERO
    );
}

#[tokio::test]
async fn refunds_of_stripes_own_site_are_listed_too_over_many_pages() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let other = scene.confirmed(2, "10", Behaviour::Pays).await.reference;
    scene.fake.refund(&other, 1);
    for _ in 0..120 {
        scene.fake.refund(&charge, 1);
    }
    let order = scene.refund_order(3, &charge, "1");
    let ours = scene.stripe.refund("r", &order).await.unwrap();
    let refunds = scene.stripe.refunds_of(&charge).await.unwrap();
    assert_eq!(refunds.len(), 121);
    assert_eq!(refunds[0], ours);
    assert!(
        refunds[1..]
            .iter()
            .all(|refund| refund.transaction.is_none())
    );
    assert_eq!(scene.fake.calls(Endpoint::ListRefunds), 2);
    assert_eq!(
        scene.stripe.charge(&charge).await.unwrap().refunded,
        money("2.20")
    );
}

#[tokio::test]
async fn a_charge_without_refunds_has_none() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    assert_eq!(scene.stripe.refunds_of(&charge).await, Ok(vec![]));
}

#[tokio::test]
async fn what_was_never_paid_is_not_given_back() {
    let scene = Scene::new().await;
    let charge = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    let order = scene.refund_order(2, &charge, "1");
    assert_eq!(
        code(scene.stripe.refund("r", &order).await),
        "payment_intent_unexpected_state"
    );
    let order = scene.refund_order(3, "pi_none", "1");
    assert_eq!(
        code(scene.stripe.refund("s", &order).await),
        "resource_missing"
    );
}

#[tokio::test]
async fn what_is_disputed_is_not_given_back() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let _dispute = scene.fake.dispute(&charge, false);
    let order = scene.refund_order(2, &charge, "1");
    assert_eq!(
        code(scene.stripe.refund("r", &order).await),
        "charge_disputed"
    );
}

#[rstest]
#[case("0.001")]
#[case("1.999")]
#[tokio::test]
async fn a_refund_that_is_not_in_whole_cents_is_refused_without_a_call(#[case] amount: &str) {
    let scene = Scene::new().await;
    let order = scene.refund_order(2, "pi_1", amount);
    assert_eq!(
        code(scene.stripe.refund("r", &order).await),
        "amount_invalid"
    );
    assert_eq!(scene.fake.calls(Endpoint::CreateRefund), 0);
}

#[tokio::test]
async fn a_refund_that_is_not_there_is_not_found() {
    let scene = Scene::new().await;
    let missing = scene.stripe.refund_report("re_none").await;
    assert_eq!(missing, Err(ProviderError::NotFound(NAME)));
}
