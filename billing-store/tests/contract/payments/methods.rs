//! Customers and methods.

use std::sync::Arc;

use billing_core::{
    ids::PaymentMethodId,
    payment::{PaymentMethod, Provider},
    refusal::Refusal,
};
use futures_util::future::join_all;
use test_postgres::{Backend, on_both_databases};

use super::world::{refusal, save};
use crate::support::{TestStore, card, unique, user};

on_both_databases!(
    a_customer_is_kept_once,
    the_first_method_is_the_default,
    a_method_that_is_saved_again_keeps_its_id,
    one_method_is_the_default,
    of_a_removed_default_the_oldest_method_takes_the_place,
);

async fn a_customer_is_kept_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let second = store.second_server().await;
    let keep = (0..10).map(|number| {
        let of = if number % 2 == 0 {
            &store.store
        } else {
            &second
        };
        let of = Arc::clone(of);
        let customer = format!("cus_{number}");
        tokio::spawn(async move {
            let kept = of.keep_payment_customer(user("alice"), Provider::Stripe, false, customer);
            kept.await.unwrap()
        })
    });
    let kept = join_all(keep.collect::<Vec<_>>()).await;
    let kept: Vec<_> = kept.into_iter().map(Result::unwrap).collect();
    assert!(kept.iter().all(|customer| *customer == kept[0]), "{kept:?}");
    for (name, provider, is_live, expected) in [
        ("alice", Provider::Stripe, false, Some(kept[0].clone())),
        ("alice", Provider::Stripe, true, None),
        ("alice", Provider::Paypal, false, None),
        ("bob", Provider::Stripe, false, None),
    ] {
        let found = store.store.payment_customer(user(name), provider, is_live);
        assert_eq!(
            found.await.unwrap(),
            expected,
            "{name}, {provider:?}, {is_live}"
        );
    }
}

/// The provider's ids of a user's methods, the default marked.
async fn methods(store: &TestStore, name: &str) -> Vec<String> {
    let methods = store.store.payment_methods(user(name)).await.unwrap();
    let shown = methods.into_iter().map(|method| {
        let mark = if method.is_default { "*" } else { "" };
        format!("{}{mark}", method.reference)
    });
    shown.collect()
}

async fn the_first_method_is_the_default(backend: Backend) {
    let store = TestStore::open(backend).await;
    let first = card("alice", "pm_1");
    let saved = save(&store, first.clone()).await;
    let expected = PaymentMethod {
        is_default: true,
        ..first
    };
    assert_eq!(saved, expected);
    save(&store, card("alice", "pm_2")).await;
    assert_eq!(methods(&store, "alice").await, ["pm_1*", "pm_2"]);
    assert_eq!(
        store.store.payment_methods(user("alice")).await.unwrap()[0],
        expected
    );
    assert!(methods(&store, "bob").await.is_empty());
}

async fn a_method_that_is_saved_again_keeps_its_id(backend: Backend) {
    let store = TestStore::open(backend).await;
    let first = save(&store, card("alice", "pm_1")).await;
    let again = PaymentMethod {
        brand: "mastercard".to_owned(),
        ..card("alice", "pm_1")
    };
    assert_ne!(again.id, first.id);
    let saved = save(&store, again).await;
    assert_eq!((saved.id, saved.brand.as_str()), (first.id, "mastercard"));
    assert_eq!(methods(&store, "alice").await, ["pm_1*"]);
}

async fn one_method_is_the_default(backend: Backend) {
    let store = TestStore::open(backend).await;
    save(&store, card("alice", "pm_1")).await;
    let second = save(&store, card("alice", "pm_2")).await;
    let default = |name, id| store.store.set_default_payment_method(user(name), id);
    let set = default("alice", second.id).await.unwrap();
    assert!(set.is_default);
    assert_eq!(methods(&store, "alice").await, ["pm_1", "pm_2*"]);
    let third = PaymentMethod {
        is_default: true,
        ..card("alice", "pm_3")
    };
    save(&store, third).await;
    let expected = ["pm_1", "pm_2", "pm_3*"];
    assert_eq!(methods(&store, "alice").await, expected);
    let nobodys = PaymentMethodId::new(unique());
    for (name, id) in [("alice", nobodys), ("bob", second.id)] {
        let refused = default(name, id).await;
        assert_eq!(refusal(refused), Refusal::PaymentMethodMissing, "{name}");
    }
    assert_eq!(methods(&store, "alice").await, expected);
}

async fn of_a_removed_default_the_oldest_method_takes_the_place(backend: Backend) {
    let store = TestStore::open(backend).await;
    let mut saved = Vec::new();
    for reference in ["pm_1", "pm_2", "pm_3"] {
        saved.push(save(&store, card("alice", reference)).await);
    }
    let remove = |name, id| store.store.remove_payment_method(user(name), id);
    let others = remove("bob", saved[0].id).await;
    assert_eq!(refusal(others), Refusal::PaymentMethodMissing);
    let removed = remove("alice", saved[0].id).await.unwrap();
    assert_eq!(removed, saved[0]);
    assert_eq!(methods(&store, "alice").await, ["pm_2*", "pm_3"]);
    remove("alice", saved[2].id).await.unwrap();
    assert_eq!(methods(&store, "alice").await, ["pm_2*"]);
    assert!(remove("alice", saved[2].id).await.is_err());
}
