//! Stripe's own mock server takes every address, parameter and version that we send, and we read
//! what it answers. It keeps nothing: its answers are always the same.

use std::sync::Arc;

use chrono::DateTime;
use integration_tests::stripe_mock::StripeMock;

use super::*;
use crate::payments::provider::ProviderError;

/// A running server and the way to it; `None` where the test is to be skipped.
fn scene() -> Option<(Arc<StripeMock>, Stripe)> {
    let mock = StripeMock::shared()?;
    let stripe = stripe_at(&mock.api_base(), SECRET_KEY);
    Some((mock, stripe))
}

#[tokio::test]
async fn it_takes_a_customer() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let user = UserId::parse("ada").unwrap();
    let customer = stripe.create_customer("k", &user).await.unwrap();
    assert!(customer.starts_with("cus_"));
}

#[tokio::test]
async fn it_takes_a_setup() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let setup = stripe
        .create_setup("k", "cus_1", "https://example.com")
        .await
        .unwrap();
    assert!(setup.reference.starts_with("seti_"));
    assert!(setup.client_secret.is_some());
}

#[tokio::test]
async fn it_shows_a_method_which_is_nobodys() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    assert_eq!(stripe.method("cus_1", "pm_1").await, Ok(None));
}

#[tokio::test]
async fn it_detaches_a_method() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    assert_eq!(stripe.detach_method("k", "pm_1").await, Ok(()));
}

#[tokio::test]
async fn it_takes_a_charge() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let order = ChargeOrder {
        transaction: transaction(1),
        amount: money("10.50"),
        description: "Oblivious AI API Usage".to_owned(),
        payer: Payer::Saved {
            customer: "cus_1".to_owned(),
            method: "pm_1".to_owned(),
        },
    };
    let created = stripe.create_charge("k", &order).await.unwrap();
    assert!(created.charge.reference.starts_with("pi_"));
    assert_eq!(created.charge.amount, money("10.50"));
}

#[tokio::test]
async fn it_confirms_a_charge_whether_the_user_is_away_or_not() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    for off_session in [true, false] {
        let charge = stripe
            .confirm_charge("k", "pi_1", off_session)
            .await
            .unwrap();
        assert!(charge.reference.starts_with("pi_"));
    }
}

#[tokio::test]
async fn it_shows_a_charge() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    assert_eq!(stripe.charge("pi_1").await.unwrap().reference, "pi_1");
}

#[tokio::test]
async fn it_cancels_a_charge() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let charge = stripe.cancel_charge("k", "pi_1").await.unwrap();
    assert!(charge.reference.starts_with("pi_"));
}

#[tokio::test]
async fn it_lists_charges() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let from = DateTime::from_timestamp(NOW, 0).unwrap();
    let until = DateTime::from_timestamp(NOW + 1, 0).unwrap();
    assert_eq!(stripe.charges_made(from, until).await.unwrap().len(), 1);
}

#[tokio::test]
async fn it_lists_disputes() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    assert!(stripe.latest_dispute("pi_1").await.unwrap().is_some());
}

#[tokio::test]
async fn it_takes_a_refund() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let order = RefundOrder {
        transaction: transaction(2),
        charge: "pi_1".to_owned(),
        amount: money("1"),
    };
    let refund = stripe.refund("k", &order).await.unwrap();
    assert_eq!(refund.amount, money("1"));
}

#[tokio::test]
async fn it_shows_a_refund() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    assert_eq!(
        stripe.refund_report("re_1").await.unwrap().reference,
        "re_1"
    );
}

#[tokio::test]
async fn it_lists_refunds() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    assert_eq!(stripe.refunds_of("pi_1").await.unwrap().len(), 1);
}

/// So that the tests above are known to be able to fail.
#[tokio::test]
async fn it_refuses_what_is_not_in_the_api() {
    let Some((_mock, stripe)) = scene() else {
        return;
    };
    let refused = stripe
        .http
        .post::<serde_json::Value>("k", &["refunds"], &[("metadata[a]", "1"), ("unknown", "1")])
        .await;
    let refused = refused.err().map(ProviderError::from);
    assert!(
        matches!(refused, Some(ProviderError::Refused { .. })),
        "{refused:?}"
    );
    let missing = stripe
        .http
        .get::<serde_json::Value>(&["nothing"], &[])
        .await;
    assert!(missing.is_err());
}
