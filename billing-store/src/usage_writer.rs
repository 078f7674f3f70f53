//! Group commit: concurrent calls share one transaction.
//!
//! No timer waits. A lone call commits at once; while a commit is in flight, the calls that arrive
//! form the next batch.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use billing_core::{rating::Outcome, usage::Usage};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{Store, StoreError};

/// The most records in one transaction.
const MAX_BATCH: usize = 1_000;
/// How often a batch is tried before it is given up or split.
const MAX_ATTEMPTS: u32 = 4;
/// The pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

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

struct Pending {
    usage: Arc<Usage>,
    reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// Gathers usage of concurrent callers into few transactions. Users are dealt over the writers, so
/// that two transactions in flight rarely want the same account.
pub struct UsageWriter {
    queues: Vec<mpsc::Sender<Pending>>,
    hasher: RandomState,
}

/// The running writers; they end when every [`UsageWriter`] is gone and the queues are empty.
pub struct UsageWriterTasks(JoinSet<()>);

impl UsageWriter {
    /// Starts `writers` writers with room for `queue` records between them.
    #[must_use]
    pub fn start(store: &Arc<dyn Store>, writers: usize, queue: usize) -> (Self, UsageWriterTasks) {
        let mut tasks = JoinSet::new();
        let writers = writers.max(1);
        let room = queue.div_ceil(writers).max(1);
        let queues = (0..writers)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(room);
                tasks.spawn(run(Arc::clone(store), receiver));
                sender
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
        let (reply, answer) = oneshot::channel();
        let queue = self.queue_of(&usage).ok_or(RecordError::ShuttingDown)?;
        let pending = Pending {
            usage: Arc::new(usage),
            reply,
        };
        queue.try_send(pending).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => RecordError::ShuttingDown,
        })?;
        Ok(answer.await.map_err(|_| RecordError::ShuttingDown)??)
    }

    fn queue_of(&self, usage: &Usage) -> Option<&mpsc::Sender<Pending>> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(usage.user_id.as_str().as_bytes());
        let count = u64::try_from(self.queues.len()).ok()?;
        let index = hasher.finish().checked_rem(count)?;
        self.queues.get(usize::try_from(index).ok()?)
    }
}

impl UsageWriterTasks {
    /// Waits until everything that was queued is committed and answered.
    pub async fn finish(self) {
        self.0.join_all().await;
    }
}

async fn run(store: Arc<dyn Store>, mut queue: mpsc::Receiver<Pending>) {
    let mut gathered = Vec::with_capacity(MAX_BATCH);
    while queue.recv_many(&mut gathered, MAX_BATCH).await > 0 {
        // A caller that gave up is not worth a place in the transaction.
        gathered.retain(|pending| !pending.reply.is_closed());
        let (usages, replies): (Vec<_>, Vec<_>) = gathered
            .drain(..)
            .map(|pending| (pending.usage, pending.reply))
            .unzip();
        let outcomes = commit(store.as_ref(), &usages).await;
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // The caller may have left meanwhile; the record is durable all the same.
            let _ = reply.send(outcome);
        }
    }
}

/// Commits a batch; when the database refuses it for good, splits it, so that a bad record fails
/// alone.
fn commit<'a>(
    store: &'a dyn Store,
    batch: &'a [Arc<Usage>],
) -> BoxFuture<'a, Vec<Result<Outcome, StoreError>>> {
    async move {
        let error = match commit_with_retries(store, batch).await {
            Ok(outcomes) => return outcomes.into_iter().map(Ok).collect(),
            Err(error) => error,
        };
        // Splitting helps against one bad record, not against a database that is away.
        if batch.len() <= 1 || matches!(error, StoreError::Unavailable(_)) {
            return batch.iter().map(|_| Err(error.clone())).collect();
        }
        tracing::warn!(%error, records = batch.len(), "the batch failed and is split");
        let (first, second) = batch.split_at(batch.len().div_ceil(2));
        let mut outcomes = commit(store, first).await;
        outcomes.extend(commit(store, second).await);
        outcomes
    }
    .boxed()
}

async fn commit_with_retries(
    store: &dyn Store,
    batch: &[Arc<Usage>],
) -> Result<Vec<Outcome>, StoreError> {
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        // After a lost connection the batch may be durable: then every record is a repeat.
        match store.commit_usage(batch).await {
            Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS => {
                tracing::debug!(%error, attempt, "the batch is tried again");
                tokio::time::sleep(jittered(pause)).await;
                pause = pause.saturating_mul(2);
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Between half of the pause and all of it, so that two servers do not meet again.
fn jittered(pause: Duration) -> Duration {
    let percent = 50 + RandomState::new().build_hasher().finish() % 51;
    pause * u32::try_from(percent).unwrap_or(100) / 100
}
