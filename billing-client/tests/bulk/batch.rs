//! Batches.

use billing_client::{
    ReadDecimal, ValueError,
    v1::{RecordUsageRequest, RecordUsageResult, UsageOutcome},
};
use rstest::rstest;
use tonic::{Code, Status};

use crate::fake::{Fake, ids, recorded, rejected, usage};

#[tokio::test]
async fn results_come_in_the_order_of_the_model_calls() {
    let (_fake, builder) = Fake::serve(|_, record| match record.request_id.as_str() {
        "request-2" => Ok(rejected(&record, "MODEL_NOT_FOUND")),
        "request-3" => Ok(RecordUsageResult {
            outcome: 2,
            ..recorded(&record)
        }),
        "request-4" => Ok(RecordUsageResult {
            outcome: 99,
            ..recorded(&record)
        }),
        _ => Ok(recorded(&record)),
    })
    .await;
    let client = builder.connect().await.unwrap();

    let answer = client.record_usage_batch((1..=5).map(usage)).await.unwrap();

    let outcomes: Vec<_> = answer
        .results
        .iter()
        .map(|result| result.outcome())
        .collect();
    use UsageOutcome::{Duplicate, Recorded, Rejected, Unspecified};
    let expected = [Recorded, Rejected, Duplicate, Unspecified, Recorded];
    assert_eq!(outcomes, expected);
    let answered: Vec<_> = answer
        .results
        .iter()
        .map(|r| r.request_id.clone())
        .collect();
    assert_eq!(answered, ids(1..=5));
    let counts = (answer.recorded, answer.duplicates, answer.rejected);
    assert_eq!(counts, (2, 1, 1));
    let first = &answer.results[0];
    assert_eq!(first.record_id, "record of request-1");
    assert_eq!(first.final_cost.decimal().unwrap().to_string(), "0.0123");
    assert_eq!(first.problem, None);
    let refused = &answer.results[1];
    assert_eq!(refused.final_cost, None);
    let problem = refused.problem.as_ref().unwrap();
    assert_eq!(problem.code, "MODEL_NOT_FOUND");
    assert_eq!(problem.field, "model");
}

#[tokio::test]
async fn nothing_to_record_is_not_sent() {
    let (fake, client) = Fake::willing().await;
    let answer = client
        .record_usage_batch(Vec::<RecordUsageRequest>::new())
        .await
        .unwrap();
    assert!(answer.results.is_empty());
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn more_than_one_message_takes_goes_in_several() {
    let (fake, client) = Fake::willing().await;
    let usages = (0..20_001).map(usage);

    let answer = client.record_usage_batch(usages).await.unwrap();

    let sizes: Vec<_> = fake.calls().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10_000, 10_000, 1]);
    let answered: Vec<_> = answer.results.into_iter().map(|r| r.request_id).collect();
    assert_eq!(answered, ids(0..20_001));
    assert_eq!(answer.recorded, 20_001);
}

#[rstest]
#[case::unavailable(Code::Unavailable)]
#[case::aborted(Code::Aborted)]
#[case::deadline(Code::DeadlineExceeded)]
#[tokio::test]
async fn a_call_that_fails_for_a_passing_reason_is_sent_again_as_it_was(#[case] code: Code) {
    let (fake, builder) = Fake::serve(move |seen, record| match seen {
        1..=4 => Err(Status::new(code, "not now")),
        _ => Ok(recorded(&record)),
    })
    .await;
    let client = builder.connect().await.unwrap();

    let answer = client.record_usage_batch(vec![usage(1), usage(2)]).await;

    assert_eq!(answer.unwrap().recorded, 2);
    assert_eq!(fake.calls(), vec![ids([1, 2]); 3]);
}

#[tokio::test]
async fn a_call_that_fails_for_good_is_not_sent_again() {
    let (fake, builder) = Fake::serve(|_, _| Err(Status::permission_denied("no"))).await;
    let client = builder.connect().await.unwrap();
    let error = client.record_usage_batch(vec![usage(1)]).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::PermissionDenied));
    assert_eq!(fake.calls().len(), 1);
}

#[rstest]
#[case("DATABASE_UNAVAILABLE")]
#[case("OVERLOADED")]
#[tokio::test]
async fn only_what_was_rejected_for_a_passing_reason_is_sent_again(#[case] code: &'static str) {
    let (fake, builder) = Fake::serve(move |seen, record| {
        Ok(match (seen, record.request_id.as_str()) {
            (_, "request-1") => rejected(&record, "MODEL_NOT_FOUND"),
            (..=4, "request-2" | "request-4") => rejected(&record, code),
            (..=6, "request-4") => rejected(&record, code),
            _ => recorded(&record),
        })
    })
    .await;
    let client = builder.connect().await.unwrap();

    let answer = client.record_usage_batch((1..=4).map(usage)).await.unwrap();

    assert_eq!(fake.calls(), [ids(1..=4), ids([2, 4]), ids([4])]);
    let answered: Vec<_> = answer
        .results
        .iter()
        .map(|r| r.request_id.clone())
        .collect();
    assert_eq!(answered, ids(1..=4));
    assert_eq!((answer.recorded, answer.rejected), (3, 1));
}

#[tokio::test]
async fn what_stays_rejected_is_reported_when_attempts_run_out() {
    let (fake, builder) = Fake::serve(|_, record| Ok(rejected(&record, "OVERLOADED"))).await;
    let client = builder.connect().await.unwrap();
    let answer = client.record_usage_batch(vec![usage(1)]).await.unwrap();
    assert_eq!(fake.calls().len(), 4);
    assert!(answer.results[0].is_retryable());
}

#[tokio::test]
async fn what_was_recorded_is_reported_though_the_rest_cannot_be_sent_again() {
    let (_fake, builder) = Fake::serve(|seen, record| match seen {
        1 => Ok(recorded(&record)),
        2 => Ok(rejected(&record, "DATABASE_UNAVAILABLE")),
        _ => Err(Status::unavailable("down")),
    })
    .await;
    let client = builder.connect().await.unwrap();
    let answer = client.record_usage_batch(vec![usage(1), usage(2)]).await;
    let answer = answer.unwrap();
    assert_eq!((answer.recorded, answer.rejected), (1, 1));
}

#[tokio::test]
async fn a_malformed_cost_is_an_error_to_who_reads_it() {
    let (_fake, builder) = Fake::serve(|_, record| {
        let mut result = recorded(&record);
        result.final_cost.as_mut().unwrap().value = "1,5".into();
        Ok(result)
    })
    .await;
    let client = builder.connect().await.unwrap();
    let answer = client.record_usage_batch([usage(1)]).await.unwrap();
    let error = answer.results[0].final_cost.decimal().unwrap_err();
    assert_eq!(error, ValueError::NotDecimal("1,5".to_owned()));
}
