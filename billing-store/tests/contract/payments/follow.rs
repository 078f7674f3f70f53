//! What comes of what a provider says of a charge: all of it, or nothing.

use std::sync::Arc;

use billing_core::{
    invoice::InvoiceStatus,
    payment::{Charge, ChargeStatus, Dispute, DisputeState, Transaction, TransactionStatus},
    refusal::Refusal,
};
use futures_util::future::join_all;
use test_postgres::{Backend, on_both_databases};

use super::world::{
    TOKENS, balance, begin, charge, follow, invoice, money, payment, refusal, stored, topped_up,
    topup, try_follow, with_alice,
};
use crate::support::{TestStore, user};

on_both_databases!(
    money_that_arrives_buys_tokens_once,
    money_that_arrives_pays_its_invoice,
    effects_come_with_the_status_or_not_at_all,
    another_amount_has_no_effect_and_calls_for_an_operator,
    a_dispute_freezes_and_takes_tokens,
    what_was_looked_at_calls_no_more,
    others_transactions_are_not_there,
);

async fn money_that_arrives_buys_tokens_once(backend: Backend) {
    let store = with_alice(backend).await;
    let second = store.second_server().await;
    let begun = begin(&store, topup("alice")).await;
    let told = charge(&begun, ChargeStatus::Succeeded);
    let follows = (0..8).map(|number| {
        let of = if number % 2 == 0 {
            &store.store
        } else {
            &second
        };
        let (of, told, id) = (Arc::clone(of), told.clone(), begun.id);
        tokio::spawn(async move { of.follow_charge(user("alice"), id, told).await.unwrap() })
    });
    for followed in join_all(follows.collect::<Vec<_>>()).await {
        followed.unwrap();
    }
    let seen = stored(&store, &begun).await;
    assert_eq!(seen.status, TransactionStatus::Succeeded);
    assert_eq!(seen.provider_reference, Some(told.reference));
    assert_eq!(seen.succeeded_at, Some(store.clock.now()));
    assert_eq!(balance(&store, "alice").await, TOKENS);
}

async fn money_that_arrives_pays_its_invoice(backend: Backend) {
    let store = with_alice(backend).await;
    let id = invoice(&store, "alice").await.id.unwrap();
    let begun = begin(&store, payment("alice", id)).await;
    assert_eq!(begun.amount, money("30"));
    follow(&store, &begun, ChargeStatus::Succeeded).await;
    let paid = store.store.invoice(user("alice"), id).await.unwrap();
    assert_eq!(paid.status, InvoiceStatus::Paid);
    assert_eq!(paid.payment_method.as_deref(), Some("stripe"));
    assert_eq!(paid.transaction_id, Some(begun.id.to_string()));
}

/// Has the database refuse what has succeeded.
async fn refuse_successes(store: &TestStore) {
    let refuse = store.either(
        "CREATE TRIGGER refusing BEFORE UPDATE ON payment_transactions \
         WHEN NEW.status = 'succeeded' BEGIN SELECT RAISE(ABORT, 'refused'); END",
        "ALTER TABLE payment_transactions ADD CONSTRAINT refusing CHECK (status <> 'succeeded')",
    );
    store.texts(refuse).await;
}

async fn effects_come_with_the_status_or_not_at_all(backend: Backend) {
    let store = with_alice(backend).await;
    let id = invoice(&store, "alice").await.id.unwrap();
    let begun = [
        begin(&store, topup("alice")).await,
        begin(&store, payment("alice", id)).await,
    ];
    refuse_successes(&store).await;
    for of in &begun {
        let told = charge(of, ChargeStatus::Succeeded);
        try_follow(&store, of, told).await.unwrap_err();
        assert_eq!(&stored(&store, of).await, of);
    }
    assert_eq!(balance(&store, "alice").await, 0);
    let unpaid = store.store.invoice(user("alice"), id).await.unwrap();
    assert_eq!(unpaid.status, InvoiceStatus::Issued);
    let allow = store.either(
        "DROP TRIGGER refusing",
        "ALTER TABLE payment_transactions DROP CONSTRAINT refusing",
    );
    store.texts(allow).await;
    for of in &begun {
        let followed = follow(&store, of, ChargeStatus::Succeeded).await;
        assert_eq!(followed.status, TransactionStatus::Succeeded);
    }
    assert_eq!(balance(&store, "alice").await, TOKENS);
    let paid = store.store.invoice(user("alice"), id).await.unwrap();
    assert_eq!(paid.status, InvoiceStatus::Paid);
}

