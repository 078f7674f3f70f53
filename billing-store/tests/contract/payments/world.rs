//! Users with a card who buy tokens.

use billing_core::{
    ids::{InvoiceId, TransactionId},
    invoice::Invoice,
    money::Money,
    payment::{
        CallerRequest, Charge, ChargeStatus, Decline, DeclineKind, PaymentMethod, Provider,
        Transaction, TransactionStatus,
    },
    refusal::Refusal,
    usage::Fingerprint,
};
use billing_store::{
    InvoiceOrder, PaidBy, PaymentFor, PaymentOrder, StoreError, TransactionFilter,
};
use test_postgres::Backend;

use crate::support::{
    TestStore, batch, card, made_at, month, request, subscribe_to, unique, usage, user,
};

/// What 100.00 buys on the plan Pro.
pub(super) const TOKENS: i64 = 740_740;

pub(super) fn money(digits: &str) -> Money {
    digits.parse().unwrap()
}

/// Has alice, who is on the plan Pro and has a card.
pub(super) async fn with_alice(backend: Backend) -> TestStore {
    let store = TestStore::open(backend).await;
    add(&store, "alice").await;
    store
}

/// Puts a user on the plan Pro and saves a card.
pub(crate) async fn add(store: &TestStore, name: &str) -> PaymentMethod {
    let order = subscribe_to("plan-pro");
    let ordered = store.store.order_subscription(user(name), order);
    ordered.await.unwrap();
    save(store, card(name, &format!("pm_{name}"))).await
}

pub(super) async fn save(store: &TestStore, method: PaymentMethod) -> PaymentMethod {
    store.store.save_payment_method(method).await.unwrap()
}

/// A call with an id, whose content is one byte.
pub(super) fn called(id: &str, content: u8) -> Option<CallerRequest> {
    Some(CallerRequest {
        id: request(id),
        fingerprint: Fingerprint([content; 32]),
    })
}

/// A top-up of 100.00 by the default method.
pub(crate) fn topup(name: &str) -> PaymentOrder {
    PaymentOrder {
        id: TransactionId::new(unique()),
        user_id: user(name),
        what: PaymentFor::Topup {
            amount: money("100"),
        },
        provider: Provider::Stripe,
        is_live: false,
        by: PaidBy::Method(None),
        request: None,
    }
}

/// A payment of what an invoice asks for.
pub(super) fn payment(name: &str, id: InvoiceId) -> PaymentOrder {
    PaymentOrder {
        what: PaymentFor::Invoice {
            id,
            least: money("0.5"),
        },
        ..topup(name)
    }
}

/// An invoice over 30.00 of usage in October.
pub(super) async fn invoice(store: &TestStore, name: &str) -> Invoice {
    let call = usage(name, "october", 1_000_000, 0);
    store
        .commit(&batch([made_at(call, "2026-10-20T00:00:00Z")]))
        .await;
    let order = InvoiceOrder {
        user_id: user(name),
        month: month("2026-10"),
        id: InvoiceId::new(unique()),
        keep_draft: false,
    };
    store.store.generate_invoice(order).await.unwrap()
}

/// Why something was refused.
pub(super) fn refusal<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Refusal {
    match answer {
        Err(StoreError::Rejected(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn begin(store: &TestStore, order: PaymentOrder) -> Transaction {
    let begun = store.store.begin_payment(order).await.unwrap();
    assert!(begun.is_new);
    begun.transaction
}

/// The charge of a transaction; its id is made of the transaction's.
pub(crate) fn charge(of: &Transaction, status: ChargeStatus) -> Charge {
    Charge {
        reference: format!("ch_{}", of.id),
        transaction: Some(of.id),
        status,
        amount: of.amount,
        currency: of.currency.clone(),
        refunded: Money::ZERO,
        fee: None,
        dispute: None,
        is_live: of.is_live,
        created_at: of.created_at,
    }
}

pub(super) fn declined() -> ChargeStatus {
    ChargeStatus::Declined(Decline {
        code: "card_declined".to_owned(),
        message: "Your card was declined.".to_owned(),
        kind: DeclineKind::Retryable,
    })
}

pub(crate) async fn try_follow(
    store: &TestStore,
    of: &Transaction,
    charge: Charge,
) -> Result<Transaction, StoreError> {
    let followed = store
        .store
        .follow_charge(of.user_id.clone(), of.id, charge)
        .await?;
    Ok(followed.transaction)
}

/// The transaction after its charge has come to something.
pub(super) async fn follow(
    store: &TestStore,
    of: &Transaction,
    status: ChargeStatus,
) -> Transaction {
    try_follow(store, of, charge(of, status)).await.unwrap()
}

/// A top-up of 100.00 that has succeeded.
pub(super) async fn topped_up(store: &TestStore, name: &str) -> Transaction {
    let begun = begin(store, topup(name)).await;
    let done = follow(store, &begun, ChargeStatus::Succeeded).await;
    assert_eq!(done.status, TransactionStatus::Succeeded);
    done
}

/// How many bought tokens a user has left.
pub(super) async fn balance(store: &TestStore, name: &str) -> i64 {
    let account = store.store.account(user(name)).await.unwrap();
    account.state.topup_balance
}

/// The transaction as it is stored.
pub(super) async fn stored(store: &TestStore, of: &Transaction) -> Transaction {
    let found = store.store.transaction(of.user_id.clone(), of.id);
    found.await.unwrap()
}

/// The ids of all transactions, newest first.
pub(super) async fn all_ids(store: &TestStore) -> Vec<TransactionId> {
    let all = TransactionFilter::default();
    let found = store.store.transactions(all, None, 100).await.unwrap();
    found.into_iter().map(|of| of.id).collect()
}
