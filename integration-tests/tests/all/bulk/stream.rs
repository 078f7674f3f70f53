//! Streams.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use billing_client::{BillingClient, Error, Usage, UsageResults, UsageSender};
use billing_proto::v1::{
    RecordUsageRequest, RecordUsageResult, UsageOutcome, usage_service_client::UsageServiceClient,
};
use futures_util::{TryStreamExt, stream};
use integration_tests::{Backend, TestServer, on_both_databases, server::bearer};
use tokio::{sync::Semaphore, task::JoinHandle, time::timeout};
use tonic::{Code, transport::Endpoint};

use super::{assert_all, assert_kept};
use crate::load::{self, Call, assert_counted_once, calls};

const PATIENCE: Duration = Duration::from_secs(60);

on_both_databases!(
    a_stream_is_answered_in_order,
    a_stream_that_dies_is_sent_again_and_counted_once,
    a_client_that_does_not_read_is_held_back_and_stops_no_other,
    sigterm_ends_a_stream_after_its_answers,
    a_record_too_large_for_a_stream_ends_it_after_the_answers,
);

/// Sends everything in a task of its own, as far as the stream takes it.
fn send_all(mut sender: UsageSender, usages: Vec<Usage>) -> JoinHandle<()> {
    tokio::spawn(async move {
        for usage in usages {
            if sender.send(usage).await.is_err() {
                return;
            }
        }
    })
}

fn usages(calls: &[Call]) -> Vec<Usage> {
    calls.iter().map(Call::usage).collect()
}

async fn stream_all(client: &BillingClient, calls: &[Call]) -> Vec<RecordUsageResult> {
    let (sender, results) = client.stream_usage().await.unwrap();
    let sending = send_all(sender, usages(calls));
    let results = timeout(PATIENCE, results.try_collect::<Vec<_>>()).await;
    sending.await.unwrap();
    results.expect("everything is answered").unwrap()
}

/// Reads so many results.
async fn read(results: &mut UsageResults, count: usize) -> Vec<RecordUsageResult> {
    let mut read = Vec::new();
    while read.len() < count {
        read.push(results.next().await.unwrap().unwrap());
    }
    read
}

async fn a_stream_is_answered_in_order(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 20_000, 6);
    let results = stream_all(&client, &calls).await;
    assert_all(&calls, &results, UsageOutcome::Recorded);
    // A user's records have rising ids: they were taken in the order in which they were sent.
    let mut last: HashMap<&str, &str> = HashMap::new();
    for (call, result) in calls.iter().zip(&results) {
        let before = last.insert(&call.user, &result.record_id);
        assert!(before < Some(&result.record_id), "{call:?}");
    }
    assert_counted_once(&client, &calls).await;
}

async fn a_stream_that_dies_is_sent_again_and_counted_once(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 4_000, 6);

    let dying = load::client(&server).await;
    let (sender, mut results) = dying.stream_usage().await.unwrap();
    let sending = send_all(sender, usages(&calls));
    let answered = read(&mut results, 700).await;
    drop((results, dying));
    sending.await.unwrap();

    let again = stream_all(&client, &calls).await;
    assert_kept(&answered, &again);
    assert_counted_once(&client, &calls).await;
}

async fn sigterm_ends_a_stream_after_its_answers(backend: Backend) {
    let mut server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 60_000, 6);
    let (sender, mut results) = client.stream_usage().await.unwrap();
    let sending = send_all(sender, usages(&calls));
    let mut answered = read(&mut results, 1_000).await;

    let reading = tokio::spawn(async move {
        let error = loop {
            match results.next().await.expect("the stream ends with an error") {
                Ok(result) => answered.push(result),
                Err(error) => break error,
            }
        };
        (answered, error, results.unanswered())
    });
    assert!(server.terminate().await.success());
    let (answered, error, unanswered) = reading.await.unwrap();
    sending.await.unwrap();

    assert_eq!(error.code(), Some(Code::Unavailable), "{error:?}");
    assert_eq!(error.reason(), "DATABASE_UNAVAILABLE");
    assert!(answered.len() < calls.len(), "the stream was over too soon");
    assert!(unanswered.len() <= 4_096);
    assert_all(&calls[..answered.len()], &answered, UsageOutcome::Recorded);
    server.restart().await;
    let client = load::client(&server).await;
    let sent = answered.len() + unanswered.len();
    let again = stream_all(&client, &calls[..sent]).await;
    assert_kept(&answered, &again);
    assert_counted_once(&client, &calls[..sent]).await;
}

/// Resident memory of a process, in KiB.
fn memory(server: &TestServer) -> u64 {
    let status = format!("/proc/{}/status", server.process_id());
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.unwrap().trim().trim_end_matches(" kB");
    digits.parse().unwrap()
}

async fn a_client_that_does_not_read_is_held_back_and_stops_no_other(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let before = memory(&server);
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let flood = (0..).map(move |number: usize| {
        counter.fetch_add(1, Ordering::Relaxed);
        RecordUsageRequest::from(Usage::new("flood", format!("flood-{number}"), load::MODEL))
    });
    // Small windows, so that it is the server that has to hold back.
    let channel = Endpoint::from_shared(server.url())
        .unwrap()
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535);
    let channel = channel.connect().await.unwrap();
    let token = bearer(&server.token("operator", "usage:write").await);
    let mut flooding = UsageServiceClient::with_interceptor(channel, token);
    let answers = flooding.stream_usage(stream::iter(flood)).await.unwrap();

    let calls = calls("call", 3_000, 6);
    for calls in calls.chunks(1_000) {
        let (single, batch) = calls.split_at(100);
        let answered = Semaphore::new(0);
        let sent = load::send(client.clone(), single.to_vec(), 8, &answered);
        let sent = timeout(PATIENCE, sent).await.expect("others are answered");
        let errors: Vec<&Error> = sent.iter().filter_map(|r| r.as_ref().err()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        // Both kinds of work: the flood must not occupy the places of other batches either.
        let sent = client.record_usage_batch(usages(batch)).await.unwrap();
        assert_all(batch, &sent.results, UsageOutcome::Recorded);
    }
    let taken = taken.load(Ordering::Relaxed);
    assert!(
        taken < 60_000,
        "{taken} records were taken without an answer"
    );
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KiB more");
    drop(answers);
}

async fn a_record_too_large_for_a_stream_ends_it_after_the_answers(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 3, 1);
    let (mut sender, mut results) = client.stream_usage().await.unwrap();
    let large = |bytes| Usage::new("user-0", "x".repeat(bytes), load::MODEL);
    for usage in usages(&calls)
        .into_iter()
        .chain([large(8_000), large(17_000)])
    {
        sender.send(usage).await.unwrap();
    }
    let answered = read(&mut results, 4).await;
    assert_all(&calls, &answered[..3], UsageOutcome::Recorded);
    assert_eq!(answered[3].outcome(), UsageOutcome::Rejected);
    let error = results.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(Code::OutOfRange), "{error:?}");
    assert_eq!(error.reason(), "BODY_TOO_LARGE");
    assert_eq!(results.unanswered(), [large(17_000).into()]);
}
