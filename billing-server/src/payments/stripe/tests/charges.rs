//! Charges, from making to disputes.

use billing_core::payment::{DeclineKind, DisputeState};
use chrono::DateTime;
use integration_tests::stripe::Endpoint;
use rstest::rstest;

use super::*;
use crate::payments::{provider::ProviderError, stripe::NAME};

/// The code of a refusal.
fn code<T: std::fmt::Debug>(answer: Result<T, ProviderError>) -> String {
    match answer {
        Err(ProviderError::Refused { code, .. }) => code,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn a_charge_that_is_made_moves_no_money() {
    let scene = Scene::new().await;
    let created = scene.created(7, "10.50", Behaviour::Pays).await;
    let charge = created.charge;
    assert_eq!(charge.status, ChargeStatus::Ready);
    assert_eq!(charge.amount, money("10.50"));
    assert_eq!(charge.currency, "USD");
    assert_eq!(charge.transaction, Some(transaction(7)));
    assert_eq!(charge.created_at.timestamp(), NOW);
    assert!(!charge.is_live);
    let secret = created.client_secret.unwrap();
    assert!(secret.0.starts_with(&charge.reference));
    assert_eq!(format!("{secret:?}"), "***");
    let made = scene.fake.intents_of(&transaction(7).to_string());
    assert_eq!(made.len(), 1);
    assert_eq!(
        made[0].description.as_deref(),
        Some("Oblivious AI API Usage")
    );
    assert_eq!(made[0].amount, 1_050);
    assert_eq!(scene.fake.charged_to(&scene.customer), 0);
}

#[tokio::test]
async fn a_confirmed_charge_has_succeeded_with_its_fee() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "100.00", Behaviour::Pays).await;
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(charge.amount, money("100"));
    assert_eq!(charge.fee, Some(money("3.20")));
    assert_eq!(charge.refunded, Money::ZERO);
    assert_eq!(charge.dispute, None);
    assert_eq!(scene.fake.charged_to(&scene.customer), 10_000);
    assert_eq!(scene.stripe.charge(&charge.reference).await, Ok(charge));
}

#[tokio::test]
async fn an_amount_below_the_minimum_is_refused() {
    let scene = Scene::new().await;
    let order = scene.order(1, "0.49", Behaviour::Pays);
    assert_eq!(
        code(scene.stripe.create_charge("k", &order).await),
        "amount_too_small"
    );
    let order = scene.order(2, "0.50", Behaviour::Pays);
    assert!(scene.stripe.create_charge("l", &order).await.is_ok());
}

#[tokio::test]
async fn an_amount_that_is_not_in_whole_cents_is_refused_without_a_call() {
    let scene = Scene::new().await;
    let order = scene.order(1, "10.005", Behaviour::Pays);
    assert_eq!(
        code(scene.stripe.create_charge("k", &order).await),
        "amount_invalid"
    );
    assert_eq!(scene.fake.calls(Endpoint::CreateIntent), 0);
}

#[tokio::test]
async fn a_buyer_who_approves_elsewhere_is_not_charged_at_stripe() {
    let scene = Scene::new().await;
    let order = ChargeOrder {
        payer: Payer::Approves {
            return_url: "https://example.com".to_owned(),
            cancel_url: "https://example.com".to_owned(),
        },
        ..scene.order(1, "10", Behaviour::Pays)
    };
    assert_eq!(
        code(scene.stripe.create_charge("k", &order).await),
        "payer_invalid"
    );
    assert_eq!(scene.fake.calls(Endpoint::CreateIntent), 0);
}

#[tokio::test]
async fn a_method_of_another_customer_is_refused() {
    let scene = Scene::new().await;
    let bob = UserId::parse("bob").unwrap();
    let bob = scene.stripe.create_customer("bob", &bob).await.unwrap();
    let method = scene.fake.add_method(&bob, Behaviour::Pays);
    let order = scene.order_with(1, "10", method);
    assert_eq!(
        code(scene.stripe.create_charge("k", &order).await),
        "resource_missing"
    );
}

