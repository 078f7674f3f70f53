//! Recording many model calls at once.

use billing_proto::v1::{
    RecordUsageBatchRequest, RecordUsageBatchResponse, RecordUsageRequest,
    usage_service_client::UsageServiceClient,
};
use prost::{Message, encoding::encoded_len_varint};

use crate::{BillingClient, Error, Usage, UsageOutcome, UsageResult, retry::Attempts};

/// The most records that the service takes in one call.
const MAX_RECORDS: usize = 10_000;
/// The largest message that the service takes, unless it is set up otherwise.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The largest answer: every result repeats its request id and may explain a rejection.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * MAX_BYTES;

/// What became of a batch of model calls.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchResult {
    /// One result per model call, in the order in which they were given.
    pub results: Vec<UsageResult>,
    /// Model calls that were recorded and charged now.
    pub recorded: i64,
    /// Model calls that had been recorded before.
    pub duplicates: i64,
    /// Model calls that were refused.
    pub rejected: i64,
}

impl BatchResult {
    fn new(results: Vec<UsageResult>) -> Self {
        let count = |outcome| {
            let counted = results.iter().filter(|result| result.outcome == outcome);
            i64::try_from(counted.count()).unwrap_or(i64::MAX)
        };
        Self {
            recorded: count(UsageOutcome::Recorded),
            duplicates: count(UsageOutcome::Duplicate),
            rejected: count(UsageOutcome::Rejected),
            results,
        }
    }
}

impl BillingClient {
    /// Records many model calls; the answer comes once they are durable. Each has its own result,
    /// and a rejected one stops no other. However often they are sent, each is charged once.
    ///
    /// More than fit one message go in several, one after the other, each with the client's
    /// deadline to itself. What the service could not take for a passing reason is sent again
    /// while the limits last.
    ///
    /// # Errors
    /// Those of every call. Any part of the model calls may be recorded by then; repeating all of
    /// them is safe.
    pub async fn record_usage_batch(&self, usages: Vec<Usage>) -> Result<BatchResult, Error> {
        let mut results = Vec::with_capacity(usages.len());
        for part in parts(usages.into_iter().map(Into::into)) {
            results.extend(self.record_part(&part).await?);
        }
        Ok(BatchResult::new(results))
    }

    /// Sends what fits one message, and again whatever was rejected for a passing reason.
    async fn record_part(&self, part: &[RecordUsageRequest]) -> Result<Vec<UsageResult>, Error> {
        let mut attempts = self.start();
        let mut results = self.send_records(&mut attempts, part.to_vec()).await?;
        loop {
            let indices = results.iter().enumerate();
            let again: Vec<usize> = indices
                .filter_map(|(index, result)| result.is_retryable().then_some(index))
                .collect();
            if again.is_empty() || !attempts.pause(None).await {
                return Ok(results);
            }
            let records = again.iter().filter_map(|index| part.get(*index).cloned());
            // The others are recorded: failing to send these again must not hide that.
            let Ok(news) = self.send_records(&mut attempts, records.collect()).await else {
                return Ok(results);
            };
            for (index, new) in again.into_iter().zip(news) {
                if let Some(result) = results.get_mut(index) {
                    *result = new;
                }
            }
        }
    }

    async fn send_records(
        &self,
        attempts: &mut Attempts,
        records: Vec<RecordUsageRequest>,
    ) -> Result<Vec<UsageResult>, Error> {
        let sent = records.len();
        let message = RecordUsageBatchRequest { records };
        let answer = self.attempt(
            attempts,
            Error::is_passing,
            message,
            |service, request| async move {
                UsageServiceClient::new(service)
                    .max_decoding_message_size(MAX_ANSWER_BYTES)
                    .record_usage_batch(request)
                    .await
            },
        );
        let RecordUsageBatchResponse { results, .. } = answer.await?;
        if results.len() != sent {
            return Err(Error::Decode { field: "results" });
        }
        results.into_iter().map(UsageResult::try_from).collect()
    }
}

/// Cuts records into messages that the service takes.
fn parts(records: impl Iterator<Item = RecordUsageRequest>) -> Vec<Vec<RecordUsageRequest>> {
    let mut parts = Vec::new();
    let mut part: Vec<RecordUsageRequest> = Vec::new();
    let mut bytes: usize = 0;
    for record in records {
        let length = record.encoded_len();
        // One byte says which field it is, and then comes its length.
        let size = length
            .saturating_add(encoded_len_varint(
                u64::try_from(length).unwrap_or(u64::MAX),
            ))
            .saturating_add(1);
        bytes = bytes.saturating_add(size);
        if part.len() == MAX_RECORDS || bytes > MAX_BYTES {
            parts.push(std::mem::take(&mut part));
            bytes = size;
        }
        part.push(record);
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(0, 1, &[])]
    #[case::one(1, 1, &[1])]
    #[case::full(10_000, 1, &[10_000])]
    #[case::one_more_than_full(10_001, 1, &[10_000, 1])]
    #[case::large(5, 7 * 1024 * 1024, &[2, 2, 1])]
    #[case::each_too_large(2, 17 * 1024 * 1024, &[1, 1])]
    fn messages_stay_within_the_limits(
        #[case] records: usize,
        #[case] bytes: usize,
        #[case] expected: &[usize],
    ) {
        let record = RecordUsageRequest {
            model: "m".repeat(bytes),
            ..RecordUsageRequest::default()
        };
        let parts = parts(std::iter::repeat_n(record, records));
        let lengths: Vec<_> = parts.iter().map(Vec::len).collect();
        assert_eq!(lengths, expected);
    }

    #[test]
    fn a_message_may_be_as_large_as_the_limit_to_the_byte() {
        let sized = |bytes: usize| RecordUsageRequest {
            model: "m".repeat(bytes),
            ..RecordUsageRequest::default()
        };
        let half = MAX_BYTES / 2;
        // Two fields, one in the other, with a byte for their numbers and four for their lengths.
        let exact = parts([sized(half - 10), sized(half - 10)].into_iter());
        assert_eq!(exact.len(), 1);
        let [records] = <[_; 1]>::try_from(exact).unwrap();
        assert_eq!(RecordUsageBatchRequest { records }.encoded_len(), MAX_BYTES);
        assert_eq!(
            parts([sized(half - 10), sized(half - 9)].into_iter()).len(),
            2
        );
    }
}
