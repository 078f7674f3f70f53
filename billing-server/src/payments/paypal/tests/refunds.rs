//! Refunds, ours and those of PayPal's own site.

use billing_core::payment::{ChargeStatus, RefundStatus};
use chrono::TimeDelta;
use integration_tests::paypal::CaptureOutcome;

use super::*;
use crate::payments::provider::ProviderError;

#[tokio::test]
async fn a_part_is_given_back_once_per_key() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    let report = client.refund("r1", &refund(&charge, "4")).await.unwrap();
    assert_eq!(report.status, RefundStatus::Succeeded);
    assert_eq!(report.charge.as_ref(), Some(&charge));
    assert_eq!(report.transaction, Some(id(REFUND)));
    assert_eq!(
        (report.amount, report.currency.as_str()),
        (money("4"), "USD")
    );
    fake.advance(TimeDelta::days(44));
    let again = client.refund("r1", &refund(&charge, "4")).await;
    assert_eq!(again.as_ref(), Ok(&report));
    assert_eq!(client.refund_report(&report.reference).await, Ok(report));
    let seen = client.charge(&charge).await.unwrap();
    assert_eq!(
        (seen.status, seen.refunded),
        (ChargeStatus::Succeeded, money("4"))
    );
    fake.advance(TimeDelta::days(2));
    client.refund("r1", &refund(&charge, "4")).await.unwrap();
    assert_eq!(fake.refunded_total().to_string(), "8.00");
}

#[tokio::test]
async fn never_more_is_given_back_than_was_captured() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    client.refund("r1", &refund(&charge, "6")).await.unwrap();
    let codes = [("r2", "4.01", "REFUND_AMOUNT_EXCEEDED"), ("r3", "4", "")];
    for (key, amount, expected) in codes {
        match client.refund(key, &refund(&charge, amount)).await {
            Err(ProviderError::Refused { code, .. }) => assert_eq!(code, expected),
            other => assert!(expected.is_empty(), "{other:?}"),
        }
    }
    let over = client.refund("r4", &refund(&charge, "0.01")).await;
    assert!(matches!(over, Err(ProviderError::Refused { code, .. })
        if code == "CAPTURE_FULLY_REFUNDED"));
    let seen = client.charge(&charge).await.unwrap();
    assert_eq!(
        (seen.status, seen.refunded),
        (ChargeStatus::Succeeded, money("10"))
    );
}

#[tokio::test]
async fn an_order_that_is_not_paid_has_nothing_to_give_back() {
    let (_fake, client) = paypal().await;
    let charge = made(&client, "10").await;
    let refused = client.refund("r1", &refund(&charge, "4")).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })));
    let unknown = client.refund("r1", &refund("ORD7", "4")).await;
    assert_eq!(unknown, Err(ProviderError::NotFound("PayPal")));
}

#[tokio::test]
async fn a_refund_waits_and_may_fail() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    fake.let_refunds_wait(true);
    let first = client.refund("r1", &refund(&charge, "4")).await.unwrap();
    let second = client.refund("r2", &refund(&charge, "5")).await.unwrap();
    assert_eq!(first.status, RefundStatus::Pending);
    fake.complete_refund(&first.reference);
    fake.fail_refund(&second.reference);
    let first = client.refund_report(&first.reference).await.unwrap();
    assert_eq!(first.status, RefundStatus::Succeeded);
    let second = client.refund_report(&second.reference).await.unwrap();
    assert_eq!(second.status, RefundStatus::Failed("FAILED".to_owned()));
    assert_eq!(client.charge(&charge).await.unwrap().refunded, money("4"));
    let all = client.refunds_of(&charge).await;
    assert_eq!(all, Ok(vec![first, second]));
}

#[tokio::test]
async fn refunds_of_paypals_own_site_are_seen() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    assert_eq!(client.refunds_of(&charge).await, Ok(Vec::new()));
    let reference = fake.refund_at_dashboard(&charge, "2.50".parse().unwrap());
    let all = client.refunds_of(&charge).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].reference, reference);
    assert_eq!(all[0].transaction, None);
    assert_eq!(
        client.charge(&charge).await.unwrap().refunded,
        money("2.50")
    );
}

#[tokio::test]
async fn what_is_disputed_is_not_given_back_in_parts() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    let dispute = fake.open_dispute(&charge, "CHARGEBACK");
    let code = async |key: &str| match client.refund(key, &refund(&charge, "4")).await {
        Err(ProviderError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code("r1").await, "TRANSACTION_DISPUTED");
    fake.lose_dispute(&dispute);
    assert_eq!(code("r2").await, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK");
    fake.win_dispute(&dispute);
    client.refund("r3", &refund(&charge, "4")).await.unwrap();
}

#[tokio::test]
async fn a_pending_capture_cannot_be_given_back() {
    let (fake, client) = paypal().await;
    let charge = made(&client, "10").await;
    fake.approve(&charge);
    fake.next_capture(CaptureOutcome::Pending);
    client.confirm_charge("m1", &charge, false).await.unwrap();
    let refused = client.refund("r1", &refund(&charge, "4")).await;
    assert!(matches!(refused, Err(ProviderError::Refused { code, .. })
        if code == "PENDING_CAPTURE"));
}
