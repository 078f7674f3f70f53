//! Recording model calls over a stream.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    vec,
};

use billing_proto::v1::{
    RecordUsageRequest, RecordUsageResult, StreamUsageResponse,
    usage_service_client::UsageServiceClient,
};
use futures_util::{
    StreamExt,
    stream::{self, Stream},
};
use tokio::sync::{Semaphore, mpsc};
use tonic::Streaming;

use crate::{BillingClient, Error, Usage, UsageResult, batch::MAX_ANSWER_BYTES};

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
    pub async fn usage_stream(&self) -> Result<(UsageSender, UsageResults), Error> {
        let open = |_| {
            let (records, mut receiver) = mpsc::unbounded_channel();
            let records_sent = stream::poll_fn(move |context| receiver.poll_recv(context));
            let mut service = UsageServiceClient::new(self.raw())
                // A result repeats its request id and may explain a rejection.
                .max_decoding_message_size(MAX_ANSWER_BYTES);
            // The timeout is for opening alone: the service is not told of it.
            async move {
                let answers = service.stream_usage(records_sent).await?.into_inner();
                Ok((records, answers))
            }
        };
        let (records, answers) = self.start().run(Error::is_passing, open).await?;
        let shared = Arc::new(Shared {
            room: Semaphore::new(MAX_UNANSWERED),
            unanswered: Mutex::default(),
        });
        let sender = UsageSender {
            records,
            shared: Arc::clone(&shared),
        };
        let results = UsageResults {
            answers,
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
    unanswered: Mutex<VecDeque<Usage>>,
}

impl Shared {
    fn unanswered(&self) -> MutexGuard<'_, VecDeque<Usage>> {
        // Nothing that holds the lock can leave the queue half changed.
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The half of a stream that sends. Dropping it ends the stream once everything is answered.
#[derive(Debug)]
pub struct UsageSender {
    records: mpsc::UnboundedSender<RecordUsageRequest>,
    shared: Arc<Shared>,
}

impl UsageSender {
    /// Sends one model call, after waiting for results while 4,096 are unanswered.
    ///
    /// # Errors
    /// Gives the model call back when the stream has ended; the other half tells why.
    pub async fn send(&mut self, usage: Usage) -> Result<(), Unsent> {
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
        unanswered.push_back(usage.clone());
        // Sent with the queue locked, so that both have one order. A stream that has broken off
        // takes nothing, and the queue keeps it.
        let _ = self.records.send(usage.into());
        Ok(())
    }
}

/// A model call that was not sent, because the stream has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stream has ended")]
pub struct Unsent(pub Usage);

/// The half of a stream that tells what became of the model calls. Dropping it ends the stream at
/// once; what is unanswered may be recorded or not, and may be sent again.
#[derive(Debug)]
pub struct UsageResults {
    answers: Streaming<StreamUsageResponse>,
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
    pub async fn next(&mut self) -> Option<Result<UsageResult, Error>> {
        StreamExt::next(self).await
    }

    /// Ends the stream and gives back what has no result, oldest first, to be sent on a new one.
    /// Some of it may be recorded already; it will be answered as a duplicate.
    #[must_use]
    pub fn unanswered(self) -> Vec<Usage> {
        self.shared.room.close();
        let unanswered = std::mem::take(&mut *self.shared.unanswered());
        unanswered.into()
    }

    /// Takes a result for the oldest unanswered model call.
    fn accept(&self, result: RecordUsageResult) -> Result<UsageResult, Error> {
        let result = UsageResult::try_from(result)?;
        let mut unanswered = self.shared.unanswered();
        match unanswered.front() {
            Some(usage) if usage.request_id() == result.request_id => unanswered.pop_front(),
            // An answer to something else would be taken for the charge of this model call.
            _ => {
                return Err(Error::Decode {
                    field: "request_id",
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
    ) -> Poll<Result<Option<UsageResult>, Error>> {
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
    type Item = Result<UsageResult, Error>;

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
