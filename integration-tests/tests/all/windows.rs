//! Records on both sides of the ends of windows, periods and months.

use billing_proto::v1::{
    BillingCycle, CancelSubscriptionRequest, GetSubscriptionRequest, ListSubscriptionsRequest,
    ListUsageRecordsRequest, RecordUsageRequest, SubscribeRequest, Subscription,
    SubscriptionStatus, UsageOutcome, UsageRecord,
};
use futures_util::stream;
use integration_tests::{Backend, TestServer, on_both_databases};
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use crate::{
    support::{advance, operator, set_price},
    wire::Wire,
};

on_both_databases!(
    a_stream_across_the_ends_of_windows_and_months_counts_where_it_belongs,
    periods_keep_their_anchor_day_over_a_downtime,
    a_year_has_monthly_windows_on_the_anchor_day,
    a_subscription_that_ends_during_a_downtime_has_expired_on_time,
);

const USERS: [&str; 2] = ["renews", "ends"];
const PLAN: &str = r#"{"id":"plan-small","name":"Small","monthly_quota":1000,
    "monthly_price":5,"extra_token_price":0.001}"#;

/// A model of 1 USD per 1,000 tokens, and a plan of 1,000 tokens whose extra tokens cost as much.
async fn set_up(server: &TestServer) -> Wire {
    let rest = operator(server).await;
    set_price(&rest, "m", "1", "1").await;
    let plan = rest.post("/v1/billing/plans", PLAN).await;
    assert_eq!(plan.status, 200, "{}", plan.body);
    Wire::operator(server).await
}

async fn subscribe(wire: &mut Wire, user: &str, cycle: BillingCycle) -> Subscription {
    let request = SubscribeRequest {
        user_id: user.to_owned(),
        plan_id: "plan-small".to_owned(),
        billing_cycle: cycle.into(),
        ..SubscribeRequest::default()
    };
    let answer = wire.subscriptions.subscribe(request).await;
    answer.unwrap().into_inner()
}

async fn end_with_period(wire: &mut Wire, user: &str) {
    let request = CancelSubscriptionRequest {
        user_id: user.to_owned(),
        at_period_end: true,
    };
    wire.subscriptions
        .cancel_subscription(request)
        .await
        .unwrap();
}

async fn live(wire: &mut Wire, user: &str) -> Subscription {
    let user_id = user.to_owned();
    let request = GetSubscriptionRequest { user_id };
    let answer = wire.subscriptions.get_subscription(request).await;
    answer.unwrap().into_inner()
}

/// The subscription that was made last, ended or not.
async fn latest(wire: &mut Wire, user: &str) -> Subscription {
    let request = ListSubscriptionsRequest {
        user_id: user.to_owned(),
        ..ListSubscriptionsRequest::default()
    };
    let listed = wire.subscriptions.list_subscriptions(request).await;
    listed.unwrap().into_inner().subscriptions.remove(0)
}

fn usage(user: &str, request: &str, tokens: i64) -> RecordUsageRequest {
    RecordUsageRequest {
        user_id: user.to_owned(),
        request_id: request.to_owned(),
        model: "m".to_owned(),
        prompt_tokens: tokens,
        ..RecordUsageRequest::default()
    }
}

async fn send(wire: &mut Wire, request: RecordUsageRequest) -> UsageRecord {
    let answer = wire.usage.record_usage(request).await.unwrap();
    answer.into_inner().record.unwrap()
}

/// Records tokens that are used now.
async fn record(wire: &mut Wire, user: &str, request: &str, tokens: i64) -> UsageRecord {
    send(wire, usage(user, request, tokens)).await
}

/// Period, window, and tokens used and left.
fn bounds(subscription: &Subscription) -> ([String; 4], [i64; 2]) {
    let times = [
        subscription.current_period_start,
        subscription.current_period_end,
        subscription.window_start,
        subscription.window_end,
    ];
    let text = |time: Option<prost_types::Timestamp>| time.unwrap_or_default().to_string();
    let tokens = [subscription.tokens_used, subscription.tokens_remaining];
    (times.map(text), tokens)
}

#[track_caller]
fn assert_bounds(subscription: &Subscription, times: [&str; 4], tokens: [i64; 2]) {
    let times = times.map(|day| format!("{day}T10:00:00Z"));
    assert_eq!(bounds(subscription), (times, tokens));
}

