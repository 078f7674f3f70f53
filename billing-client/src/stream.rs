//! Recording model calls over a stream.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    vec,
};

use billing_proto::v1::{RecordUsageRequest, RecordUsageResult, StreamUsageResponse};
use futures_util::{
    StreamExt,
    stream::{self, Stream},
};
use prost::{Message, bytes::Bytes};
use tokio::sync::{Semaphore, mpsc};

use crate::{Answers, BillingClient, Error};

/// The most model calls of a stream that are unanswered at a time, as the service has it.
const MAX_UNANSWERED: usize = 4_096;

impl BillingClient {
    /// Opens a stream on which model calls are recorded as they come, without an end in time.
    /// Results follow in the order of sending, as soon as the records are durable.
    ///
    /// Results must be read while model calls are sent, in another task: with 4,096 model calls
    /// unanswered, sending waits. A stream that breaks off is not opened again by itself:
    /// [`UsageResults::unanswered`] tells what to send on the next one.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn stream_usage(&self) -> Result<(UsageSender, UsageResults), Error> {
        let method = Self::STREAM_USAGE;
        // The timeout is for opening alone: the service is not told of it.
        let open = async |_| {
            let (records, mut receiver) = mpsc::unbounded_channel();
            let records_sent = stream::poll_fn(move |context| receiver.poll_recv(context));
            Ok((records, self.open(method, records_sent).await?))
        };
        let mut attempts = self.limits.start();
        let (records, answers) = attempts.run(method.repeat.after(true), open).await?;
        let shared = Arc::new(Shared {
            room: Semaphore::new(MAX_UNANSWERED),
            unanswered: Mutex::default(),
        });
        let sender = UsageSender {
            records,
            shared: Arc::clone(&shared),
        };
        let results = UsageResults {
            answers: Answers::new(method, answers),
            results: Vec::new().into_iter(),
            shared,
        };
        Ok((sender, results))
    }
}

/// What both halves of a stream know.
#[derive(Debug)]
struct Shared {
    /// A permit for each model call that may still be sent; closed when the stream has ended.
    room: Semaphore,
    /// What was sent and has no result, oldest first.
    unanswered: Mutex<VecDeque<RecordUsageRequest>>,
}

impl Shared {
    fn unanswered(&self) -> MutexGuard<'_, VecDeque<RecordUsageRequest>> {
        // Nothing that holds the lock can leave the queue half changed.
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The half of a stream that sends. Dropping it ends the stream once everything is answered.
#[derive(Debug)]
pub struct UsageSender {
    /// Takes records as they are encoded.
    records: mpsc::UnboundedSender<Bytes>,
    shared: Arc<Shared>,
}

impl UsageSender {
    /// Sends one model call, after waiting for results while 4,096 are unanswered.
    ///
    /// # Errors
    /// Gives the model call back when the stream has ended; the other half tells why.
    pub async fn send(&mut self, usage: impl Into<RecordUsageRequest>) -> Result<(), Unsent> {
        let usage = usage.into();
        let Ok(permit) = self.shared.room.acquire().await else {
            return Err(Unsent(usage));
        };
        let mut unanswered = self.shared.unanswered();
        // Whoever ends the stream closes the room before taking the queue: what is queued with the
        // room open is taken along.
        if self.shared.room.is_closed() {
            return Err(Unsent(usage));
        }
        permit.forget();
        let message = usage.encode_to_vec().into();
        unanswered.push_back(usage);
        // Sent with the queue locked, so that both have one order. A stream that has broken off
        // takes nothing, and the queue keeps it.
        let _ = self.records.send(message);
        Ok(())
    }
}

/// A model call that was not sent, because the stream has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stream has ended")]
pub struct Unsent(pub RecordUsageRequest);

/// The half of a stream that tells what became of the model calls. Dropping it ends the stream at
/// once; what is unanswered may be recorded or not, and may be sent again.
#[derive(Debug)]
pub struct UsageResults {
    answers: Answers<StreamUsageResponse>,
    /// Results of the latest answer.
    results: vec::IntoIter<RecordUsageResult>,
    shared: Arc<Shared>,
}

impl UsageResults {
    /// The result of the oldest unanswered model call; none once the sender is gone and everything
    /// is answered. After an error the stream is at its end.
    ///
    /// # Errors
    /// `DATABASE_UNAVAILABLE` when the service goes down or cannot go on, those of every call.
    pub async fn next(&mut self) -> Option<Result<RecordUsageResult, Error>> {
        StreamExt::next(self).await
    }

    /// Ends the stream and gives back what has no result, oldest first, to be sent on a new one.
    /// Some of it may be recorded already; it will be answered as a duplicate.
    #[must_use]
    pub fn unanswered(self) -> Vec<RecordUsageRequest> {
        self.shared.room.close();
        let unanswered = std::mem::take(&mut *self.shared.unanswered());
        unanswered.into()
    }

    /// Takes a result for the oldest unanswered model call.
    fn accept(&self, result: RecordUsageResult) -> Result<RecordUsageResult, Error> {
        let mut unanswered = self.shared.unanswered();
        match unanswered.front() {
            Some(usage) if usage.request_id == result.request_id => unanswered.pop_front(),
            // An answer to something else would be taken for the charge of this model call.
            _ => {
                return Err(Error::Decode {
                    message: "a result is not that of the oldest record".to_owned(),
                });
            }
        };
        self.shared.room.add_permits(1);
        Ok(result)
    }

    /// The next result, or none at an end to which everything is answered.
    fn poll_result(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<RecordUsageResult>, Error>> {
        loop {
            if let Some(result) = self.results.next() {
                return Poll::Ready(self.accept(result).map(Some));
            }
            match ready!(self.answers.poll_next_unpin(context)) {
                Some(answer) => self.results = answer?.results.into_iter(),
                None => {
                    // First, so that nothing is sent after the look at the queue.
                    self.shared.room.close();
                    let complete = self.shared.unanswered().is_empty();
                    let end = if complete {
                        Ok(None)
                    } else {
                        Err(Error::cut_short())
                    };
                    return Poll::Ready(end);
                }
            }
        }
    }
}

impl Stream for UsageResults {
    type Item = Result<RecordUsageResult, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.shared.room.is_closed() {
            return Poll::Ready(None);
        }
        let result = ready!(self.poll_result(context));
        if !matches!(result, Ok(Some(_))) {
            self.shared.room.close();
        }
        Poll::Ready(result.transpose())
    }
}

impl Drop for UsageResults {
    fn drop(&mut self) {
        self.shared.room.close();
    }
}