#[tokio::test]
async fn a_method_that_was_taken_away_meanwhile_is_refused_at_confirming() {
    let scene = Scene::new().await;
    let method = scene.fake.add_method(&scene.customer, Behaviour::Pays);
    let order = scene.order_with(1, "10", method.clone());
    let created = scene.stripe.create_charge("k", &order).await.unwrap();
    scene.fake.detach(&method);
    let reference = created.charge.reference;
    let refused = scene.stripe.confirm_charge("l", &reference, true).await;
    assert_eq!(code(refused), "resource_missing");
    assert_eq!(scene.fake.charged(), 0);
}

#[rstest]
#[case("insufficient_funds", None, DeclineKind::Retryable)]
#[case("stolen_card", None, DeclineKind::Final)]
#[case("generic_decline", Some("do_not_try_again"), DeclineKind::Final)]
#[tokio::test]
async fn a_declined_card_is_no_error(
    #[case] decline_code: &str,
    #[case] advice: Option<&str>,
    #[case] kind: DeclineKind,
) {
    let scene = Scene::new().await;
    let declines = Behaviour::Declines {
        decline_code: decline_code.to_owned(),
        advice_code: advice.map(str::to_owned),
    };
    let charge = scene.confirmed(1, "10", declines).await;
    assert_eq!(charge.transaction, Some(transaction(1)));
    let same = scene.stripe.charge(&charge.reference).await.unwrap();
    for declined in [decline(charge), decline(same)] {
        assert_eq!(declined.code, decline_code);
        assert_eq!(declined.message, "Your card was declined.");
        assert_eq!(declined.kind, kind);
    }
    assert_eq!(scene.fake.charged(), 0);
}

#[tokio::test]
async fn a_user_who_is_away_cannot_authenticate() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::WantsUser).await;
    assert_eq!(decline(charge).kind, DeclineKind::UserNeeded);
}

#[tokio::test]
async fn a_user_who_is_there_is_asked_to_authenticate() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::WantsUser)
        .await
        .charge
        .reference;
    let charge = scene
        .stripe
        .confirm_charge("c", &reference, false)
        .await
        .unwrap();
    assert_eq!(charge.status, ChargeStatus::NeedsUser(None));
    scene.fake.authenticate(&reference);
    let charge = scene.stripe.charge(&reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(scene.fake.charged_to(&scene.customer), 1_000);
}

#[tokio::test]
async fn a_slow_charge_succeeds_later() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::PaysLater).await;
    assert_eq!(charge.status, ChargeStatus::Processing);
    assert_eq!(scene.fake.charged(), 0);
    scene.fake.settle(&charge.reference);
    let charge = scene.stripe.charge(&charge.reference).await.unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(charge.amount, money("10"));
}

#[tokio::test]
async fn a_slow_charge_fails_later() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::PaysLater).await;
    scene.fake.fail(&charge.reference, "insufficient_funds");
    let charge = scene.stripe.charge(&charge.reference).await.unwrap();
    assert_eq!(decline(charge).code, "insufficient_funds");
}

#[tokio::test]
async fn a_charge_is_confirmed_once() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await;
    let again = scene
        .stripe
        .confirm_charge("another", &charge.reference, true)
        .await;
    assert_eq!(code(again), "payment_intent_unexpected_state");
    assert_eq!(scene.fake.charged(), 1_000);
}

#[tokio::test]
async fn a_charge_is_cancelled_before_money_moves() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    for key in ["x", "y"] {
        let charge = scene.stripe.cancel_charge(key, &reference).await.unwrap();
        assert_eq!(charge.status, ChargeStatus::Cancelled);
    }
    let late = scene.stripe.confirm_charge("c", &reference, true).await;
    assert_eq!(code(late), "payment_intent_unexpected_state");
}

#[rstest]
#[case(Behaviour::Pays, ChargeStatus::Succeeded)]
#[case(Behaviour::PaysLater, ChargeStatus::Processing)]
#[tokio::test]
async fn cancelling_too_late_tells_how_the_charge_stands(
    #[case] behaviour: Behaviour,
    #[case] status: ChargeStatus,
) {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", behaviour).await;
    let stands = scene
        .stripe
        .cancel_charge("x", &charge.reference)
        .await
        .unwrap();
    assert_eq!(stands.status, status);
}