/// One record of the stream: the time on the clock, when the call was made, its tokens, its month,
/// and the tokens beyond the quota of whoever is subscribed then.
struct Sent(&'static str, &'static str, i64, &'static str, i64);

const JANUARY: &str = "2025-01";
const FEBRUARY: &str = "2025-02";
/// Both begin on 31 December at ten. Their first window ends on 31 January at ten, the month
/// fourteen hours later; "renews" then has windows, "ends" does not.
const STREAM: [Sent; 12] = [
    Sent(
        "2025-01-31T09:58:00Z",
        "2025-01-31T09:57:59.999999Z",
        700,
        JANUARY,
        0,
    ),
    // Ahead of the clock, so rated as of now.
    Sent(
        "2025-01-31T09:58:00Z",
        "2025-01-31T10:00:00Z",
        200,
        JANUARY,
        0,
    ),
    Sent(
        "2025-01-31T10:00:00Z",
        "2025-01-31T10:00:00Z",
        900,
        JANUARY,
        0,
    ),
    // Late ones take what is left of the window that has ended.
    Sent(
        "2025-01-31T10:00:00Z",
        "2025-01-31T09:59:59.999999Z",
        150,
        JANUARY,
        50,
    ),
    Sent(
        "2025-01-31T10:00:00Z",
        "2025-01-31T10:00:00.000001Z",
        50,
        JANUARY,
        0,
    ),
    Sent(
        "2025-01-31T10:00:00Z",
        "2024-12-31T09:59:59.999999Z",
        10,
        "2024-12",
        0,
    ),
    Sent(
        "2025-01-31T23:59:59.999999Z",
        "2025-02-01T00:00:00Z",
        30,
        JANUARY,
        0,
    ),
    Sent(
        "2025-02-28T10:00:00Z",
        "2025-02-01T00:00:00Z",
        40,
        FEBRUARY,
        20,
    ),
    Sent(
        "2025-02-28T10:00:00Z",
        "2025-01-31T23:59:59.999999Z",
        5,
        JANUARY,
        5,
    ),
    Sent(
        "2025-02-28T10:00:00Z",
        "2025-02-28T09:59:59.999999Z",
        6,
        FEBRUARY,
        6,
    ),
    Sent(
        "2025-02-28T10:00:00Z",
        "2025-02-28T10:00:00Z",
        1_007,
        FEBRUARY,
        7,
    ),
    Sent(
        "2025-02-28T10:00:00Z",
        "2025-01-31T09:59:59.999999Z",
        8,
        JANUARY,
        8,
    ),
];
const FIRST_WINDOW: [usize; 4] = [0, 1, 3, 11];
const BEFORE: usize = 5;

impl Sent {
    fn request(&self, user: &str, number: usize) -> RecordUsageRequest {
        RecordUsageRequest {
            created_at: Some(self.1.parse().unwrap()),
            ..usage(user, &number.to_string(), self.2)
        }
    }
}

/// Sends the records of both users through one stream that stays open while the clock moves.
async fn stream(server: &TestServer, wire: &mut Wire) {
    let (sender, mut receiver) = mpsc::channel(1);
    let requests = stream::poll_fn(move |context| receiver.poll_recv(context));
    let results = wire.usage.stream_usage(requests).await.unwrap();
    let mut results = results.into_inner();
    let mut clock = "";
    for (number, sent) in STREAM.iter().enumerate() {
        if clock != sent.0 {
            advance(server, sent.0).await;
            clock = sent.0;
        }
        for user in USERS {
            sender.send(sent.request(user, number)).await.unwrap();
            let answer = results.message().await.unwrap().unwrap();
            assert_eq!(answer.results.len(), 1);
            let outcome = answer.results[0].outcome();
            assert_eq!(outcome, UsageOutcome::Recorded, "{answer:?}");
        }
    }
    drop(sender);
    assert_eq!(results.message().await.unwrap(), None);
}

/// The first month that is open for what is recorded at a time: a day after the next one began,
/// a month is invoiced.
fn open_month(at: &str) -> &'static str {
    if at < "2025-02-02" { JANUARY } else { FEBRUARY }
}

