//! The client against a service that fails on purpose.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail by panicking"
)]

mod fake;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use billing_client::{
    BillingClient, Error, FieldViolation, ReadDecimal, RetryPolicy, Usage, ValueError,
    v1::{
        ApplyCouponRequest, CreateCreditNoteRequest, GetUsageRecordRequest, ListUsageRecordsRequest,
    },
};
use futures_util::TryStreamExt;
use rstest::rstest;
use tokio::{io::AsyncReadExt, net::TcpListener};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use fake::{Answer, Fake, record};

fn fast_retries() -> RetryPolicy {
    RetryPolicy::default().base_delay(Duration::from_millis(1))
}

fn usage() -> Usage {
    Usage::for_user("user-1", "gpt-4").prompt_tokens(10)
}

fn recorded() -> Answer {
    Answer::Record(Box::new(record("record-1", "0.0123")))
}

fn details(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, "billing.v1", [])
}

fn overloaded() -> Status {
    let mut details = details("OVERLOADED");
    details.set_retry_info(Some(Duration::from_millis(20)));
    Status::with_error_details(Code::ResourceExhausted, "queue is full", details)
}

#[rstest]
#[case::unavailable(Status::unavailable("down"))]
#[case::aborted(Status::aborted("collided"))]
#[case::deadline(Status::deadline_exceeded("slow"))]
#[case::overloaded_with_a_delay(overloaded())]
#[tokio::test]
async fn passing_failures_are_repeated_with_the_same_request_id(#[case] failure: Status) {
    let (fake, builder) = Fake::serve(move |attempt| match attempt {
        1 | 2 => Answer::Fail(failure.clone()),
        _ => recorded(),
    })
    .await;
    let client = builder.retries(fast_retries()).connect().await.unwrap();
    let usage = usage();
    let request_id = usage.request_id().to_owned();

    let answer = client.record_usage(usage).await.unwrap();

    assert!(answer.duplicate);
    let attempts = fake.attempts();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|seen| seen.request_id == request_id));
    assert!(attempts.iter().all(|seen| *seen == attempts[0]));
}

