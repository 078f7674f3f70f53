//! Group commit: `UsageWriter` over a real store that a test holds back or makes fail.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use billing_core::usage::Outcome;
use billing_store::{RecordError, StoreError, UsageStore, UsageWriter, UsageWriterTasks};
use futures_util::{future::join_all, poll};
use test_postgres::{Backend, on_both_databases};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    support::{TestStore, month, recorded, usage},
    watched::{BAD, WatchedStore},
};

on_both_databases!(
    concurrent_calls_share_commits,
    a_full_queue_answers_overloaded,
    a_passing_failure_is_hidden_from_the_callers,
    a_lasting_outage_is_reported_to_every_caller,
    a_refused_record_fails_alone,
    a_caller_who_left_blocks_nobody,
    finishing_waits_until_everything_is_answered,
);

const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    database: TestStore,
    store: Arc<WatchedStore>,
    writer: Arc<UsageWriter>,
    tasks: UsageWriterTasks,
}

impl Bench {
    async fn new(backend: Backend, queue: usize) -> Self {
        let database = TestStore::open(backend).await;
        let store = WatchedStore::new(Arc::clone(&database.store));
        let watched: Arc<dyn UsageStore> = Arc::<WatchedStore>::clone(&store);
        let (writer, tasks) = UsageWriter::start(&watched, 1, queue);
        Self {
            database,
            store,
            writer: Arc::new(writer),
            tasks,
        }
    }

    /// A call that keeps the writer busy until the gate opens.
    async fn occupy(&self) -> JoinHandle<Result<Outcome, RecordError>> {
        let writer = Arc::clone(&self.writer);
        let call = tokio::spawn(async move { writer.record(usage("first", "first", 1, 0)).await });
        self.store.begun.acquire().await.unwrap().forget();
        call
    }

    /// Sends one call per request id, opens the gate once all are queued and answers in order.
    async fn record(&self, request_ids: &[&str]) -> Vec<Result<Outcome, RecordError>> {
        let first = self.occupy().await;
        let calls = request_ids.iter().zip(1..).map(|(id, tokens)| {
            let user = format!("user-{}", tokens % 3);
            self.writer.record(usage(&user, id, tokens, 0))
        });
        let mut calls = pin!(join_all(calls));
        assert!(poll!(&mut calls).is_pending());
        self.store.open();
        let answers = timeout(PATIENCE, calls)
            .await
            .expect("everyone is answered");
        let _ = first.await;
        answers
    }

    async fn recorded_calls(&self) -> i64 {
        let figures = self.database.store.month_figures(month("2026-11")).await;
        figures.unwrap().usage.records
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("call-{number}")).collect()
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Each caller gets the record of its own call.
fn assert_own(names: &[&str], answers: &[Result<Outcome, RecordError>]) {
    for ((name, answer), tokens) in names.iter().zip(answers).zip(1..) {
        let record = recorded(answer.as_ref().unwrap());
        assert_eq!(
            (record.call.request_id.as_str(), record.call.tokens.prompt),
            (*name, tokens)
        );
    }
}

async fn concurrent_calls_share_commits(backend: Backend) {
    let bench = Bench::new(backend, 100).await;
    let names = names(64);
    let answers = bench.record(&borrowed(&names)).await;
    assert_own(&borrowed(&names), &answers);
    // The lone first call, and everything that arrived meanwhile.
    assert_eq!(bench.store.commits.load(Ordering::SeqCst), 2);
    assert_eq!(bench.recorded_calls().await, 65);
}

async fn a_full_queue_answers_overloaded(backend: Backend) {
    let bench = Bench::new(backend, 4).await;
    let answers = bench.record(&["a", "b", "c", "d", "e", "f"]).await;
    assert_own(&["a", "b", "c", "d"], &answers[..4]);
    for answer in &answers[4..] {
        assert!(matches!(answer, Err(RecordError::Overloaded)), "{answer:?}");
    }
    let again = bench.writer.record(usage("user-2", "e", 5, 0)).await;
    recorded(&again.unwrap());
}

async fn a_passing_failure_is_hidden_from_the_callers(backend: Backend) {
    let bench = Bench::new(backend, 100).await;
    bench.store.failures.store(2, Ordering::SeqCst);
    let names = names(9);
    let answers = bench.record(&borrowed(&names)).await;
    assert_own(&borrowed(&names), &answers);
    assert_eq!(bench.recorded_calls().await, 10);
}

async fn a_lasting_outage_is_reported_to_every_caller(backend: Backend) {
    let bench = Bench::new(backend, 100).await;
    bench.store.failures.store(usize::MAX, Ordering::SeqCst);
    let answers = bench.record(&["a", "b", "c"]).await;
    for answer in &answers {
        let unavailable = Err(RecordError::Store(StoreError::Unavailable(String::new())));
        assert_eq!(kind(answer), kind(&unavailable));
    }
    bench.store.failures.store(0, Ordering::SeqCst);
    recorded(
        &bench
            .writer
            .record(usage("user-1", "a", 1, 0))
            .await
            .unwrap(),
    );
    assert_eq!(bench.recorded_calls().await, 1);
}

async fn a_refused_record_fails_alone(backend: Backend) {
    let bench = Bench::new(backend, 100).await;
    let mut names = names(21);
    names[13] = BAD.to_owned();
    let mut answers = bench.record(&borrowed(&names)).await;
    let refused = Err(RecordError::Store(StoreError::Refused(String::new())));
    assert_eq!(kind(&answers.remove(13)), kind(&refused));
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(Outcome::Recorded(_))))
    );
    assert_eq!(bench.recorded_calls().await, 21);
}

async fn a_caller_who_left_blocks_nobody(backend: Backend) {
    let bench = Bench::new(backend, 100).await;
    let first = bench.occupy().await;
    // One leaves while it waits in the queue; the first one while it is being committed.
    {
        let mut leaving = pin!(bench.writer.record(usage("alice", "left", 1, 0)));
        assert!(poll!(&mut leaving).is_pending());
    }
    first.abort();
    let mut staying = pin!(bench.writer.record(usage("alice", "stayed", 1, 0)));
    assert!(poll!(&mut staying).is_pending());
    bench.store.open();
    recorded(
        &timeout(PATIENCE, staying)
            .await
            .expect("it is answered")
            .unwrap(),
    );
    assert_eq!(bench.recorded_calls().await, 2);
}

async fn finishing_waits_until_everything_is_answered(backend: Backend) {
    let bench = Bench::new(backend, 100).await;
    let first = bench.occupy().await;
    let calls = names(30).into_iter().map(|name| {
        let writer = Arc::clone(&bench.writer);
        tokio::spawn(async move { writer.record(usage("alice", &name, 1, 0)).await })
    });
    let calls: Vec<_> = calls.collect();
    drop(bench.writer);
    let mut finished = pin!(bench.tasks.finish());
    assert!(poll!(&mut finished).is_pending());
    bench.store.open();
    timeout(PATIENCE, finished).await.expect("the writer ends");
    recorded(&first.await.unwrap().unwrap());
    for call in calls {
        recorded(&call.await.unwrap().unwrap());
    }
}

/// An answer without its texts.
fn kind(answer: &Result<Outcome, RecordError>) -> String {
    let text = format!("{answer:?}");
    text.split('"').next().unwrap_or_default().to_owned()
}