/// Asserts that a record was counted in the month and window that contain it.
fn assert_counted(record: &UsageRecord, subscription: &str) {
    let number: usize = record.request_id.parse().unwrap();
    let Sent(at, _, tokens, month, overage) = STREAM[number];
    let ends = record.user_id == "ends";
    let subscribed = number != BEFORE && (!ends || FIRST_WINDOW.contains(&number));
    let overage = if subscribed { overage } else { 0 };
    let owed = if subscribed { overage } else { tokens };
    let expected = (
        month,
        month.max(open_month(at)),
        if subscribed { subscription } else { "" },
        overage,
    );
    let got = (
        record.billing_month.as_str(),
        record.invoice_month.as_str(),
        record.subscription_id.as_str(),
        record.overage_tokens,
    );
    assert_eq!(got, expected, "{record:?}");
    let final_cost: Decimal = record.final_cost.as_ref().unwrap().value.parse().unwrap();
    assert_eq!(final_cost, Decimal::new(owed, 3), "{record:?}");
}

async fn a_stream_across_the_ends_of_windows_and_months_counts_where_it_belongs(backend: Backend) {
    let server = TestServer::builder(backend).clock("2024-12-31T10:00:00Z");
    let server = server.start().await;
    let mut wire = set_up(&server).await;
    let mut ids = Vec::new();
    for user in USERS {
        ids.push(subscribe(&mut wire, user, BillingCycle::Monthly).await.id);
    }
    end_with_period(&mut wire, "ends").await;
    stream(&server, &mut wire).await;

    for (user, id) in USERS.iter().zip(&ids) {
        let request = ListUsageRecordsRequest {
            user_id: (*user).to_owned(),
            ..ListUsageRecordsRequest::default()
        };
        let listed = wire.usage.list_usage_records(request).await.unwrap();
        let records = listed.into_inner().records;
        assert_eq!(records.len(), STREAM.len());
        for record in &records {
            assert_counted(record, id);
        }
    }
    let days = ["2025-02-28", "2025-03-31", "2025-02-28", "2025-03-31"];
    assert_bounds(&live(&mut wire, "renews").await, days, [1_007, 0]);
    assert_eq!(
        latest(&mut wire, "ends").await.status(),
        SubscriptionStatus::Expired
    );
}

/// Stops the server and starts another on its database, later. The old one keeps the files.
async fn after_a_downtime(server: &mut TestServer, backend: Backend, clock: &str) -> TestServer {
    server.terminate().await;
    let later = TestServer::builder(backend).clock(clock);
    later.database_url(server.database_url()).start().await
}

async fn periods_keep_their_anchor_day_over_a_downtime(backend: Backend) {
    let mut server = TestServer::builder(backend)
        .clock("2024-01-31T10:00:00Z")
        .start()
        .await;
    let mut wire = set_up(&server).await;
    subscribe(&mut wire, "alice", BillingCycle::Monthly).await;
    record(&mut wire, "alice", "before", 400).await;
    let days = ["2024-01-31", "2024-02-29", "2024-01-31", "2024-02-29"];
    assert_bounds(&live(&mut wire, "alice").await, days, [400, 600]);

    let later = after_a_downtime(&mut server, backend, "2024-07-01T00:00:00Z").await;
    let mut wire = Wire::operator(&later).await;
    // The usage transaction is the first to notice what has ended meanwhile.
    assert_eq!(
        record(&mut wire, "alice", "after", 1_001)
            .await
            .overage_tokens,
        1
    );
    let days = ["2024-06-30", "2024-07-31", "2024-06-30", "2024-07-31"];
    assert_bounds(&live(&mut wire, "alice").await, days, [1_001, 0]);
    // Each window in between has its own quota, and the first still has what was left.
    for (at, tokens, overage) in [
        ("2024-02-29T09:59:59.999999Z", 601, 1),
        ("2024-02-29T10:00:00Z", 1_002, 2),
        ("2024-03-31T10:00:00Z", 1_000, 0),
        ("2024-04-30T09:59:59.999999Z", 3, 3),
        ("2024-04-30T10:00:00Z", 1_000, 0),
        ("2024-06-30T09:59:59.999999Z", 1_000, 0),
    ] {
        let late = RecordUsageRequest {
            created_at: Some(at.parse().unwrap()),
            ..usage("alice", at, tokens)
        };
        assert_eq!(send(&mut wire, late).await.overage_tokens, overage, "{at}");
    }
    for (to, start, end) in [
        ("2025-02-28T09:59:59.999999Z", "2025-01-31", "2025-02-28"),
        ("2025-02-28T10:00:00Z", "2025-02-28", "2025-03-31"),
        ("2025-03-31T10:00:00Z", "2025-03-31", "2025-04-30"),
    ] {
        advance(&later, to).await;
        let days = [start, end, start, end];
        assert_bounds(&live(&mut wire, "alice").await, days, [0, 1_000]);
    }
}

