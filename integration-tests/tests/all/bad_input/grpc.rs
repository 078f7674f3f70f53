//! Bad input over gRPC.

use billing_proto::{
    google::r#type::Decimal,
    v1::{
        AdvanceClockRequest, CalculateCostRequest, GetModelPriceRequest, GetMonthlyReportRequest,
        GetStatsRequest, GetUsageRecordRequest, ImportModelPricesRequest, ListModelPricesRequest,
        ListUsageRecordsRequest, RecordUsageRequest, SetModelPriceRequest,
        debug_service_client::DebugServiceClient, pricing_service_client::PricingServiceClient,
        report_service_client::ReportServiceClient, stats_service_client::StatsServiceClient,
        usage_service_client::UsageServiceClient,
    },
};
use integration_tests::{Backend, TestServer, on_both_databases, server::bearer};
use prost_types::Timestamp;
use tonic::{
    Code, Request, Response, Status,
    codec::CompressionEncoding,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::support::{EVERYTHING, operator, refusal, set_price};

on_both_databases!(
    a_faulty_model_call_is_refused,
    a_faulty_price_is_refused,
    every_other_call_names_its_faults,
    a_message_beyond_the_limit_is_refused,
    a_message_may_be_packed_by_gzip_within_the_limit,
    what_is_no_message_is_refused_with_a_reason,
);

async fn connect(
    server: &TestServer,
) -> InterceptedService<Channel, impl Interceptor + Clone + use<>> {
    let token = server.token("operator", EVERYTHING).await;
    InterceptedService::new(server.channel().await, bearer(&token))
}

async fn start(backend: Backend) -> TestServer {
    let server = TestServer::builder(backend)
        .clock("2024-11-15T10:30:00Z")
        .flag("--max-message-bytes", "65536")
        .start()
        .await;
    set_price(&operator(&server).await, "m", "1", "1").await;
    server
}

/// A call without fault.
fn usage() -> RecordUsageRequest {
    RecordUsageRequest {
        user_id: "alice".to_owned(),
        request_id: "r".to_owned(),
        model: "m".to_owned(),
        prompt_tokens: 1,
        completion_tokens: 1,
        ..RecordUsageRequest::default()
    }
}

fn time(seconds: i64, nanos: i32) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos })
}

/// Asserts that a call was refused as INVALID_FIELD, naming exactly these fields.
#[track_caller]
fn assert_invalid<T>(answer: Result<Response<T>, Status>, fields: &[&str]) {
    let status = answer.err().expect("the call is refused");
    let (code, reason, named) = refusal(&status);
    assert_eq!(
        (code, reason.as_str()),
        (Code::InvalidArgument, "INVALID_FIELD"),
        "{status:?}"
    );
    assert_eq!(named, fields, "{status:?}");
    assert!(!status.message().ends_with('.'), "{status:?}");
}

type Change = fn(&mut RecordUsageRequest);

const FAULTS: [(Change, &[&str]); 20] = [
    (|call| call.user_id = "x".repeat(129), &["user_id"]),
    (|call| call.user_id = "a\nb".to_owned(), &["user_id"]),
    (|call| call.request_id = String::new(), &["request_id"]),
    (|call| call.request_id = "x".repeat(10_000), &["request_id"]),
    (|call| call.model = String::new(), &["model"]),
    (|call| call.model = " m".to_owned(), &["model"]),
    (|call| call.provider = "a\0".to_owned(), &["provider"]),
    (|call| call.prompt_tokens = -1, &["prompt_tokens"]),
    (|call| call.prompt_tokens = i64::MIN, &["prompt_tokens"]),
    (
        |call| call.completion_tokens = i64::MAX,
        &["completion_tokens"],
    ),
    (
        |call| call.cached_prompt_tokens = 2,
        &["cached_prompt_tokens"],
    ),
    (
        |call| call.cache_write_tokens = i64::MAX,
        &["cache_write_tokens"],
    ),
    (|call| call.reasoning_tokens = 2, &["reasoning_tokens"]),
    (|call| call.total_tokens = Some(0), &["total_tokens"]),
    (
        |call| call.created_at = time(946_684_799, 999_999_999),
        &["created_at"],
    ),
    (
        |call| call.created_at = time(1_731_666_900, 1_000),
        &["created_at"],
    ),
    (|call| call.created_at = time(i64::MAX, 0), &["created_at"]),
    (
        |call| call.created_at = time(1_731_666_600, -1),
        &["created_at"],
    ),
    (
        |call| call.created_at = time(1_731_666_600, 1_000_000_000),
        &["created_at"],
    ),
    (
        |call| {
            *call = RecordUsageRequest {
                prompt_tokens: -1,
                ..RecordUsageRequest::default()
            }
        },
        &["prompt_tokens", "request_id", "model"],
    ),
];

