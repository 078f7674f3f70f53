//! Buffers.

use std::pin::pin;

use billing_client::{BufferOptions, Error, UsageBuffer, v1::RecordUsageResult};
use futures_util::{
    future::{join_all, try_join_all},
    poll,
};
use tonic::{Code, Status};

use crate::fake::{Fake, ids, recorded, rejected, usage};

/// Waits until the service has seen so many calls.
async fn seen(fake: &Fake, calls: usize) {
    while fake.calls().len() < calls {
        tokio::task::yield_now().await;
    }
}

/// Starts to record and returns once the buffer has taken everything.
async fn taken(
    buffer: &UsageBuffer,
    numbers: impl Iterator<Item = usize>,
) -> Vec<tokio::task::JoinHandle<Result<RecordUsageResult, Error>>> {
    let mut callers = Vec::new();
    for id in numbers {
        let buffer = buffer.clone();
        callers.push(tokio::spawn(async move { buffer.record(usage(id)).await }));
        tokio::task::yield_now().await;
    }
    callers
}

#[tokio::test]
async fn a_lone_model_call_goes_at_once_and_later_ones_go_together() {
    let (fake, client) = Fake::willing().await;
    let buffer = client.buffered(BufferOptions::default().max_records(3));
    fake.close();
    let mut callers = taken(&buffer, 0..1).await;
    seen(&fake, 1).await;
    callers.extend(taken(&buffer, 1..6).await);
    fake.open(6);

    let results = try_join_all(callers).await.unwrap();

    let answered: Vec<_> = results.into_iter().map(|r| r.unwrap().request_id).collect();
    assert_eq!(answered, ids(0..6));
    assert_eq!(fake.calls(), [ids([0]), ids([1, 2, 3]), ids([4, 5])]);
}

#[tokio::test]
async fn callers_wait_while_the_buffer_is_full() {
    let (fake, client) = Fake::willing().await;
    let buffer = client.buffered(BufferOptions::default().capacity(2));
    fake.close();
    let mut callers = taken(&buffer, 0..1).await;
    seen(&fake, 1).await;
    callers.extend(taken(&buffer, 1..3).await);

    let mut flush = pin!(buffer.flush());
    let mut late = pin!(buffer.record(usage(3)));
    assert!(poll!(&mut flush).is_pending() && poll!(&mut late).is_pending());
    fake.open(4);

    late.await.unwrap();
    flush.await;
    assert_eq!(fake.calls(), [ids([0]), ids([1, 2]), ids([3])]);
}

#[tokio::test]
async fn every_caller_gets_its_own_result() {
    let (_fake, builder) = Fake::serve(|_, record| match record.request_id.as_str() {
        "request-1" => Ok(rejected(&record, "MODEL_NOT_FOUND")),
        _ => Ok(recorded(&record)),
    })
    .await;
    let buffer = builder
        .connect()
        .await
        .unwrap()
        .buffered(BufferOptions::default());
    let results = join_all((0..3).map(|id| buffer.record(usage(id)))).await;
    let refused: Vec<_> = results
        .into_iter()
        .map(|result| result.unwrap().problem.is_some())
        .collect();
    assert_eq!(refused, [false, true, false]);
}

#[tokio::test]
async fn a_failed_batch_fails_everything_in_it_alike() {
    let (_fake, builder) = Fake::serve(|_, record| match record.request_id.as_str() {
        "request-9" => Ok(recorded(&record)),
        _ => Err(Status::permission_denied("no")),
    })
    .await;
    let buffer = builder
        .connect()
        .await
        .unwrap()
        .buffered(BufferOptions::default());
    let results = join_all((0..3).map(|id| buffer.record(usage(id)))).await;
    let codes: Vec<_> = results.into_iter().map(|r| r.unwrap_err().code()).collect();
    assert_eq!(codes, [Some(Code::PermissionDenied); 3]);
    buffer.record(usage(9)).await.unwrap();
}

#[tokio::test]
async fn closing_sends_what_was_taken_and_refuses_the_rest() {
    let (fake, client) = Fake::willing().await;
    let buffer = client.buffered(BufferOptions::default().max_records(2));
    fake.close();
    let mut callers = taken(&buffer, 0..1).await;
    seen(&fake, 1).await;
    callers.extend(taken(&buffer, 1..6).await);

    let (mut first, mut second) = (pin!(buffer.close()), pin!(buffer.close()));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    fake.open(6);
    first.await;
    second.await;

    assert_eq!(buffer.record(usage(6)).await, Err(Error::Closed));
    buffer.flush().await;
    assert_eq!(fake.calls().concat(), ids(0..6));
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_was_taken_is_sent_though_nobody_waits_and_the_buffer_is_dropped() {
    let (fake, client) = Fake::willing().await;
    let buffer = client.buffered(BufferOptions::default());
    for id in 0..3 {
        let abandoned = &mut pin!(buffer.record(usage(id)));
        assert!(poll!(abandoned).is_pending());
    }
    drop(buffer);
    while fake.calls().concat().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.calls().concat(), ids(0..3));
}
