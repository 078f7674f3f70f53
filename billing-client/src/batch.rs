//! Recording many model calls at once.

use billing_proto::v1::{
    RecordUsageBatchRequest, RecordUsageBatchResponse, RecordUsageRequest, RecordUsageResult,
    UsageOutcome,
};
use prost::{Message, encoding::encoded_len_varint};

use crate::{BillingClient, Error, retry::Attempts, wire::decode};

/// The most records that the service takes in one call.
const MAX_RECORDS: usize = 10_000;
/// The largest message that the service takes, unless it is set up otherwise.
const MAX_BYTES: usize = 16 * 1024 * 1024;

impl BillingClient {
    /// Records many model calls; the answer comes once they are durable. Each has its own result,
    /// in the order in which they were given, and a rejected one stops no other. However often
    /// they are sent, each is charged once.
    ///
    /// More than fit one message go in several, one after the other, each with the client's
    /// deadline to itself. What the service could not take for a passing reason is sent again
    /// while the limits last.
    ///
    /// # Errors
    /// Those of every call. Any part of the model calls may be recorded by then; repeating all of
    /// them is safe.
    pub async fn record_usage_batch(
        &self,
        usages: impl IntoIterator<Item = impl Into<RecordUsageRequest>>,
    ) -> Result<RecordUsageBatchResponse, Error> {
        let mut results = Vec::new();
        for part in parts(usages.into_iter().map(Into::into)) {
            results.extend(self.record_part(part).await?);
        }
        Ok(counted(results))
    }

    /// Sends what fits one message, and again whatever was rejected for a passing reason.
    async fn record_part(
        &self,
        part: Vec<RecordUsageRequest>,
    ) -> Result<Vec<RecordUsageResult>, Error> {
        let mut attempts = self.limits.start();
        let message = RecordUsageBatchRequest { records: part };
        let mut results = self.send_records(&mut attempts, &message).await?;
        loop {
            let indices = results.iter().enumerate();
            let again: Vec<usize> = indices
                .filter_map(|(index, result)| result.is_retryable().then_some(index))
                .collect();
            if again.is_empty() || !attempts.pause(None).await {
                return Ok(results);
            }
            let records = again.iter().filter_map(|index| message.records.get(*index));
            let records = records.cloned().collect();
            let message = RecordUsageBatchRequest { records };
            // The others are recorded: failing to send these again must not hide that.
            let Ok(news) = self.send_records(&mut attempts, &message).await else {
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
        message: &RecordUsageBatchRequest,
    ) -> Result<Vec<RecordUsageResult>, Error> {
        let method = Self::RECORD_USAGE_BATCH;
        let request = message.encode_to_vec().into();
        let answer = self.exchange(attempts, method, method.repeat.after(true), request);
        let RecordUsageBatchResponse { results, .. } = decode(method, answer.await?)?;
        if results.len() != message.records.len() {
            return Err(Error::Decode {
                message: "it has not as many results as there were records".to_owned(),
            });
        }
        Ok(results)
    }
}

/// The answer to all messages together.
fn counted(results: Vec<RecordUsageResult>) -> RecordUsageBatchResponse {
    let count = |outcome| {
        let counted = results.iter().filter(|result| result.outcome() == outcome);
        i64::try_from(counted.count()).unwrap_or(i64::MAX)
    };
    RecordUsageBatchResponse {
        recorded: count(UsageOutcome::Recorded),
        duplicates: count(UsageOutcome::Duplicate),
        rejected: count(UsageOutcome::Rejected),
        results,
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