async fn a_faulty_model_call_is_refused(backend: Backend) {
    let server = start(backend).await;
    let mut client = UsageServiceClient::new(connect(&server).await);
    for (change, fields) in FAULTS {
        let mut faulty = usage();
        change(&mut faulty);
        assert_invalid(client.record_usage(faulty.clone()).await, fields);
        if fields.contains(&"request_id") || fields.contains(&"total_tokens") {
            continue;
        }
        let question = CalculateCostRequest {
            user_id: faulty.user_id,
            model: faulty.model,
            provider: faulty.provider,
            prompt_tokens: faulty.prompt_tokens,
            completion_tokens: faulty.completion_tokens,
            cached_prompt_tokens: faulty.cached_prompt_tokens,
            cache_write_tokens: faulty.cache_write_tokens,
            reasoning_tokens: faulty.reasoning_tokens,
            created_at: faulty.created_at,
        };
        assert_invalid(client.calculate_cost(question).await, fields);
    }
    let unknown = RecordUsageRequest {
        model: "M".to_owned(),
        ..usage()
    };
    let status = client.record_usage(unknown).await.unwrap_err();
    let expected = (Code::NotFound, "MODEL_NOT_FOUND".to_owned(), Vec::new());
    assert_eq!(refusal(&status), expected);

    let list = ListUsageRecordsRequest {
        user_id: "alice".to_owned(),
        ..Default::default()
    };
    let listed = client.list_usage_records(list).await.unwrap().into_inner();
    assert_eq!(listed.records, []);
    // What was refused left the request id free.
    assert!(
        !client
            .record_usage(usage())
            .await
            .unwrap()
            .into_inner()
            .duplicate
    );
}

fn price(prompt: &str) -> SetModelPriceRequest {
    let decimal = |value: &str| {
        Some(Decimal {
            value: value.to_owned(),
        })
    };
    SetModelPriceRequest {
        model_id: "new".to_owned(),
        prompt_price_per_k: decimal(prompt),
        completion_price_per_k: decimal("1"),
        ..SetModelPriceRequest::default()
    }
}

async fn a_faulty_price_is_refused(backend: Backend) {
    let server = start(backend).await;
    let mut prices = PricingServiceClient::new(connect(&server).await);
    for wrong in [
        "",
        "x",
        "-1",
        "1.0000000000001",
        "10000.01",
        "1,5",
        " 1",
        "NaN",
        "0x1",
    ] {
        let answer = prices.set_model_price(price(wrong)).await;
        assert_invalid(answer, &["prompt_price_per_k"]);
    }
    let empty = SetModelPriceRequest::default();
    let all = ["model_id", "prompt_price_per_k", "completion_price_per_k"];
    assert_invalid(prices.set_model_price(empty).await, &all);
    let import = ImportModelPricesRequest::default();
    assert_invalid(prices.import_model_prices(import).await, &["prices"]);
    let many = ImportModelPricesRequest {
        prices: vec![SetModelPriceRequest::default(); 10_001],
    };
    assert_invalid(prices.import_model_prices(many).await, &["prices"]);
    let page = ListModelPricesRequest {
        page_size: -1,
        page_token: "x".to_owned(),
    };
    assert_invalid(
        prices.list_model_prices(page).await,
        &["page_size", "page_token"],
    );
    let one = GetModelPriceRequest {
        model_id: "\n".to_owned(),
        at: time(0, -1),
    };
    assert_invalid(prices.get_model_price(one).await, &["model_id", "at"]);
    let listed = prices
        .list_model_prices(ListModelPricesRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.into_inner().prices.len(), 1);
}

