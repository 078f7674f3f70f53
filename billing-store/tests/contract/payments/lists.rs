//! Lists of transactions.

use billing_core::{
    ids::{InvoiceId, TransactionId},
    payment::{ChargeStatus, Provider, TransactionKind, TransactionStatus},
};
use billing_store::TransactionFilter;
use test_postgres::{Backend, on_both_databases};

use super::world::{add, all_ids, begin, follow, invoice, payment, topped_up, topup, with_alice};
use crate::support::{TestStore, unique, user};

on_both_databases!(
    transactions_are_listed_by_what_they_are,
    transactions_come_newest_first_in_pages,
    a_transaction_is_found_by_its_charge,
);

async fn listed(store: &TestStore, filter: TransactionFilter) -> Vec<TransactionId> {
    let found = store.store.transactions(filter, None, 100).await.unwrap();
    found.into_iter().map(|of| of.id).collect()
}

/// A filter with a change.
fn filtered(change: impl FnOnce(&mut TransactionFilter)) -> TransactionFilter {
    let mut filter = TransactionFilter::default();
    change(&mut filter);
    filter
}

async fn transactions_are_listed_by_what_they_are(backend: Backend) {
    let store = with_alice(backend).await;
    add(&store, "bob").await;
    let bought = topped_up(&store, "alice").await.id;
    let invoice = invoice(&store, "alice").await.id.unwrap();
    let paying = begin(&store, payment("alice", invoice)).await;
    follow(&store, &paying, ChargeStatus::NeedsUser(None)).await;
    let pending = begin(&store, topup("bob")).await.id;
    let odd = store
        .store
        .note_attention(user("alice"), bought, "odd".to_owned());
    odd.await.unwrap();
    let paying = paying.id;
    let of = |name| filtered(|filter| filter.user_id = Some(user(name)));
    for (filter, expected) in [
        (filtered(|_| {}), vec![pending, paying, bought]),
        (of("alice"), vec![paying, bought]),
        (
            filtered(|of| of.kind = Some(TransactionKind::Topup)),
            vec![pending, bought],
        ),
        (
            filtered(|of| of.status = Some(TransactionStatus::RequiresAction)),
            vec![paying],
        ),
        (filtered(|of| of.invoice_id = Some(invoice)), vec![paying]),
        (
            filtered(|of| of.invoice_id = Some(InvoiceId::new(unique()))),
            vec![],
        ),
        (filtered(|of| of.is_open = true), vec![pending, paying]),
        (filtered(|of| of.needs_attention = true), vec![bought]),
        (
            TransactionFilter {
                is_open: true,
                needs_attention: true,
                ..of("bob")
            },
            vec![],
        ),
    ] {
        assert_eq!(listed(&store, filter.clone()).await, expected, "{filter:?}");
    }
}

async fn transactions_come_newest_first_in_pages(backend: Backend) {
    let store = with_alice(backend).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(topped_up(&store, "alice").await.id);
    }
    made.reverse();
    assert_eq!(all_ids(&store).await, made);
    let mut seen = Vec::new();
    let mut after = None;
    for length in [2, 2, 1, 0] {
        let all = TransactionFilter::default();
        let page = store.store.transactions(all, after, 2).await.unwrap();
        assert_eq!(page.len(), length);
        seen.extend(page.iter().map(|of| of.id));
        after = seen.last().copied();
        // What is added meanwhile is newer than every page.
        topped_up(&store, "alice").await;
    }
    assert_eq!(seen, made);
}

async fn a_transaction_is_found_by_its_charge(backend: Backend) {
    let store = with_alice(backend).await;
    let topup = topped_up(&store, "alice").await;
    let reference = topup.provider_reference.clone().unwrap();
    for (provider, reference, expected) in [
        (Provider::Stripe, reference.clone(), Some(topup)),
        (Provider::Paypal, reference, None),
        (Provider::Stripe, "ch_other".to_owned(), None),
    ] {
        let found = store.store.transaction_of(provider, reference);
        assert_eq!(found.await.unwrap(), expected, "{provider:?}");
    }
}
