//! Streams.

use std::{pin::pin, time::Duration};

use billing_client::{
    Error, ReadDecimal, RetryPolicy, UsageResults,
    v1::{RecordUsageResult, UsageOutcome},
};
use futures_util::{TryStreamExt, poll};
use tokio::task::unconstrained;
use tonic::{Code, Status};

use crate::fake::{Fake, ids, recorded, rejected, usage};

async fn rest(results: UsageResults) -> Vec<RecordUsageResult> {
    results.try_collect().await.unwrap()
}

fn ids_of(results: &[RecordUsageResult]) -> Vec<String> {
    results.iter().map(|r| r.request_id.clone()).collect()
}

#[tokio::test]
async fn results_come_in_the_order_of_sending_until_the_sender_is_dropped() {
    let (_fake, builder) = Fake::serve(|_, record| match record.request_id.as_str() {
        "request-7" => Ok(rejected(&record, "MODEL_NOT_FOUND")),
        _ => Ok(recorded(&record)),
    })
    .await;
    let client = builder.connect().await.unwrap();
    let (mut sender, results) = client.stream_usage().await.unwrap();

    let reader = tokio::spawn(rest(results));
    for id in 0..5_000 {
        sender.send(usage(id)).await.unwrap();
    }
    drop(sender);

    let results = reader.await.unwrap();
    assert_eq!(ids_of(&results), ids(0..5_000));
    assert_eq!(results[7].outcome(), UsageOutcome::Rejected);
    let cost = results[8].final_cost.decimal().unwrap();
    assert_eq!(cost.to_string(), "0.0123");
}

#[tokio::test]
async fn a_stream_outlives_the_time_that_a_call_may_take() {
    let (fake, builder) = Fake::serve(|_, record| Ok(recorded(&record))).await;
    let timeout = Duration::from_millis(50);
    let client = builder.timeout(timeout).deadline(timeout).connect().await;
    fake.close();
    let (mut sender, results) = client.unwrap().stream_usage().await.unwrap();
    sender.send(usage(1)).await.unwrap();
    drop(sender);

    let mut results = pin!(rest(results));
    assert!(
        tokio::time::timeout(2 * timeout, &mut results)
            .await
            .is_err()
    );
    fake.open(1);

    assert_eq!(ids_of(&results.await), ids([1]));
    assert_eq!(fake.header("grpc-timeout"), None);
}

#[tokio::test]
async fn sending_waits_while_4096_are_unanswered() {
    let (fake, client) = Fake::willing().await;
    fake.close();
    let (mut sender, mut results) = client.stream_usage().await.unwrap();
    for id in 0..4_096 {
        sender.send(usage(id)).await.unwrap();
    }

    let mut next = pin!(unconstrained(sender.send(usage(4_096))));
    assert!(poll!(&mut next).is_pending());
    fake.open(1);
    let first = results.next().await.unwrap().unwrap();

    assert_eq!(first.request_id, "request-0");
    next.await.unwrap();
    assert_eq!(results.unanswered().len(), 4_096);
}

#[tokio::test]
async fn what_a_broken_stream_left_unanswered_is_given_back() {
    let (_fake, builder) = Fake::serve(|seen, record| match seen {
        4 => Err(Status::unavailable("going down")),
        _ => Ok(recorded(&record)),
    })
    .await;
    let client = builder.connect().await.unwrap();
    let (mut sender, mut results) = client.stream_usage().await.unwrap();
    for id in 1..=6 {
        sender.send(usage(id)).await.unwrap();
    }
    for id in 1..=3 {
        let result = results.next().await.unwrap().unwrap();
        assert_eq!(result.request_id, format!("request-{id}"));
    }

    let error = results.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(Code::Unavailable));
    assert!(error.is_retryable());
    assert!(results.next().await.is_none());

    let unsent = sender.send(usage(7)).await.unwrap_err();
    assert_eq!(unsent.to_string(), "the stream has ended");
    assert_eq!(unsent.0, usage(7));
    let unanswered = results.unanswered();
    assert_eq!(unanswered, [usage(4), usage(5), usage(6)]);

    let (mut sender, results) = client.stream_usage().await.unwrap();
    for usage in unanswered {
        sender.send(usage).await.unwrap();
    }
    drop(sender);
    assert_eq!(ids_of(&rest(results).await), ids(4..=6));
}

#[tokio::test]
async fn a_sender_that_waits_hears_that_the_results_are_gone() {
    let (fake, client) = Fake::willing().await;
    fake.close();
    let (mut sender, results) = client.stream_usage().await.unwrap();
    for id in 0..4_096 {
        sender.send(usage(id)).await.unwrap();
    }
    let waiting = tokio::spawn(async move { sender.send(usage(4_096)).await });
    drop(results);
    assert_eq!(waiting.await.unwrap().unwrap_err().0, usage(4_096));
}

#[tokio::test]
async fn an_answer_to_something_else_ends_the_stream() {
    let (_fake, builder) = Fake::serve(|_, mut record| {
        record.request_id.push('x');
        Ok(recorded(&record))
    })
    .await;
    let client = builder.connect().await.unwrap();
    let (mut sender, mut results) = client.stream_usage().await.unwrap();
    sender.send(usage(1)).await.unwrap();
    let error = results.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    assert_eq!(results.unanswered(), [usage(1)]);
}

#[tokio::test]
async fn a_stream_that_cannot_be_opened_says_so() {
    let client = billing_client::BillingClient::builder("http://127.0.0.1:1")
        .retries(RetryPolicy::never())
        .connect_lazy()
        .unwrap();
    let error = client.stream_usage().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}
