//! Many model calls at a time: batches and streams.

mod batch;
mod stream;

use std::collections::BTreeMap;

use billing_client::{
    ReadDecimal,
    v1::{Problem, RecordUsageResult, UsageOutcome},
};

use crate::load::Call;

/// Asserts that every call was taken as `outcome` at its price, in the order of the calls.
fn assert_all(calls: &[Call], results: &[RecordUsageResult], outcome: UsageOutcome) {
    assert_eq!(results.len(), calls.len());
    for (call, result) in calls.iter().zip(results) {
        assert_eq!(result.request_id, call.request_id);
        assert_eq!(result.outcome(), outcome, "{result:?}");
        assert_eq!(result.final_cost.decimal(), Ok(call.cost()), "{result:?}");
        assert_eq!(result.problem, None);
    }
}

/// Asserts that what was answered before was durable: answered again, it is the same record.
fn assert_kept(before: &[RecordUsageResult], again: &[RecordUsageResult]) {
    let again: BTreeMap<_, _> = again.iter().map(|r| (&r.request_id, r)).collect();
    for result in before {
        let kept = again[&result.request_id];
        assert_eq!(
            kept.outcome(),
            UsageOutcome::Duplicate,
            "{result:?} was lost"
        );
        assert_eq!(kept.record_id, result.record_id);
        assert_eq!(kept.final_cost, result.final_cost);
    }
}

/// The code and field of a rejection; empty without one.
fn rejection(problem: Option<&Problem>) -> (&str, &str) {
    problem.map_or(("", ""), |problem| (&problem.code, &problem.field))
}
