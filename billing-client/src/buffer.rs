//! Gathering the model calls of concurrent callers into batches.
//!
//! No timer waits. A lone model call goes at once; while a batch is in flight, the model calls that
//! arrive form the next one.

use billing_proto::v1::{RecordUsageBatchResponse, RecordUsageRequest, RecordUsageResult};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{BillingClient, Error};

/// How much a [`UsageBuffer`] gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct BufferOptions {
    max_records: usize,
    capacity: usize,
}

impl Default for BufferOptions {
    fn default() -> Self {
        Self {
            max_records: 500,
            capacity: 10_000,
        }
    }
}

impl BufferOptions {
    /// The most model calls that are sent together; 500 unless set.
    pub fn max_records(mut self, records: usize) -> Self {
        self.max_records = records.max(1);
        self
    }

    /// The model calls that may wait beside those in flight, before callers wait for room; 10,000
    /// unless set.
    pub fn capacity(mut self, records: usize) -> Self {
        self.capacity = records.max(1);
        self
    }
}

impl BillingClient {
    /// Starts a buffer that gathers the model calls of concurrent callers into batches. Must be
    /// called within a Tokio runtime, which sends them for as long as it runs.
    #[must_use]
    pub fn buffered(&self, options: BufferOptions) -> UsageBuffer {
        let (jobs, waiting) = mpsc::channel(options.capacity);
        let (running, ended) = watch::channel(());
        let (client, max_records) = (self.clone(), options.max_records);
        tokio::spawn(async move {
            run(&client, waiting, max_records).await;
            drop(running);
        });
        UsageBuffer { jobs, ended }
    }
}

/// Gathers model calls into batches. Clones share it and are cheap.
///
/// What it has taken is sent even when the caller stops waiting for the result or every clone is
/// dropped, but only while the runtime runs: call [`Self::close`] before a program ends.
#[derive(Debug, Clone)]
pub struct UsageBuffer {
    jobs: mpsc::Sender<Job>,
    /// Never changes; its sender is dropped when everything is answered and no more can come.
    ended: watch::Receiver<()>,
}

type Reply = oneshot::Sender<Result<RecordUsageResult, Error>>;

#[derive(Debug)]
enum Job {
    Record(Box<RecordUsageRequest>, Reply),
    Flush(oneshot::Sender<()>),
    Close,
}

impl UsageBuffer {
    /// Records one model call together with those of other callers and answers once it is durable;
    /// waits for room while the buffer is full.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Self::close`]; otherwise what the whole batch failed with: then
    /// the model call may be recorded all the same, and repeating it is safe. A model call that
    /// the service rejects is a result, not an error.
    pub async fn record(
        &self,
        usage: impl Into<RecordUsageRequest>,
    ) -> Result<RecordUsageResult, Error> {
        let (reply, result) = oneshot::channel();
        let job = Job::Record(Box::new(usage.into()), reply);
        self.jobs.send(job).await.map_err(|_| Error::Closed)?;
        result.await.map_err(|_| Error::Closed)?
    }

    /// Waits until everything that was taken before is answered.
    pub async fn flush(&self) {
        let (reply, reached) = oneshot::channel();
        // A closed buffer drops the reply, yet may still have something to answer.
        if self.jobs.send(Job::Flush(reply)).await.is_err() || reached.await.is_err() {
            self.end().await;
        }
    }

    /// Takes no more from any clone and waits until everything that was taken is answered.
    pub async fn close(&self) {
        // An error says that it is closed already.
        let _ = self.jobs.send(Job::Close).await;
        self.end().await;
    }

    async fn end(&self) {
        let _ = self.ended.clone().changed().await;
    }
}

/// Sends one batch after the other until the buffer is closed or dropped, and empty.
async fn run(client: &BillingClient, mut waiting: mpsc::Receiver<Job>, max_records: usize) {
    let mut jobs = Vec::new();
    while waiting.recv_many(&mut jobs, max_records).await > 0 {
        let (mut usages, mut replies, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs.drain(..) {
            match job {
                Job::Record(usage, reply) => {
                    usages.push(*usage);
                    replies.push(reply);
                }
                Job::Flush(reply) => flushes.push(reply),
                // What waits already is still received.
                Job::Close => waiting.close(),
            }
        }
        answer(replies, client.record_usage_batch(usages).await);
        for reply in flushes {
            let _ = reply.send(());
        }
    }
}

/// Gives every caller its result. One that has left meanwhile does not hear it.
fn answer(replies: Vec<Reply>, batch: Result<RecordUsageBatchResponse, Error>) {
    match batch {
        Ok(batch) => {
            for (reply, result) in replies.into_iter().zip(batch.results) {
                let _ = reply.send(Ok(result));
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}
