//! Transactions that are made before a provider hears of them.

use std::sync::Arc;

use billing_core::{
    ids::PaymentMethodId,
    payment::{ChargeStatus, Failure, Provider, Transaction, TransactionKind, TransactionStatus},
    refusal::Refusal,
};
use billing_store::{PaidBy, PaymentOrder};
use futures_util::future::join_all;
use test_postgres::{Backend, on_both_databases};

use super::world::{
    TOKENS, add, all_ids, begin, called, declined, follow, invoice, money, payment, refusal,
    stored, topup, with_alice,
};
use crate::support::{TestStore, unique, user};

on_both_databases!(
    a_payment_is_a_row_before_the_provider_hears_of_it,
    a_request_that_is_repeated_begins_one_payment,
    a_request_id_with_other_content_is_a_conflict,
    while_a_payment_is_open_another_of_the_same_thing_is_refused,
    only_a_method_of_the_user_and_of_the_same_money_pays,
    a_payment_that_the_provider_refuses_has_failed,
);

async fn refused(store: &TestStore, order: PaymentOrder) -> Refusal {
    refusal(store.store.begin_payment(order).await)
}

async fn a_payment_is_a_row_before_the_provider_hears_of_it(backend: Backend) {
    let store = with_alice(backend).await;
    let order = topup("alice");
    let begun = store.store.begin_payment(order.clone()).await.unwrap();
    let made = &begun.transaction;
    assert_eq!(
        (made.id, made.status),
        (order.id, TransactionStatus::Pending)
    );
    assert_eq!(
        (made.kind, made.amount),
        (TransactionKind::Topup, money("100"))
    );
    assert_eq!((made.tokens, &made.provider_reference), (TOKENS, &None));
    assert_eq!(
        begun.method.as_ref().map(|method| method.id),
        made.payment_method_id
    );
    assert_eq!(&stored(&store, made).await, made);
}

async fn a_request_that_is_repeated_begins_one_payment(backend: Backend) {
    let store = with_alice(backend).await;
    let second = store.second_server().await;
    let calls = (0..8).map(|number| {
        let of = if number % 2 == 0 {
            &store.store
        } else {
            &second
        };
        let of = Arc::clone(of);
        let order = PaymentOrder {
            request: called("call-1", 1),
            ..topup("alice")
        };
        tokio::spawn(async move { of.begin_payment(order).await.unwrap() })
    });
    let begun = join_all(calls.collect::<Vec<_>>()).await;
    let begun: Vec<_> = begun.into_iter().map(Result::unwrap).collect();
    let new: Vec<_> = begun.iter().filter(|begun| begun.is_new).collect();
    assert_eq!(new.len(), 1);
    for repeated in &begun {
        assert_eq!(repeated.transaction, new[0].transaction);
        assert_eq!(repeated.method, new[0].method);
    }
    assert_eq!(all_ids(&store).await, [new[0].transaction.id]);
    // Another user may have the same id.
    add(&store, "bob").await;
    let of_bob = PaymentOrder {
        request: called("call-1", 1),
        ..topup("bob")
    };
    begin(&store, of_bob).await;
}

async fn a_request_id_with_other_content_is_a_conflict(backend: Backend) {
    let store = with_alice(backend).await;
    let order = |content| PaymentOrder {
        request: called("call-1", content),
        ..topup("alice")
    };
    let first = begin(&store, order(1)).await;
    assert_eq!(
        refused(&store, order(2)).await,
        Refusal::TransactionConflict
    );
    assert_eq!(all_ids(&store).await, [first.id]);
}

fn in_flight(what: &str, of: &Transaction) -> Refusal {
    Refusal::PaymentInFlight {
        what: what.to_owned(),
        transaction: of.id,
    }
}

async fn while_a_payment_is_open_another_of_the_same_thing_is_refused(backend: Backend) {
    let store = with_alice(backend).await;
    let invoice = invoice(&store, "alice").await.id.unwrap();
    let tokens = begin(&store, topup("alice")).await;
    let paying = begin(&store, payment("alice", invoice)).await;
    follow(&store, &paying, ChargeStatus::NeedsUser(None)).await;
    let what = format!("invoice \"{invoice}\"");
    for (order, expected) in [
        (topup("alice"), in_flight("a top-up", &tokens)),
        (payment("alice", invoice), in_flight(&what, &paying)),
    ] {
        assert_eq!(refused(&store, order).await, expected);
    }
    assert_eq!(all_ids(&store).await, [paying.id, tokens.id]);
    for open in [&tokens, &paying] {
        follow(&store, open, declined()).await;
    }
    begin(&store, topup("alice")).await;
    begin(&store, payment("alice", invoice)).await;
}

async fn only_a_method_of_the_user_and_of_the_same_money_pays(backend: Backend) {
    let store = with_alice(backend).await;
    let of_bob = add(&store, "bob").await.id;
    let by = |id| PaymentOrder {
        by: PaidBy::Method(Some(id)),
        ..topup("alice")
    };
    let live = PaymentOrder {
        is_live: true,
        ..topup("alice")
    };
    let elsewhere = PaymentOrder {
        provider: Provider::Paypal,
        ..topup("alice")
    };
    let nobodys = PaymentMethodId::new(unique());
    for order in [by(of_bob), by(nobodys), live, elsewhere, topup("carol")] {
        let answer = refused(&store, order.clone()).await;
        assert_eq!(answer, Refusal::PaymentMethodMissing, "{order:?}");
    }
    assert!(all_ids(&store).await.is_empty());
    let own = store.store.payment_methods(user("alice")).await.unwrap()[0].id;
    let begun = begin(&store, by(own)).await;
    assert_eq!(begun.payment_method_id, Some(own));
}

async fn a_payment_that_the_provider_refuses_has_failed(backend: Backend) {
    let store = with_alice(backend).await;
    let failure = || Failure {
        code: "no_such_method".to_owned(),
        message: "there is no such method".to_owned(),
    };
    let refuse = |of: &Transaction| store.store.refuse_payment(user("alice"), of.id, failure());
    let first = begin(&store, topup("alice")).await;
    let ended = refuse(&first).await.unwrap();
    assert_eq!(ended.status, TransactionStatus::Failed);
    assert_eq!(ended.failure, Some(failure()));
    assert_eq!(stored(&store, &first).await, ended);
    // Once there is a charge, only the charge tells.
    let second = begin(&store, topup("alice")).await;
    let second = follow(&store, &second, ChargeStatus::Processing).await;
    assert_eq!(refuse(&second).await.unwrap(), second);
}