#[rstest]
#[case::conflict(Code::AlreadyExists)]
#[case::refused(Code::InvalidArgument)]
#[case::no_model(Code::NotFound)]
#[case::fault(Code::Internal)]
#[case::cancelled(Code::Cancelled)]
#[case::too_much_for_good(Code::ResourceExhausted)]
#[tokio::test]
async fn lasting_failures_are_not_repeated_and_carry_their_reason(#[case] code: Code) {
    let (fake, builder) = Fake::serve(move |_| {
        let details = details("SOME_REASON");
        Answer::Fail(Status::with_error_details(code, "no", details))
    })
    .await;
    let client = builder.retries(fast_retries()).connect().await.unwrap();

    let error = client.record_usage(usage()).await.unwrap_err();

    assert_eq!(fake.attempts().len(), 1);
    assert_eq!(error.reason(), "SOME_REASON");
    assert_eq!(error.code(), Some(code));
    assert_eq!(error.to_string(), "SOME_REASON: no");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn the_last_failure_is_reported_when_attempts_run_out() {
    let (fake, builder) = Fake::serve(|_| Answer::Fail(Status::unavailable("down"))).await;
    let client = builder.retries(fast_retries()).connect().await.unwrap();

    let error = client.record_usage(usage()).await.unwrap_err();

    assert_eq!(fake.attempts().len(), 4);
    assert_eq!(error.to_string(), "Unavailable: down");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_requested_delay_is_waited_for() {
    let (_fake, builder) = Fake::serve(|attempt| match attempt {
        1 => Answer::Fail(overloaded()),
        _ => recorded(),
    })
    .await;
    let client = builder.retries(fast_retries()).connect().await.unwrap();
    let started = Instant::now();
    client.record_usage(usage()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_requested_delay_beyond_the_deadline_fails_at_once() {
    let (fake, builder) = Fake::serve(|_| {
        let mut details = details("OVERLOADED");
        details.set_retry_info(Some(Duration::from_secs(3_600)));
        Answer::Fail(Status::with_error_details(
            Code::ResourceExhausted,
            "full",
            details,
        ))
    })
    .await;
    let client = builder.connect().await.unwrap();
    let error = client.record_usage(usage()).await.unwrap_err();
    assert_eq!(fake.attempts().len(), 1);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3_600)));
}

#[tokio::test]
async fn the_deadline_bounds_all_attempts() {
    let (fake, builder) = Fake::serve(|_| Answer::Hang).await;
    let client = builder
        .timeout(Duration::from_millis(30))
        .deadline(Duration::from_millis(200))
        .retries(fast_retries().max_attempts(u32::MAX))
        .connect()
        .await
        .unwrap();
    let started = Instant::now();

    let error = client.record_usage(usage()).await.unwrap_err();

    assert_eq!(error.code(), Some(Code::DeadlineExceeded));
    assert!(started.elapsed() < Duration::from_secs(5));
    let attempts = fake.attempts().len();
    assert!((2..=7).contains(&attempts), "{attempts} attempts");
}

#[tokio::test]
async fn a_read_is_repeated_when_unavailable_but_not_when_it_takes_too_long() {
    let (fake, builder) = Fake::serve(|attempt| match attempt {
        1 => Answer::Fail(Status::unavailable("down")),
        2 => recorded(),
        _ => Answer::Fail(Status::deadline_exceeded("slow")),
    })
    .await;
    let client = builder.retries(fast_retries()).connect().await.unwrap();

    let request = GetUsageRecordRequest {
        user_id: "user-1".to_owned(),
        id: "record-1".to_owned(),
    };
    client.get_usage_record(request.clone()).await.unwrap();
    assert_eq!(fake.attempts().len(), 2);

    let read = client.get_usage_record(request).await;
    assert_eq!(read.unwrap_err().code(), Some(Code::DeadlineExceeded));
    assert_eq!(fake.attempts().len(), 3);
}

#[tokio::test]
async fn each_attempt_tells_the_service_its_timeout() {
    let (fake, builder) = Fake::serve(|_| recorded()).await;
    let client = builder.timeout(Duration::from_secs(7)).connect().await;
    client.unwrap().record_usage(usage()).await.unwrap();
    assert_eq!(fake.header("grpc-timeout"), "7000000u");
}

#[tokio::test]
async fn the_token_is_sent_and_never_shown() {
    let (fake, builder) = Fake::serve(|_| recorded()).await;
    let builder = builder.token("s3cret");
    let shown = format!("{builder:?}");
    let client = builder.connect().await.unwrap();
    client.record_usage(usage()).await.unwrap();

    assert_eq!(fake.header("authorization"), "Bearer s3cret");
    let shown = format!("{shown} {client:?} {:?}", client.raw());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[rstest]
#[case("0.000000000000001")]
#[case("1234567890.123456789012345")]
#[case("45.50")]
#[tokio::test]
async fn amounts_arrive_to_the_last_digit(#[case] digits: &'static str) {
    let (_fake, builder) =
        Fake::serve(move |_| Answer::Record(Box::new(record("record-1", digits)))).await;
    let client = builder.connect().await.unwrap();
    let answer = client.record_usage(usage()).await.unwrap();
    let cost = answer.record.unwrap().final_cost.decimal().unwrap();
    assert_eq!(cost.to_string(), digits);
}

#[tokio::test]
async fn a_malformed_amount_is_an_error_to_who_reads_it_and_no_zero() {
    let (fake, builder) =
        Fake::serve(|_| Answer::Record(Box::new(record("record-1", "1,50")))).await;
    let client = builder.connect().await.unwrap();
    let record = client.record_usage(usage()).await.unwrap().record.unwrap();
    let error = record.cost_usd.decimal().unwrap_err();
    assert_eq!(error, ValueError::NotDecimal("1,50".to_owned()));
    let message = "the answer cannot be read: \"1,50\" is no decimal number";
    assert_eq!(Error::from(error).to_string(), message);
    assert_eq!(fake.attempts().len(), 1);
}

#[tokio::test]
async fn all_violations_are_reported() {
    let (_fake, builder) = Fake::serve(|_| {
        let mut details = details("INVALID_FIELD");
        details.add_bad_request_violation("model", "must not be empty");
        details.add_bad_request_violation("prompt_tokens", "must not be negative");
        Answer::Fail(Status::with_error_details(
            Code::InvalidArgument,
            "two fields",
            details,
        ))
    })
    .await;
    let client = builder.connect().await.unwrap();
    let Error::Api { violations, .. } = client.record_usage(usage()).await.unwrap_err() else {
        panic!("not an answer of the service");
    };
    let violation = |field: &str, description: &str| FieldViolation {
        field: field.into(),
        description: description.into(),
    };
    let expected = [
        violation("model", "must not be empty"),
        violation("prompt_tokens", "must not be negative"),
    ];
    assert_eq!(violations, expected);
}

/// Takes connections and drops each once it has begun to be used; tells how many there were.
async fn hang_up() -> (BillingClient, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let dropped = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&dropped);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            connection.read_exact(&mut [0; 24]).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let client = BillingClient::builder(endpoint).retries(fast_retries());
    (client.connect_lazy().unwrap(), dropped)
}

#[tokio::test]
async fn a_lost_connection_is_repeated_and_reported_as_transport() {
    let (client, dropped) = hang_up().await;

    let error = client.record_usage(usage()).await.unwrap_err();

    assert!(
        matches!(error, Error::Transport { sent: true, .. }),
        "{error:?}"
    );
    assert!(error.is_retryable());
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
}

#[rstest]
#[case::known_again("once", 4)]
#[case::perhaps_done_already("", 1)]
#[tokio::test]
async fn what_may_be_done_already_is_repeated_only_with_a_request_id(
    #[case] request_id: &str,
    #[case] attempts: usize,
) {
    let (client, dropped) = hang_up().await;
    let request = ApplyCouponRequest {
        request_id: request_id.to_owned(),
        ..ApplyCouponRequest::default()
    };
    client.apply_coupon(request).await.unwrap_err();
    assert_eq!(dropped.swap(0, Ordering::Relaxed), attempts);
    let request = CreateCreditNoteRequest {
        request_id: request_id.to_owned(),
        ..CreateCreditNoteRequest::default()
    };
    client.create_credit_note(request).await.unwrap_err();
    assert_eq!(dropped.load(Ordering::Relaxed), attempts);
}

#[tokio::test]
async fn a_request_that_never_left_is_known_not_to_have_arrived() {
    let client = BillingClient::builder("http://127.0.0.1:1")
        .retries(RetryPolicy::never())
        .connect_lazy()
        .unwrap();
    let error = client.record_usage(usage()).await.unwrap_err();
    assert!(
        matches!(error, Error::Transport { sent: false, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_stream_follows_all_pages() {
    let (_fake, builder) = Fake::serve(|_| Answer::Hang).await;
    let client = builder.connect().await.unwrap();
    let list = ListUsageRecordsRequest {
        model: "gpt-4".to_owned(),
        ..ListUsageRecordsRequest::default()
    };
    let page = client.list_usage_records(list.clone()).await.unwrap();
    assert_eq!(page.next_page_token, "2");

    // Spawned, because callers need the stream to be Send.
    let all = tokio::spawn(client.all(list).try_collect::<Vec<_>>());
    let ids: Vec<_> = all.await.unwrap().unwrap();
    let ids: Vec<_> = ids.into_iter().map(|record| record.id).collect();
    assert_eq!(ids, ["record-1", "record-2", "record-3"]);
}

#[rstest]
#[case::not_a_url("not a url", None, "endpoint is not a URL")]
#[case::authority_without_tls("http://localhost", Some(""), "tls_ca needs an https endpoint")]
#[tokio::test]
async fn unusable_settings_are_refused(
    #[case] endpoint: &str,
    #[case] tls_ca: Option<&str>,
    #[case] expected: &str,
) {
    let mut builder = BillingClient::builder(endpoint);
    if let Some(pem) = tls_ca {
        builder = builder.tls_ca(pem);
    }
    let error = builder.connect_lazy().unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_token_that_no_header_carries_is_refused_without_being_shown() {
    let builder = BillingClient::builder("http://localhost").token("s3cret\n");
    let error = builder.connect_lazy().unwrap_err();
    assert_eq!(
        error.to_string(),
        "token has a character that no header carries"
    );
}
