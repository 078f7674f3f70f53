//! Usage that is committed while others fold: nothing is lost, and nothing counts twice.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use billing_core::usage::Outcome;
use billing_store::{Store, Tails, UsageStore, UsageWriter, UsersToClose};
use futures_util::future::join_all;
use test_postgres::{Backend, on_both_databases};
use tokio::task::yield_now;

use crate::support::{Source, TestStore, batch, made_at, month, new_invoice_ids, recorded, usage};

on_both_databases!(
    usage_and_folding_that_meet_lose_and_double_nothing,
    a_fold_leaves_what_was_committed_meanwhile_in_the_tail,
    usage_that_meets_a_month_end_is_invoiced_once,
);

const WRITERS: usize = 4;
const ROUNDS: usize = 12;
const CALLS: usize = 25;
const USERS: usize = 6;

/// Records that the view counts and records that there are, in one look.
const COUNTS: &str = "SELECT coalesce(CAST((SELECT sum(record_count) FROM usage_totals) AS TEXT), \
    '0') || ' of ' || CAST((SELECT count(*) FROM billing_records) AS TEXT)";

/// Sends rounds of calls over a server of its own, and answers how many there were.
async fn send(server: Arc<dyn Store>, writer: usize) -> usize {
    let store: Arc<dyn UsageStore> = server;
    let (queue, tasks) = UsageWriter::start(&store, 2, 1_000);
    for round in 0..ROUNDS {
        let calls = (0..CALLS).map(|call| {
            let tokens = i64::try_from(writer * 7 + round * 3 + call).unwrap();
            let name = format!("user-{}", (writer + call) % USERS);
            usage(&name, &format!("{writer}-{round}-{call}"), tokens, 1)
        });
        for outcome in queue.queue_all(calls.collect()).await.committed().await {
            assert!(matches!(outcome, Ok(Outcome::Recorded(_))), "{outcome:?}");
        }
    }
    drop(queue);
    tasks.finish().await;
    ROUNDS * CALLS
}

/// Folds in every way there is until usage has come to its end.
async fn fold(server: Arc<dyn Store>, finished: Arc<AtomicBool>) {
    while !finished.load(Ordering::SeqCst) {
        for tails in [Tails::Long, Tails::All] {
            passed(server.fold_due(tails).await);
        }
        let mut after = None;
        while let Some(swept) = passed(server.fold_sweep(after, 2).await) {
            after = swept.last;
            if after.is_none() {
                break;
            }
        }
        yield_now().await;
    }
}

/// What a fold answers. One that met another transaction is made again.
fn passed<T>(folded: Result<T, billing_store::StoreError>) -> Option<T> {
    folded
        .inspect_err(|error| assert!(error.is_transient(), "{error}"))
        .ok()
}

/// Whenever one looks, every record counts once.
async fn watch(store: &TestStore, finished: &AtomicBool) {
    while !finished.load(Ordering::SeqCst) {
        let counts = store.texts(COUNTS).await.remove(0);
        let (counted, there) = counts.split_once(" of ").unwrap();
        assert_eq!(counted, there);
        yield_now().await;
    }
}

async fn usage_and_folding_that_meet_lose_and_double_nothing(backend: Backend) {
    let store = TestStore::open(backend).await;
    let finished = Arc::new(AtomicBool::new(false));
    let mut folders = Vec::new();
    for _ in 0..2 {
        let server = store.second_server().await;
        folders.push(tokio::spawn(fold(server, Arc::clone(&finished))));
    }
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        writers.push(tokio::spawn(send(store.second_server().await, writer)));
    }
    let sending = async {
        let sent = join_all(writers).await;
        finished.store(true, Ordering::SeqCst);
        sent.into_iter().map(Result::unwrap).sum::<usize>()
    };
    let (sent, ()) = tokio::join!(sending, watch(&store, &finished));
    for folder in folders {
        folder.await.unwrap();
    }
    assert_eq!(sent, WRITERS * ROUNDS * CALLS);
    assert_eq!(store.logged(Source::Records).await.len(), sent);
    assert_sums(&store).await;
    while store.store.fold_sweep(None, 100).await.unwrap().folded > 0 {}
    assert_sums(&store).await;
    let records = store.sums(Source::Records).await;
    assert_eq!(store.sums(Source::Rollups).await, records);
}

async fn assert_sums(store: &TestStore) {
    let records = store.sums(Source::Records).await;
    let mut totals = BTreeMap::new();
    for (key, sums) in store.sums(Source::Totals).await {
        totals.insert(key, sums);
    }
    assert_eq!(totals, records);
}

async fn a_fold_leaves_what_was_committed_meanwhile_in_the_tail(backend: Backend) {
    let store = TestStore::open(backend).await;
    let other = store.second_server().await;
    for round in 0..40 {
        let call = Arc::new(usage("alice", &format!("call-{round}"), 1_000, 0));
        let calls = [call];
        let (outcomes, folded) =
            tokio::join!(store.store.commit_usage(&calls), other.fold_sweep(None, 10));
        passed(folded);
        // One attempt, which may have met the fold.
        match outcomes {
            Ok(outcomes) => recorded(&outcomes[0]).id,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                recorded(&store.commit(&calls).await[0]).id
            }
        };
        assert_sums(&store).await;
    }
    let records = store.logged(Source::Records).await;
    assert_eq!(records.len(), 40);
}

/// Closes October for everybody until usage has come to its end, and once more.
async fn close(server: Arc<dyn Store>, finished: Arc<AtomicBool>) {
    let mut is_last = false;
    while !is_last {
        is_last = finished.load(Ordering::SeqCst);
        let users = UsersToClose {
            month: month("2026-10"),
            known_by: None,
            reopened: true,
            after: None,
        };
        passed(server.close_month(users, 2, new_invoice_ids()).await);
        yield_now().await;
    }
}

async fn usage_that_meets_a_month_end_is_invoiced_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let finished = Arc::new(AtomicBool::new(false));
    let server = store.second_server().await;
    let closing = tokio::spawn(close(server, Arc::clone(&finished)));
    let server = store.second_server().await;
    let folding = tokio::spawn(fold(server, Arc::clone(&finished)));
    for round in 0..60 {
        let calls = (0..USERS).map(|number| {
            let call = usage(&format!("user-{number}"), &format!("{round}"), 1_000, 0);
            made_at(call, "2026-10-31T23:00:00Z")
        });
        let calls = batch(calls);
        while passed(store.store.commit_usage(&calls).await).is_none() {}
    }
    finished.store(true, Ordering::SeqCst);
    closing.await.unwrap();
    folding.await.unwrap();
    assert_eq!(store.logged(Source::Records).await.len(), 60 * USERS);
    assert_sums(&store).await;
    let november = month("2026-11");
    store.clock.set("2026-12-01T00:00:00Z");
    for of in [month("2026-10"), november] {
        let users = UsersToClose {
            month: of,
            known_by: None,
            reopened: true,
            after: None,
        };
        let closed = store.store.close_month(users, 100, new_invoice_ids());
        assert_eq!(closed.await.unwrap().failed, []);
    }
    let mut records = 0;
    for of in [month("2026-10"), november] {
        let found = store.store.reconcile_month(of, None, 100).await.unwrap();
        assert_eq!(found.differences, [], "{of}");
        records += found.records;
    }
    assert_eq!(usize::try_from(records), Ok(60 * USERS));
}
