//! What is configured.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::payments::{
    provider::ProviderError,
    stripe::{NAME, StripeAccountError},
};

const BASE: &str = "https://api.stripe.com";

fn account(secret_key: &str, secrets: &[&str], base: &str) -> Result<Stripe, StripeAccountError> {
    Stripe::new(&StripeAccount {
        secret_key,
        webhook_secrets: secrets,
        api_base: base,
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
    })
}

#[rstest]
#[case("sk_test_1", false)]
#[case("rk_test_1", false)]
#[case("sk_live_1", true)]
#[case("rk_live_1", true)]
fn a_key_says_whether_it_moves_real_money(#[case] key: &str, #[case] is_live: bool) {
    let stripe = account(key, &["whsec_1", "whsec_2"], BASE).unwrap();
    assert_eq!(stripe.is_live(), is_live);
    assert_eq!(stripe.least_charge(), money("0.50"));
    assert!(stripe.saved_methods().is_some());
}

#[rstest]
#[case("")]
#[case("pk_live_1")]
#[case("whsec_1")]
#[case("sk_live_1\n")]
fn what_is_no_secret_key_is_refused_unseen(#[case] key: &str) {
    let refused = account(key, &[], BASE).err().unwrap();
    assert!(matches!(refused, StripeAccountError::SecretKey));
    assert!(key.is_empty() || !refused.to_string().contains(key));
}

#[test]
fn what_is_no_webhook_secret_is_refused() {
    let refused = account("sk_test_1", &["sk_test_1"], BASE).err().unwrap();
    assert!(matches!(refused, StripeAccountError::WebhookSecret));
}

#[rstest]
#[case("http://api.stripe.com")]
#[case("ftp://localhost")]
#[case("api.stripe.com")]
#[case("https://api.stripe.com?x=1")]
fn an_address_where_the_key_could_be_read_is_refused(#[case] base: &str) {
    let refused = account("sk_test_1", &[], base).err().unwrap();
    assert!(matches!(refused, StripeAccountError::ApiBase));
}

#[tokio::test]
async fn a_key_that_stripe_does_not_know_is_unauthorised() {
    let scene = Scene::new().await;
    let stranger = stripe_at(&scene.fake.api_base(), "sk_test_other");
    let refused = stranger.charge("pi_1").await.unwrap_err();
    assert_eq!(refused, ProviderError::Unauthorised(NAME));
}

#[tokio::test]
async fn a_base_may_have_a_path_and_a_slash() {
    let scene = Scene::new().await;
    let slashed = stripe_at(&format!("{}/", scene.fake.api_base()), SECRET_KEY);
    let charge = scene.created(1, "10", Behaviour::Pays).await.charge;
    assert_eq!(slashed.charge(&charge.reference).await, Ok(charge));
    let elsewhere = stripe_at(&format!("{}/proxy", scene.fake.api_base()), SECRET_KEY);
    let missing = elsewhere.charge("pi_1").await;
    assert_eq!(missing, Err(ProviderError::NotFound(NAME)));
}