async fn a_year_has_monthly_windows_on_the_anchor_day(backend: Backend) {
    let server = TestServer::builder(backend)
        .clock("2024-02-29T10:00:00Z")
        .start()
        .await;
    let mut wire = set_up(&server).await;
    subscribe(&mut wire, "alice", BillingCycle::Yearly).await;
    for (to, period, window) in [
        (
            "2024-03-29T09:59:59Z",
            ["2024-02-29", "2025-02-28"],
            ["2024-02-29", "2024-03-29"],
        ),
        (
            "2024-08-01T00:00:00Z",
            ["2024-02-29", "2025-02-28"],
            ["2024-07-29", "2024-08-29"],
        ),
        (
            "2025-02-28T10:00:00Z",
            ["2025-02-28", "2026-02-28"],
            ["2025-02-28", "2025-03-29"],
        ),
        (
            "2028-02-29T10:00:00Z",
            ["2028-02-29", "2029-02-28"],
            ["2028-02-29", "2028-03-29"],
        ),
    ] {
        advance(&server, to).await;
        let days = [period[0], period[1], window[0], window[1]];
        assert_bounds(&live(&mut wire, "alice").await, days, [0, 1_000]);
        record(&mut wire, "alice", to, 10).await;
    }
}

async fn a_subscription_that_ends_during_a_downtime_has_expired_on_time(backend: Backend) {
    let mut server = TestServer::builder(backend)
        .clock("2024-01-31T10:00:00Z")
        .start()
        .await;
    let mut wire = set_up(&server).await;
    let id = subscribe(&mut wire, "alice", BillingCycle::Monthly)
        .await
        .id;
    end_with_period(&mut wire, "alice").await;

    let later = after_a_downtime(&mut server, backend, "2024-07-01T00:00:00Z").await;
    let mut wire = Wire::operator(&later).await;
    assert_eq!(
        record(&mut wire, "alice", "after", 7).await.subscription_id,
        ""
    );
    let late = RecordUsageRequest {
        created_at: Some("2024-02-29T09:59:59.999999Z".parse().unwrap()),
        ..usage("alice", "late", 1_001)
    };
    let late = send(&mut wire, late).await;
    assert_eq!((late.subscription_id, late.overage_tokens), (id, 1));
    let expired = latest(&mut wire, "alice").await;
    assert_eq!(expired.status(), SubscriptionStatus::Expired);
    let end = expired.current_period_end.unwrap();
    assert_eq!(end.to_string(), "2024-02-29T10:00:00Z");
}

/// One server's clock runs behind, so it still rates in the window that the other has archived.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_count_in_the_same_windows_whichever_rolls_them_over() {
    let backend = Backend::Postgres;
    let one = TestServer::builder(backend)
        .clock("2024-01-31T10:00:00Z")
        .start()
        .await;
    let other = TestServer::builder(backend).clock("2024-01-31T10:00:00Z");
    let other = other.database_url(one.database_url()).start().await;
    let (mut a, mut b) = (set_up(&one).await, Wire::operator(&other).await);
    let id = subscribe(&mut a, "alice", BillingCycle::Monthly).await.id;
    assert_eq!(live(&mut b, "alice").await.id, id);

    advance(&one, "2024-02-29T10:00:00Z").await;
    advance(&other, "2024-02-29T09:59:59.999999Z").await;
    for round in 0..10 {
        let names = [format!("new-{round}"), format!("old-{round}")];
        let in_new = record(&mut a, "alice", &names[0], 101);
        let in_old = record(&mut b, "alice", &names[1], 102);
        let (in_new, in_old) = tokio::join!(in_new, in_old);
        // The tenth is the first that the window does not hold.
        let overage = if round == 9 { [10, 20] } else { [0, 0] };
        assert_eq!([in_new.overage_tokens, in_old.overage_tokens], overage);
    }
    let days = ["2024-02-29", "2024-03-31", "2024-02-29", "2024-03-31"];
    assert_bounds(&live(&mut a, "alice").await, days, [1_010, 0]);
    advance(&other, "2024-02-29T10:00:00Z").await;
    assert_bounds(&live(&mut b, "alice").await, days, [1_010, 0]);
    assert_eq!(record(&mut b, "alice", "last", 5).await.overage_tokens, 5);
}