async fn another_amount_has_no_effect_and_calls_for_an_operator(backend: Backend) {
    let store = with_alice(backend).await;
    let begun = begin(&store, topup("alice")).await;
    let told = Charge {
        amount: money("99.99"),
        ..charge(&begun, ChargeStatus::Succeeded)
    };
    for _ in 0..2 {
        let seen = try_follow(&store, &begun, told.clone()).await.unwrap();
        assert_eq!(seen.status, TransactionStatus::Pending);
        let reason = "the provider received 99.99 USD and not 100.00 USD";
        assert_eq!(seen.attention.as_deref(), Some(reason));
        assert_eq!(stored(&store, &begun).await, seen);
    }
    assert_eq!(balance(&store, "alice").await, 0);
}

async fn dispute(store: &TestStore, of: &Transaction, state: DisputeState) -> Transaction {
    let told = Charge {
        dispute: Some(Dispute {
            reference: "dp_1".to_owned(),
            amount: money("100"),
            state,
        }),
        ..charge(of, ChargeStatus::Succeeded)
    };
    try_follow(store, of, told).await.unwrap()
}

async fn a_dispute_freezes_and_takes_tokens(backend: Backend) {
    let store = with_alice(backend).await;
    for last in [DisputeState::Won, DisputeState::Lost] {
        let topup = topped_up(&store, "alice").await;
        let before = balance(&store, "alice").await;
        let seen = dispute(&store, &topup, DisputeState::Open).await;
        assert_eq!(seen.status, TransactionStatus::Disputed);
        assert_eq!(balance(&store, "alice").await, before - TOKENS);
        let seen = dispute(&store, &topup, last).await;
        let (status, left) = match last {
            DisputeState::Won => (TransactionStatus::Succeeded, before),
            _ => (TransactionStatus::ChargedBack, before - TOKENS),
        };
        assert_eq!(seen.status, status);
        let is_lost = status == TransactionStatus::ChargedBack;
        assert_eq!(seen.lost_at, is_lost.then(|| store.clock.now()));
        assert_eq!(balance(&store, "alice").await, left);
        assert_eq!(stored(&store, &topup).await, seen);
    }
}

async fn what_was_looked_at_calls_no_more(backend: Backend) {
    let store = with_alice(backend).await;
    let topup = topped_up(&store, "alice").await;
    let note = |reason: &str| {
        let noted = store
            .store
            .note_attention(user("alice"), topup.id, reason.to_owned());
        async { noted.await.unwrap().attention }
    };
    assert_eq!(note("odd").await.as_deref(), Some("odd"));
    assert_eq!(note("odd").await.as_deref(), Some("odd"));
    let both = note("more").await.unwrap();
    assert!(both.contains("odd") && both.contains("more"), "{both}");
    let clear = || store.store.clear_attention(user("alice"), topup.id);
    let (cleared, read) = clear().await.unwrap();
    assert_eq!((cleared.attention.clone(), read), (None, Some(both)));
    assert_eq!(stored(&store, &topup).await, cleared);
    assert_eq!(clear().await.unwrap(), (cleared, None));
    assert_eq!(note("odd").await.as_deref(), Some("odd"));
    assert_eq!(balance(&store, "alice").await, TOKENS);
}

async fn others_transactions_are_not_there(backend: Backend) {
    let store = with_alice(backend).await;
    let begun = begin(&store, topup("alice")).await;
    let (bob, id) = (|| user("bob"), begun.id);
    let told = charge(&begun, ChargeStatus::Succeeded);
    let attention = "odd".to_owned();
    for answer in [
        store.store.transaction(bob(), id).await.map(drop),
        store.store.follow_charge(bob(), id, told).await.map(drop),
        store
            .store
            .note_attention(bob(), id, attention)
            .await
            .map(drop),
        store.store.clear_attention(bob(), id).await.map(drop),
    ] {
        let missing = Refusal::TransactionNotFound(id.to_string());
        assert_eq!(refusal(answer), missing);
    }
    assert_eq!(stored(&store, &begun).await, begun);
}