#[rstest]
#[case("pi_none")]
#[case("../customers")]
#[case("")]
#[tokio::test]
async fn a_charge_that_is_not_there_is_not_found(#[case] reference: &str) {
    let scene = Scene::new().await;
    let not_found = Err(ProviderError::NotFound(NAME));
    assert_eq!(scene.stripe.charge(reference).await, not_found);
    assert_eq!(
        scene.stripe.confirm_charge("c", reference, true).await,
        not_found
    );
    assert_eq!(scene.stripe.cancel_charge("x", reference).await, not_found);
}

#[rstest]
#[case(true, DisputeState::Won)]
#[case(false, DisputeState::Lost)]
#[tokio::test]
async fn a_dispute_is_followed_to_its_end(#[case] is_won: bool, #[case] end: DisputeState) {
    let scene = Scene::new().await;
    let reference = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let state = async || {
        let charge = scene.stripe.charge(&reference).await.unwrap();
        assert_eq!(charge.status, ChargeStatus::Succeeded);
        charge.dispute.unwrap()
    };
    let id = scene.fake.dispute(&reference, true);
    let dispute = state().await;
    assert_eq!(
        (dispute.reference.as_str(), dispute.amount),
        (id.as_str(), money("10"))
    );
    assert_eq!(dispute.state, DisputeState::Inquiry);
    scene.fake.escalate_dispute(&id);
    assert_eq!(state().await.state, DisputeState::Open);
    scene.fake.close_dispute(&id, is_won);
    assert_eq!(state().await.state, end);
}

#[tokio::test]
async fn disputes_are_asked_for_only_where_there_are_any() {
    let scene = Scene::new().await;
    let charge = scene.confirmed(1, "10", Behaviour::Pays).await;
    scene.stripe.charge(&charge.reference).await.unwrap();
    assert_eq!(scene.fake.calls(Endpoint::ListDisputes), 0);
}

fn at(seconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[tokio::test]
async fn all_charges_of_a_stretch_of_time_are_listed_over_many_pages() {
    let scene = Scene::new().await;
    let _before = scene.fake.pay_elsewhere(100, "usd");
    scene.fake.advance(1);
    let mut paid: Vec<String> = (0..250)
        .map(|_| scene.fake.pay_elsewhere(100, "usd"))
        .collect();
    scene.fake.advance(1);
    let _after = scene.fake.pay_elsewhere(100, "usd");
    let charges = scene
        .stripe
        .charges_made(at(NOW + 1), at(NOW + 2))
        .await
        .unwrap();
    let mut listed: Vec<String> = charges.into_iter().map(|charge| charge.reference).collect();
    listed.sort();
    paid.sort();
    assert_eq!(listed, paid);
    assert_eq!(scene.fake.calls(Endpoint::ListIntents), 3);
}

#[tokio::test]
async fn charges_of_any_currency_are_listed_with_what_became_of_them() {
    let scene = Scene::new().await;
    let yen = scene.fake.pay_elsewhere(1_050, "jpy");
    let dinar = scene.fake.pay_elsewhere(1_050, "kwd");
    let disputed = scene.confirmed(1, "10", Behaviour::Pays).await.reference;
    let dispute = scene.fake.dispute(&disputed, false);
    let declined = scene
        .confirmed(2, "10", Behaviour::declines("lost_card"))
        .await;
    let charges = scene
        .stripe
        .charges_made(at(NOW), at(NOW + 1))
        .await
        .unwrap();
    let of = |id: &str| {
        charges
            .iter()
            .find(|it| it.reference == id)
            .unwrap()
            .clone()
    };
    assert_eq!(charges.len(), 4);
    assert_eq!(
        (of(&yen).amount, of(&yen).currency),
        (money("1050"), "JPY".to_owned())
    );
    assert_eq!(of(&yen).transaction, None);
    assert_eq!(of(&dinar).amount, money("1.05"));
    assert_eq!(of(&disputed).dispute.unwrap().reference, dispute);
    assert_eq!(of(&disputed).fee, Some(money("0.59")));
    assert_eq!(of(&declined.reference), declined);
}

#[tokio::test]
async fn no_charges_are_no_error() {
    let scene = Scene::new().await;
    assert_eq!(scene.stripe.charges_made(at(0), at(NOW)).await, Ok(vec![]));
}
