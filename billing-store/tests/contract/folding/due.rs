//! When accounts are folded, and which.

use billing_store::{Store, Tails, UsersToClose};
use test_postgres::{Backend, on_both_databases};

use crate::support::{Source, TestStore, batch, month, new_invoice_ids, usage, user};

on_both_databases!(
    a_long_tail_is_folded_before_others,
    a_sweep_goes_through_all_accounts_page_by_page,
    closing_a_month_folds_its_users,
);

/// From this many records on, a tail is long.
const LONG: usize = 256;

async fn record(store: &dyn Store, name: &str, count: usize) {
    let calls = (0..count).map(|number| usage(name, &format!("call-{number}"), 1, 0));
    let outcomes = store.commit_usage(&batch(calls)).await.unwrap();
    assert_eq!(outcomes.len(), count);
}

/// The users whose records are all folded.
async fn folded(store: &TestStore) -> Vec<String> {
    let query = "SELECT user_id FROM accounts \
        WHERE folded_to = last_record_id AND tail_records = 0 ORDER BY user_id";
    store.texts(query).await
}

async fn a_long_tail_is_folded_before_others(backend: Backend) {
    let store = TestStore::open(backend).await;
    record(store.store.as_ref(), "alice", LONG).await;
    record(store.store.as_ref(), "bob", LONG - 1).await;
    assert_eq!(store.store.fold_due(Tails::Long).await.unwrap(), 1);
    assert_eq!(folded(&store).await, ["alice"]);
    assert_eq!(store.store.fold_due(Tails::Long).await.unwrap(), 0);
    assert_eq!(store.store.fold_due(Tails::All).await.unwrap(), 1);
    assert_eq!(folded(&store).await, ["alice", "bob"]);
    assert_eq!(store.store.fold_due(Tails::All).await.unwrap(), 0);
}

async fn a_sweep_goes_through_all_accounts_page_by_page(backend: Backend) {
    let store = TestStore::open(backend).await;
    for name in ["a", "b", "c", "d", "e"] {
        record(store.store.as_ref(), name, 2).await;
    }
    for expected in [vec![2, 2, 1, 0], vec![0, 0, 0, 0]] {
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let swept = store.store.fold_sweep(after, 2).await.unwrap();
            pages.push(swept.folded);
            after = swept.last;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, expected);
    }
    let records = store.sums(Source::Records).await;
    assert_eq!(store.sums(Source::Rollups).await, records);
}

async fn closing_a_month_folds_its_users(backend: Backend) {
    let store = TestStore::open(backend).await;
    for name in ["alice", "bob"] {
        record(store.store.as_ref(), name, 3).await;
    }
    store.clock.set("2026-12-01T00:00:00Z");
    let users = UsersToClose {
        month: month("2026-11"),
        known_by: None,
        reopened: true,
        after: Some(user("alice")),
    };
    let closed = store.store.close_month(users, 100, new_invoice_ids());
    assert_eq!(closed.await.unwrap().closed, 1);
    assert_eq!(folded(&store).await, ["bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_finds_what_another_server_has_recorded() {
    let store = TestStore::open(Backend::Postgres).await;
    let other = store.second_server().await;
    record(other.as_ref(), "alice", 1).await;
    assert_eq!(store.store.fold_due(Tails::All).await.unwrap(), 0);
    assert_eq!(store.store.fold_sweep(None, 10).await.unwrap().folded, 1);
    assert_eq!(folded(&store).await, ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_held_is_folded_later() {
    let store = TestStore::open(Backend::Postgres).await;
    for name in ["alice", "bob"] {
        record(store.store.as_ref(), name, 1).await;
    }
    let elsewhere = store.postgres().await;
    let hold = "BEGIN; SELECT 1 FROM accounts WHERE user_id = 'alice' FOR UPDATE";
    elsewhere.batch_execute(hold).await.unwrap();
    assert_eq!(store.store.fold_due(Tails::All).await.unwrap(), 1);
    assert_eq!(folded(&store).await, ["bob"]);
    elsewhere.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.store.fold_due(Tails::All).await.unwrap(), 1);
    assert_eq!(folded(&store).await, ["alice", "bob"]);
}