async fn every_other_call_names_its_faults(backend: Backend) {
    let server = start(backend).await;
    let raw = connect(&server).await;
    let mut usage = UsageServiceClient::new(raw.clone());
    let one = GetUsageRecordRequest {
        user_id: " ".to_owned(),
        id: String::new(),
    };
    assert_invalid(usage.get_usage_record(one).await, &["user_id", "id"]);
    let list = ListUsageRecordsRequest {
        billing_month: "x".to_owned(),
        end_time: time(i64::MIN, 0),
        request_id: "\t".to_owned(),
        page_size: i32::MIN,
        ..ListUsageRecordsRequest::default()
    };
    let fields = ["page_size", "billing_month", "end_time", "request_id"];
    assert_invalid(usage.list_usage_records(list).await, &fields);

    let mut stats = StatsServiceClient::new(raw.clone());
    let user_id = "x".repeat(10_000);
    assert_invalid(
        stats.get_stats(GetStatsRequest { user_id }).await,
        &["user_id"],
    );
    let mut reports = ReportServiceClient::new(raw.clone());
    let month = "2024-13".to_owned();
    let report = reports.get_monthly_report(GetMonthlyReportRequest { month });
    assert_invalid(report.await, &["month"]);
    let mut debug = DebugServiceClient::new(raw);
    for to in [None, time(1_731_666_599, 0), time(i64::MAX, 0)] {
        assert_invalid(
            debug.advance_clock(AdvanceClockRequest { to }).await,
            &["to"],
        );
    }
}

async fn a_message_beyond_the_limit_is_refused(backend: Backend) {
    let server = start(backend).await;
    let mut client = UsageServiceClient::new(connect(&server).await);
    let large = RecordUsageRequest {
        provider: "x".repeat(70_000),
        ..usage()
    };
    let status = client.record_usage(Request::new(large)).await.unwrap_err();
    let expected = (Code::OutOfRange, "BODY_TOO_LARGE".to_owned(), Vec::new());
    assert_eq!(refusal(&status), expected);
    assert!(
        !client
            .record_usage(usage())
            .await
            .unwrap()
            .into_inner()
            .duplicate
    );
}

async fn a_message_may_be_packed_by_gzip_within_the_limit(backend: Backend) {
    let server = start(backend).await;
    let client = UsageServiceClient::new(connect(&server).await);
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    let recorded = client.record_usage(usage()).await.unwrap().into_inner();
    assert!(!recorded.duplicate);
    let bomb = RecordUsageRequest {
        provider: "x".repeat(10_000_000),
        ..usage()
    };
    let status = client.record_usage(bomb).await.unwrap_err();
    let expected = (Code::OutOfRange, "BODY_TOO_LARGE".to_owned(), Vec::new());
    assert_eq!(refusal(&status), expected);
}

async fn what_is_no_message_is_refused_with_a_reason(backend: Backend) {
    let server = start(backend).await;
    let rest = operator(&server).await;
    let frame = |flag: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[flag], length.as_slice(), body].concat()
    };
    for (path, body, code, reason) in [
        (
            "UsageService/RecordUsage",
            frame(0, b"nonsense"),
            "3",
            "INVALID_FIELD",
        ),
        (
            "UsageService/RecordUsage",
            frame(7, b""),
            "3",
            "INVALID_FIELD",
        ),
        (
            "UsageService/RecordUsage",
            frame(1, b""),
            "3",
            "INVALID_FIELD",
        ),
        (
            "UsageService/RecordUsage",
            b"\0\0\0\0\x09cut".to_vec(),
            "3",
            "INVALID_FIELD",
        ),
        ("UsageService/RecordUsage", Vec::new(), "3", "INVALID_FIELD"),
        (
            "UsageService/Nonsense",
            frame(0, b""),
            "12",
            "ROUTE_NOT_FOUND",
        ),
        ("NoService/Nonsense", frame(0, b""), "12", "ROUTE_NOT_FOUND"),
    ] {
        let path = format!("/billing.v1.{path}");
        let request = rest.request(reqwest::Method::POST, &path);
        let request = request.header("content-type", "application/grpc");
        let answer = request.body(body).send().await.unwrap();
        let status = Status::from_header_map(answer.headers()).expect("the status is told");
        assert_eq!(answer.headers()["grpc-status"], code, "{path}: {status:?}");
        assert_eq!(refusal(&status).1, reason, "{status:?}");
    }
}
