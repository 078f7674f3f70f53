//! The month end of many users: killed in the middle, made again, by two servers at once, while
//! their usage goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use billing_client::{
    Answers, BillingClient, Error, Usage, timestamp,
    v1::{
        CloseMonthRequest, CloseMonthResponse, InvoiceStatus, InvoiceSummary, ListInvoicesRequest,
        ReconcileMonthRequest, ReconcileMonthResponse, SubscribeRequest, VoidInvoiceRequest,
    },
};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use integration_tests::{Backend, TestServer, on_both_databases};
use rust_decimal::Decimal;
use tokio::{task::JoinHandle, time::timeout};

use crate::{load, support::advance};

on_both_databases!(a_month_end_that_is_killed_in_the_middle_invoices_every_user_once);

/// How many users there are; more of them when run by hand.
const USERS: &str = "BILLING_MONTH_END_USERS";
const FEW_USERS: usize = 400;
/// The month that is closed, and the one that runs.
const OCTOBER: &str = "2026-10";
const NOVEMBER: &str = "2026-11";
/// Records of each user in October before its end.
const RECORDS: usize = 2;
const BATCH: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(600);

async fn a_month_end_that_is_killed_in_the_middle_invoices_every_user_once(backend: Backend) {
    let users = std::env::var(USERS).map_or(FEW_USERS, |number| number.parse().unwrap());
    let mut first = load::server(backend).start().await;
    let client = load::client(&first).await;
    load::set_price(&client).await;
    record_october(&client, users).await;

    let done = kill_in_the_middle(&mut first, &client, users).await;
    assert!((1..count(users)).contains(&done), "{done} were done");
    first.restart().await;
    let client = load::client(&first).await;
    let found = reconcile(&client, OCTOBER).await;
    assert!(found.differences.is_empty(), "{found:?}");
    assert!(found.invoices >= done, "acknowledged invoices are lost");
    assert_eq!(found.invoices + found.open_users, count(users));

    let second = match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some(other_server(&first).await),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let late = keep_recording(client.clone(), users, Arc::clone(&stop));
    let mut closing = vec![close(client.clone()), close(client.clone())];
    if let Some(second) = &second {
        closing.push(close(load::client(second).await));
    }
    let begun = Instant::now();
    let closed = timeout(PATIENCE, try_join_all(closing)).await.unwrap();
    let elapsed = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let late = late.await.unwrap();
    assert!(closed.unwrap().iter().all(|failed| *failed == 0));
    println!(
        "{backend:?}: {} invoices in {elapsed:?}, {late} records meanwhile",
        found.open_users
    );

    let october = reconcile(&client, OCTOBER).await;
    assert!(october.differences.is_empty(), "{october:?}");
    assert_eq!((october.invoices, october.open_users), (count(users), 0));
    again_after_voids(&client, users).await;
    // What came too late for October is on November's invoices.
    advance(&first, "2026-12-02T12:00:00Z").await;
    let november = reconcile(&client, NOVEMBER).await;
    assert!(november.differences.is_empty(), "{november:?}");
    assert_eq!(november.open_users, 0);
    let recorded = count(users * RECORDS) + late;
    assert_eq!(october.records + november.records, recorded);
}

/// Voids a tenth of October's invoices and closes it once more: all who count them agree.
async fn again_after_voids(client: &BillingClient, users: usize) {
    let before = listed(client, InvoiceStatus::Issued).await;
    let voided = before.iter().step_by(10).map(|invoice| {
        client.void_invoice(VoidInvoiceRequest {
            user_id: invoice.user_id.clone(),
            id: invoice.id.clone(),
            reason: "to be made again".to_owned(),
            write_off: false,
        })
    });
    let voided: Vec<_> = stream::iter(voided)
        .buffer_unordered(8)
        .try_collect()
        .await
        .unwrap();
    let voided = count(voided.len());
    assert_eq!(voided, count(users.div_ceil(10)));
    let open = reconcile(client, OCTOBER).await;
    let standing = (open.invoices, open.open_users);
    assert_eq!(standing, (count(users) - voided, voided));
    let told = close_october(client).await.unwrap();
    let told: Vec<_> = told.try_collect().await.unwrap();
    let last = told.last().unwrap();
    let all = count(users);
    assert_eq!((last.done, last.total, last.failed), (all, all, 0));
    let found = reconcile(client, OCTOBER).await;
    assert!(found.differences.is_empty(), "{found:?}");
    assert_eq!((found.invoices, found.open_users), (count(users), 0));
    let sum = |invoices: &[InvoiceSummary]| -> Decimal {
        let amounts = invoices.iter().map(|i| i.final_amount.as_ref().unwrap());
        amounts.map(|amount| amount.decimal().unwrap()).sum()
    };
    let after = listed(client, InvoiceStatus::Issued).await;
    assert_eq!((after.len(), sum(&after)), (users, sum(&before)));
    let void = listed(client, InvoiceStatus::Void).await;
    assert_eq!(count(void.len()), voided);
}

