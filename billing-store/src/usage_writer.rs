//! Group commit: concurrent calls share one transaction.
//!
//! No timer waits. A lone call commits at once; while a commit is in flight, the calls that arrive
//! form the next batch.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use billing_core::usage::{Outcome, Usage};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    StoreError, UsageStore,
    retry::{MAX_ATTEMPTS, retry},
};

/// Once a transaction has this many records, no more are added.
const FULL_BATCH: usize = 1_000;
/// Bulk work is cut into slices of this many records, so that single calls get their turn. Whoever
/// hands over at most so many at a time keeps them together.
pub const SLICE: usize = 512;
/// Slices that may wait for a writer; whoever has more waits with them.
const WAITING_SLICES: usize = 2;

/// Why a record was not committed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// The queue is full.
    #[error("too many records are waiting")]
    Overloaded,
    /// The server is going down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of records, in their order.
type Results = Vec<Result<Outcome, StoreError>>;

/// Records of one caller that are committed together.
struct Job {
    usages: Vec<Arc<Usage>>,
    reply: oneshot::Sender<Results>,
}

impl Job {
    fn new(usages: Vec<Arc<Usage>>) -> (Self, oneshot::Receiver<Results>) {
        let (reply, answer) = oneshot::channel();
        (Self { usages, reply }, answer)
    }
}

/// The senders of one writer's queues.
struct Queue {
    single: mpsc::Sender<Job>,
    bulk: mpsc::Sender<Job>,
}

/// Gathers usage of concurrent callers into few transactions. Users are dealt over the writers, so
/// that two transactions in flight rarely want the same account.
pub struct UsageWriter {
    queues: Vec<Queue>,
    hasher: RandomState,
}

/// The running writers; they end when every [`UsageWriter`] is gone and the queues are empty.
pub struct UsageWriterTasks(JoinSet<()>);

impl UsageWriter {
    /// Starts `writers` writers with room for `queue` single records between them.
    #[must_use]
    pub fn start(
        store: &Arc<dyn UsageStore>,
        writers: usize,
        queue: usize,
    ) -> (Self, UsageWriterTasks) {
        let mut tasks = JoinSet::new();
        let writers = writers.max(1);
        let room = queue.div_ceil(writers).max(1);
        let queues = (0..writers)
            .map(|_| {
                let (single, singles) = mpsc::channel(room);
                let (bulk, slices) = mpsc::channel(WAITING_SLICES);
                tasks.spawn(run(Arc::clone(store), Waiting { singles, slices }));
                Queue { single, bulk }
            })
            .collect();
        let writer = Self {
            queues,
            hasher: RandomState::new(),
        };
        (writer, UsageWriterTasks(tasks))
    }

    /// Commits one record and answers when it is durable.
    ///
    /// # Errors
    /// When the queue is full, the server goes down or the database fails. After a failure the
    /// record may be durable all the same; repeating the call tells.
    pub async fn record(&self, usage: Usage) -> Result<Outcome, RecordError> {
        let queue = self
            .queues
            .get(self.index_of(&usage))
            .ok_or(RecordError::ShuttingDown)?;
        let (job, answer) = Job::new(vec![Arc::new(usage)]);
        queue.single.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => RecordError::ShuttingDown,
        })?;
        let results = answer.await.map_err(|_| RecordError::ShuttingDown)?;
        let result = results.into_iter().next();
        Ok(result.ok_or(RecordError::ShuttingDown)??)
    }

    /// Queues records, of each user in their order and before everything that is queued later.
    /// Waits for room instead of refusing: the caller holds the records that have to wait.
    pub async fn queue_all(&self, usages: Vec<Usage>) -> QueuedUsage {
        let records = usages.len();
        let mut by_queue: Vec<Vec<(usize, Arc<Usage>)>> = vec![Vec::new(); self.queues.len()];
        for (position, usage) in usages.into_iter().enumerate() {
            if let Some(part) = by_queue.get_mut(self.index_of(&usage)) {
                part.push((position, Arc::new(usage)));
            }
        }
        let parts = self.queues.iter().zip(by_queue);
        let sent = parts.map(|(queue, part)| send_slices(&queue.bulk, part));
        let slices = join_all(sent).await.into_iter().flatten();
        QueuedUsage {
            records,
            slices: slices.collect(),
        }
    }

    fn index_of(&self, usage: &Usage) -> usize {
        let hash = self.hasher.hash_one(usage.user_id.as_str());
        let count = u64::try_from(self.queues.len()).unwrap_or(1);
        let index = hash.checked_rem(count).unwrap_or(0);
        usize::try_from(index).unwrap_or(0)
    }
}

