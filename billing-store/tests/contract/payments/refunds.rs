//! Refunds: what they reserve, free and give back.

use billing_core::{
    account::RefundOrder,
    ids::TransactionId,
    payment::{
        CallerRequest, Failure, RefundReport, RefundStatus, Transaction, TransactionKind,
        TransactionStatus,
    },
    refusal::Refusal,
};
use billing_store::StoreError;
use test_postgres::{Backend, on_both_databases};

use super::world::{
    TOKENS, all_ids, balance, called, money, refusal, stored, topped_up, with_alice,
};
use crate::support::{NOON, TestStore, time, unique, user};

on_both_databases!(
    a_refund_reserves_until_it_has_succeeded,
    a_refund_that_fails_frees_what_it_reserved,
    a_repeated_request_makes_one_refund,
    a_refund_of_the_providers_site_is_taken_in_once,
);

fn order(amount: &str, request: Option<CallerRequest>) -> RefundOrder {
    RefundOrder {
        id: TransactionId::new(unique()),
        amount: Some(money(amount)),
        request,
    }
}

async fn try_refund(
    store: &TestStore,
    of: &Transaction,
    order: RefundOrder,
) -> Result<Transaction, StoreError> {
    let begun = store.store.begin_refund(user("alice"), of.id, order);
    Ok(begun.await?.0)
}

/// What the provider says of a refund of ours.
fn report(of: &Transaction, status: RefundStatus) -> RefundReport {
    RefundReport {
        reference: format!("re_{}", of.id),
        charge: None,
        transaction: Some(of.id),
        amount: of.amount,
        currency: of.currency.clone(),
        status,
        created_at: time(NOON),
    }
}

async fn follow(store: &TestStore, payment: &Transaction, report: RefundReport) -> Transaction {
    let new = TransactionId::new(unique());
    let followed = store
        .store
        .follow_refund(user("alice"), payment.id, report, new);
    followed.await.unwrap()
}

fn failed() -> RefundStatus {
    RefundStatus::Failed("the account is closed".to_owned())
}

async fn a_refund_reserves_until_it_has_succeeded(backend: Backend) {
    let store = with_alice(backend).await;
    let topup = topped_up(&store, "alice").await;
    let refund = try_refund(&store, &topup, order("25", None)).await.unwrap();
    assert_eq!(
        (refund.kind, refund.status),
        (TransactionKind::Refund, TransactionStatus::Pending)
    );
    assert_eq!(
        (refund.refund_of, refund.amount),
        (Some(topup.id), money("25"))
    );
    let left = balance(&store, "alice").await;
    assert!(left < TOKENS && left > TOKENS / 2, "{left}");
    assert_eq!(stored(&store, &topup).await.refunded_amount, money("0"));
    // What is reserved is not given back twice.
    let refused = try_refund(&store, &topup, order("75.01", None)).await;
    let refused = refusal(refused);
    assert!(
        matches!(refused, Refusal::PaymentNotRefundable { .. }),
        "{refused}"
    );
    assert_eq!(balance(&store, "alice").await, left);
    assert_eq!(all_ids(&store).await, [refund.id, topup.id]);
    for _ in 0..2 {
        let done = follow(&store, &topup, report(&refund, RefundStatus::Succeeded)).await;
        assert_eq!(done.status, TransactionStatus::Succeeded);
        let payment = stored(&store, &topup).await;
        assert_eq!(payment.status, TransactionStatus::PartlyRefunded);
        assert_eq!(payment.refunded_amount, money("25"));
        assert_eq!(balance(&store, "alice").await, left);
    }
}

async fn a_refund_that_fails_frees_what_it_reserved(backend: Backend) {
    let store = with_alice(backend).await;
    let topup = topped_up(&store, "alice").await;
    // Refused when it was asked for, failed on its way, and come back after it had succeeded.
    let refund = || try_refund(&store, &topup, order("100", None));
    let refused = refund().await.unwrap();
    assert_eq!(balance(&store, "alice").await, 0);
    let failure = Failure {
        code: "charge_disputed".to_owned(),
        message: "it is disputed".to_owned(),
    };
    let ended = store
        .store
        .refuse_payment(user("alice"), refused.id, failure);
    assert_eq!(ended.await.unwrap().status, TransactionStatus::Failed);
    assert_eq!(balance(&store, "alice").await, TOKENS);
    let late = refund().await.unwrap();
    follow(&store, &topup, report(&late, failed())).await;
    assert_eq!(balance(&store, "alice").await, TOKENS);
    let back = refund().await.unwrap();
    follow(&store, &topup, report(&back, RefundStatus::Succeeded)).await;
    let given = stored(&store, &topup).await;
    assert_eq!(given.status, TransactionStatus::Refunded);
    for _ in 0..2 {
        let ended = follow(&store, &topup, report(&back, failed())).await;
        assert_eq!(ended.status, TransactionStatus::Failed);
        assert_eq!(balance(&store, "alice").await, TOKENS);
        let payment = stored(&store, &topup).await;
        assert_eq!(payment.status, TransactionStatus::Succeeded);
        assert_eq!(payment.refunded_amount, money("0"));
    }
    let refunds = store.store.refunds(user("alice"), topup.id).await.unwrap();
    let ids: Vec<_> = refunds.iter().map(|refund| refund.id).collect();
    assert_eq!(ids, [refused.id, late.id, back.id]);
}

async fn a_repeated_request_makes_one_refund(backend: Backend) {
    let store = with_alice(backend).await;
    let topup = topped_up(&store, "alice").await;
    let first = try_refund(&store, &topup, order("10", called("refund-1", 1)));
    let first = first.await.unwrap();
    let again = try_refund(&store, &topup, order("10", called("refund-1", 1)));
    assert_eq!(again.await.unwrap(), first);
    let other = try_refund(&store, &topup, order("11", called("refund-1", 2)));
    assert_eq!(refusal(other.await), Refusal::TransactionConflict);
    assert_eq!(all_ids(&store).await, [first.id, topup.id]);
}

async fn a_refund_of_the_providers_site_is_taken_in_once(backend: Backend) {
    let store = with_alice(backend).await;
    let topup = topped_up(&store, "alice").await;
    let told = RefundReport {
        reference: "re_site".to_owned(),
        charge: topup.provider_reference.clone(),
        transaction: None,
        amount: money("100"),
        currency: "USD".to_owned(),
        status: RefundStatus::Succeeded,
        created_at: time(NOON),
    };
    let first = follow(&store, &topup, told.clone()).await;
    assert_eq!(follow(&store, &topup, told).await, first);
    assert_eq!(all_ids(&store).await, [first.id, topup.id]);
    let payment = stored(&store, &topup).await;
    assert_eq!(payment.status, TransactionStatus::Refunded);
    assert_eq!(balance(&store, "alice").await, 0);
    let found = store
        .store
        .transaction_of(first.provider, "re_site".to_owned());
    assert_eq!(found.await.unwrap(), Some(first));
}
