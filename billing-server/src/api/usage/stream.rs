//! A stream of model calls, answered as they become durable.

use std::{collections::VecDeque, future::ready, sync::Arc, time::Duration};

use billing_proto::v1;
use billing_store::SLICE;
use futures_util::{StreamExt, stream::FuturesOrdered};
use prost::Message;
use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{
    app::App,
    auth::Caller,
    error::{ApiError, ErrorCode},
};

/// The most records of one stream that are unanswered at a time.
const MAX_UNANSWERED: usize = 4_096;
/// The largest record of a stream, several times what a valid one needs. It bounds what the
/// unanswered records and their results, which repeat the request ids, occupy.
const MAX_RECORD_BYTES: usize = 16 * 1024;
/// How long a client may take to notice that its stream has ended, and stop sending.
const PARTING: Duration = Duration::from_secs(1);

/// Results as they are sent.
pub(super) type Answers = ReceiverStream<Answer>;

type Answer = Result<v1::StreamUsageResponse, Status>;

/// Answers the calls of a stream from a task of its own, which ends with the stream.
pub(super) fn run(
    app: App,
    caller: Arc<Caller>,
    mut calls: Streaming<v1::RecordUsageRequest>,
) -> Answers {
    // Room for one: a client that does not read its answers stops the reading of its calls.
    let (answers, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let Err(status) = answer(&app, &caller, &mut calls, &answers).await else {
            return;
        };
        // Nobody hears it when the client has gone.
        let _ = answers.send(Err(status)).await;
        drop((app, answers));
        // Closing the connection on a client that is still sending would cost it the answers that
        // it has not read yet.
        let _ = timeout(PARTING, calls.for_each(|_| ready(()))).await;
    });
    ReceiverStream::new(receiver)
}

/// Reads calls as they come, a slice at a time, and sends their results in the order of receipt.
/// The error is what the stream ends with, after the answers to everything that was read.
async fn answer(
    app: &App,
    caller: &Caller,
    calls: &mut Streaming<v1::RecordUsageRequest>,
    answers: &mpsc::Sender<Answer>,
) -> Result<(), Status> {
    let mut slices = calls.map(within_limit).ready_chunks(SLICE);
    let turn = Mutex::new(());
    let mut unanswered = FuturesOrdered::new();
    let mut answered = VecDeque::new();
    let mut stopping = app.stopping();
    let mut end = None;
    loop {
        let held = unanswered.len().saturating_add(answered.len());
        let may_read = end.is_none() && held < MAX_UNANSWERED / SLICE;
        tokio::select! {
            biased;
            place = answers.reserve(), if !answered.is_empty() => {
                let (Ok(place), Some(results)) = (place, answered.pop_front()) else {
                    // The client has gone; it may send again what it has no answer to.
                    return Ok(());
                };
                place.send(Ok(v1::StreamUsageResponse { results }));
            }
            // Also while the client does not read its answers: a slice that is not driven on may
            // occupy the place in a writer's queue that others wait for.
            Some(results) = unanswered.next() => match results {
                Ok(results) => answered.push_back(results),
                Err(error) => {
                    unanswered = FuturesOrdered::new();
                    end = Some(Err(Status::from(error)));
                }
            },
            () = async { drop(stopping.wait_for(|stop| *stop).await) }, if end.is_none() => {
                end = Some(Err(ApiError::shutting_down().into()));
            }
            slice = slices.next(), if may_read => match slice {
                Some(slice) => {
                    let (requests, broken) = split(slice);
                    unanswered.push_back(record(app, caller, requests, &turn));
                    end = broken.map(Err);
                }
                None => end = Some(Ok(())),
            },
            else => return end.unwrap_or(Ok(())),
        }
    }
}

/// Records a slice. Slices take their turn to be queued, so that no later one overtakes: records of
/// one user are taken in their order.
async fn record(
    app: &App,
    caller: &Caller,
    requests: Vec<v1::RecordUsageRequest>,
    turn: &Mutex<()>,
) -> Result<Vec<v1::RecordUsageResult>, ApiError> {
    let queued = {
        let _turn = turn.lock().await;
        app.queue_all(caller, requests).await?
    };
    Ok(queued.results().await)
}

/// Refuses a record that is too large to be held with so many others.
fn within_limit(
    call: Result<v1::RecordUsageRequest, Status>,
) -> Result<v1::RecordUsageRequest, Status> {
    let call = call?;
    if call.encoded_len() > MAX_RECORD_BYTES {
        let message = format!("a record of a stream must be at most {MAX_RECORD_BYTES} bytes");
        return Err(ApiError::new(ErrorCode::BodyTooLarge, message).into());
    }
    Ok(call)
}

/// The calls that arrived, and why no more will.
fn split(
    slice: Vec<Result<v1::RecordUsageRequest, Status>>,
) -> (Vec<v1::RecordUsageRequest>, Option<Status>) {
    let mut requests = Vec::with_capacity(slice.len());
    for call in slice {
        match call {
            Ok(request) => requests.push(request),
            Err(status) => return (requests, Some(status)),
        }
    }
    (requests, None)
}