/// Records that wait for their commit.
#[derive(Debug)]
pub struct QueuedUsage {
    records: usize,
    slices: Vec<SentSlice>,
}

impl QueuedUsage {
    /// What became of each record, in their order, when all are durable.
    pub async fn committed(self) -> Vec<Result<Outcome, RecordError>> {
        let unknown = std::iter::repeat_with(|| Err(RecordError::ShuttingDown));
        let mut results: Vec<_> = unknown.take(self.records).collect();
        for (positions, answer) in self.slices {
            let answers = answer.await.unwrap_or_default();
            for (position, answer) in positions.into_iter().zip(answers) {
                if let Some(result) = results.get_mut(position) {
                    *result = answer.map_err(RecordError::from);
                }
            }
        }
        results
    }
}

/// A slice on its way: where its records stood, and where its results will come from.
type SentSlice = (Vec<usize>, oneshot::Receiver<Results>);

async fn send_slices(
    queue: &mpsc::Sender<Job>,
    records: Vec<(usize, Arc<Usage>)>,
) -> Vec<SentSlice> {
    let mut sent = Vec::with_capacity(records.len().div_ceil(SLICE));
    for slice in records.chunks(SLICE) {
        let (positions, usages) = slice.iter().cloned().unzip();
        let (job, answer) = Job::new(usages);
        // A closed queue drops the job, which its answer then tells.
        let _ = queue.send(job).await;
        sent.push((positions, answer));
    }
    sent
}

impl UsageWriterTasks {
    /// Waits until everything that was queued is committed and answered.
    pub async fn finish(self) {
        self.0.join_all().await;
    }
}

/// The receivers of one writer's queues.
struct Waiting {
    singles: mpsc::Receiver<Job>,
    slices: mpsc::Receiver<Job>,
}

impl Waiting {
    /// The next batch: every single record that waits, as far as it has room, and at least one
    /// slice if there is any, so that neither kind of work can starve the other. `None` when both
    /// queues are closed and empty.
    async fn gather(&mut self) -> Option<Vec<Job>> {
        let mut jobs = Vec::new();
        tokio::select! {
            biased;
            1.. = self.singles.recv_many(&mut jobs, FULL_BATCH) => {}
            Some(slice) = self.slices.recv() => jobs.push(slice),
            else => return None,
        }
        let mut records: usize = jobs.iter().map(|job| job.usages.len()).sum();
        while let Ok(slice) = self.slices.try_recv() {
            records += slice.usages.len();
            jobs.push(slice);
            if records >= FULL_BATCH {
                break;
            }
        }
        Some(jobs)
    }
}

async fn run(store: Arc<dyn UsageStore>, mut waiting: Waiting) {
    while let Some(mut jobs) = waiting.gather().await {
        // A caller that gave up is not worth a place in the transaction.
        jobs.retain(|job| !job.reply.is_closed());
        let batch: Vec<_> = jobs
            .iter()
            .flat_map(|job| job.usages.iter().cloned())
            .collect();
        if batch.is_empty() {
            continue;
        }
        let mut results = commit(store.as_ref(), &batch, MAX_ATTEMPTS)
            .await
            .into_iter();
        for job in jobs {
            let part = results.by_ref().take(job.usages.len()).collect();
            // The caller may have left meanwhile; the records are durable all the same.
            let _ = job.reply.send(part);
        }
    }
}

/// Commits a batch; when the database refuses it for good, splits it, so that a bad record fails
/// alone. The halves are tried once: their parent was patient enough.
fn commit<'a>(
    store: &'a dyn UsageStore,
    batch: &'a [Arc<Usage>],
    attempts: u32,
) -> BoxFuture<'a, Results> {
    async move {
        // After a lost connection the batch may be durable: then every record is a repeat.
        let committed = retry(attempts, StoreError::is_transient, || {
            store.commit_usage(batch)
        });
        let error = match committed.await {
            Ok(outcomes) => return outcomes.into_iter().map(Ok).collect(),
            Err(error) => error,
        };
        // Splitting helps against one bad record, not against a database that is away.
        if batch.len() <= 1 || matches!(error, StoreError::Unavailable(_)) {
            return batch.iter().map(|_| Err(error.clone())).collect();
        }
        tracing::warn!(%error, records = batch.len(), "the batch failed and is split");
        let (first, second) = batch.split_at(batch.len().div_ceil(2));
        let mut results = commit(store, first, 1).await;
        results.extend(commit(store, second, 1).await);
        results
    }
    .boxed()
}
