//! Saved methods.

use integration_tests::stripe::Endpoint;
use rstest::rstest;

use super::*;
use crate::payments::{
    provider::{ProviderError, SavedMethod},
    stripe::NAME,
};

const RETURN: &str = "https://example.com/return";

fn card() -> SavedMethod {
    SavedMethod {
        brand: "visa".to_owned(),
        last4: "4242".to_owned(),
        expiry: Some((8, 2030)),
    }
}

#[tokio::test]
async fn a_customer_is_made_once_for_a_user() {
    let scene = Scene::new().await;
    let ada = UserId::parse("ada").unwrap();
    let again = scene
        .stripe
        .create_customer("customer", &ada)
        .await
        .unwrap();
    assert_eq!(again, scene.customer);
    assert_eq!(scene.fake.user_of(&again).as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_users_id_arrives_as_it_is_written() {
    let scene = Scene::new().await;
    let odd = "a&b=c+d e%[1]ä";
    let user = UserId::parse(odd).unwrap();
    let customer = scene.stripe.create_customer("odd", &user).await.unwrap();
    assert_eq!(scene.fake.user_of(&customer).as_deref(), Some(odd));
}

#[tokio::test]
async fn a_method_is_saved_and_charged() {
    let scene = Scene::new().await;
    let setup = scene
        .stripe
        .create_setup("s", &scene.customer, RETURN)
        .await
        .unwrap();
    assert!(setup.client_secret.unwrap().0.starts_with(&setup.reference));
    assert_eq!(setup.approval_url, None);
    let method = scene.fake.finish_setup(&setup.reference, Behaviour::Pays);
    let saved = scene.stripe.method(&scene.customer, &method).await.unwrap();
    assert_eq!(saved, Some(card()));
    let order = scene.order_with(1, "10", method);
    let created = scene.stripe.create_charge("k", &order).await.unwrap();
    let reference = created.charge.reference;
    scene
        .stripe
        .confirm_charge("c", &reference, true)
        .await
        .unwrap();
    assert_eq!(scene.fake.charged_to(&scene.customer), 1_000);
}

#[tokio::test]
async fn a_setup_needs_a_customer() {
    let scene = Scene::new().await;
    let refused = scene.stripe.create_setup("s", "cus_none", RETURN).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })));
}

#[tokio::test]
async fn a_method_of_somebody_else_is_none() {
    let scene = Scene::new().await;
    let bob = UserId::parse("bob").unwrap();
    let bob = scene.stripe.create_customer("bob", &bob).await.unwrap();
    let method = scene.fake.add_method(&bob, Behaviour::Pays);
    assert_eq!(
        scene.stripe.method(&scene.customer, &method).await,
        Ok(None)
    );
    assert_eq!(scene.stripe.method(&bob, &method).await, Ok(Some(card())));
}

#[rstest]
#[case("pm_none")]
#[case("")]
#[case("../customers")]
#[case("pm_1?expand[]=customer")]
#[tokio::test]
async fn a_method_that_is_not_there_is_none(#[case] method: &str) {
    let scene = Scene::new().await;
    assert_eq!(scene.stripe.method(&scene.customer, method).await, Ok(None));
}

#[tokio::test]
async fn a_method_is_forgotten_once_and_for_all() {
    let scene = Scene::new().await;
    let method = scene.fake.add_method(&scene.customer, Behaviour::Pays);
    for key in ["d", "d", "e"] {
        assert_eq!(scene.stripe.detach_method(key, &method).await, Ok(()));
    }
    assert_eq!(
        scene.stripe.method(&scene.customer, &method).await,
        Ok(None)
    );
    assert_eq!(scene.stripe.detach_method("f", "pm_none").await, Ok(()));
}

#[tokio::test]
async fn a_method_is_not_gone_because_stripe_refuses() {
    let scene = Scene::new().await;
    let method = scene.fake.add_method(&scene.customer, Behaviour::Pays);
    // The key was used for the customer.
    let refused = scene.stripe.detach_method("customer", &method).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })));
    assert_eq!(scene.fake.calls(Endpoint::GetMethod), 1);
}

#[tokio::test]
async fn an_unknown_key_is_not_taken_for_a_missing_method() {
    let scene = Scene::new().await;
    let stranger = stripe_at(&scene.fake.api_base(), "sk_test_other");
    let unauthorised = ProviderError::Unauthorised(NAME);
    let method = stranger.method(&scene.customer, "pm_1").await;
    assert_eq!(method, Err(unauthorised.clone()));
    assert_eq!(stranger.detach_method("d", "pm_1").await, Err(unauthorised));
}