/// All invoices of October with a status.
async fn listed(client: &BillingClient, status: InvoiceStatus) -> Vec<InvoiceSummary> {
    let mut all = Vec::new();
    for page in 1.. {
        let request = ListInvoicesRequest {
            user_id: "-".to_owned(),
            billing_month: OCTOBER.to_owned(),
            status: status.into(),
            page: Some(page),
            page_size: 100,
            ..ListInvoicesRequest::default()
        };
        let listed = client.list_invoices(request).await.unwrap();
        all.extend(listed.invoices);
        if count(all.len()) == listed.total {
            break;
        }
    }
    all
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

fn in_october() -> DateTime<Utc> {
    "2026-10-20T00:00:00Z".parse().unwrap()
}

fn october_call(user: usize, request: String) -> Usage {
    Usage::new(format!("user-{user}"), request, load::MODEL)
        .prompt_tokens(1_000)
        .completion_tokens(7)
        .created_at(in_october())
}

/// Records of every user, and a plan with its fee for every tenth.
async fn record_october(client: &BillingClient, users: usize) {
    let calls = (0..users * RECORDS)
        .map(|number| october_call(number % users, format!("call-{number}")))
        .collect::<Vec<_>>();
    for batch in calls.chunks(BATCH) {
        let result = client.record_usage_batch(batch.to_vec()).await.unwrap();
        assert_eq!(result.recorded, count(batch.len()));
    }
    let subscribers = stream::iter((0..users).step_by(10)).map(|user| {
        client.subscribe(SubscribeRequest {
            user_id: format!("user-{user}"),
            plan_id: "plan-basic".to_owned(),
            start_time: Some(timestamp(in_october())),
            ..SubscribeRequest::default()
        })
    });
    let subscribed: Vec<_> = subscribers.buffer_unordered(8).try_collect().await.unwrap();
    assert_eq!(subscribed.len(), users.div_ceil(10));
}

/// Closes October and kills the server when a quarter is done: how many users it had told of.
async fn kill_in_the_middle(server: &mut TestServer, client: &BillingClient, users: usize) -> i64 {
    let mut told = close_october(client).await.unwrap();
    while let Some(progress) = told.try_next().await.unwrap() {
        if progress.done * 4 >= count(users) {
            server.kill9().await;
            return progress.done;
        }
    }
    panic!("the month end was over too soon")
}

async fn other_server(first: &TestServer) -> TestServer {
    load::server(Backend::Postgres)
        .database_url(first.database_url())
        .start()
        .await
}

async fn close_october(client: &BillingClient) -> Result<Answers<CloseMonthResponse>, Error> {
    let month = OCTOBER.to_owned();
    client.close_month(CloseMonthRequest { month }).await
}

async fn reconcile(client: &BillingClient, month: &str) -> ReconcileMonthResponse {
    let month = month.to_owned();
    let found = client.reconcile_month(ReconcileMonthRequest { month });
    found.await.unwrap()
}

/// Closes October and answers how many users failed.
async fn close(client: BillingClient) -> Result<i64, Error> {
    let told = close_october(&client).await?;
    let last = told.try_fold(0, |_, progress| async move { Ok(progress.failed) });
    last.await
}

/// Records usage of October for all users in turn until told to stop: how many records.
fn keep_recording(client: BillingClient, users: usize, stop: Arc<AtomicBool>) -> JoinHandle<i64> {
    tokio::spawn(async move {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            // From the last user to the first, against the order of the close.
            let user = users - 1 - number % users;
            let call = october_call(user, format!("late-{number}"));
            client.record_usage(call).await.unwrap();
            number += 1;
        }
        count(number)
    })
}
