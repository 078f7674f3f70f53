//! Recording many model calls: each has its own result, and none stops the others.

use billing_proto::v1;
use billing_store::QueuedUsage;

use super::{convert, is_priced, recorded};
use crate::{app::App, auth::Caller, error::ApiError};

/// A call that was sent, and what is wrong with it.
struct Sent {
    request_id: String,
    checked: Result<(), ApiError>,
}

/// Calls of which all that can be recorded is queued.
pub(super) struct Queued {
    sent: Vec<Sent>,
    usage: QueuedUsage,
}

impl App {
    /// Queues what can be recorded, in its order.
    ///
    /// # Errors
    /// When the prices cannot be read; then nothing was queued.
    pub(super) async fn queue_all(
        &self,
        caller: &Caller,
        requests: Vec<v1::RecordUsageRequest>,
    ) -> Result<Queued, ApiError> {
        // Once for all of them: a model that has no price now has none.
        let catalog = self.store().catalog().await?;
        let mut usages = Vec::with_capacity(requests.len());
        let mut sent = Vec::with_capacity(requests.len());
        for request in requests {
            let request_id = request.request_id.clone();
            let checked = self.usage(caller, request).and_then(|usage| {
                if !is_priced(&catalog, &usage) {
                    return Err(self.refuse_unpriced(&usage.call).into());
                }
                usages.push(usage);
                Ok(())
            });
            sent.push(Sent {
                request_id,
                checked,
            });
        }
        let usage = self.writer().queue_all(usages).await;
        Ok(Queued { sent, usage })
    }
}

impl Queued {
    /// Answers for each call, in their order, when all that can be is recorded.
    pub(super) async fn results(self) -> Vec<v1::RecordUsageResult> {
        let mut outcomes = self.usage.committed().await.into_iter();
        let results = self.sent.into_iter().filter_map(|sent| {
            let answer = match sent.checked {
                Err(error) => Err(error),
                Ok(()) => outcomes
                    .next()?
                    .map_err(ApiError::from)
                    .and_then(|outcome| Ok(recorded(outcome)?)),
            };
            Some(match answer {
                Ok((record, duplicate)) => convert::recorded_result(&record, duplicate),
                Err(error) => convert::rejected_result(sent.request_id, error),
            })
        });
        results.collect()
    }
}
