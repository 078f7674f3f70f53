//! Two servers that issue, void and credit at once, while the database undoes some of it: whatever
//! happens, numbers have no gap and dates stand in their order.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, future::join, stream};
use integration_tests::{Backend, TestServer, postgres::connect, server::Rest};
use serde_json::{Value, json};

use crate::{
    command_line::said,
    support::{advance, call, operator, record, set_example_prices, with},
};

/// How many users are invoiced; more of them when run by hand.
const USERS: &str = "BILLING_INVOICED_USERS";
const FEW_USERS: usize = 40;
/// How many calls are made at once.
const AT_ONCE: usize = 8;
const NOW: &str = "2024-11-15T10:30:00Z";
/// How far the second server's clock is ahead.
const AHEAD: TimeDelta = TimeDelta::seconds(30);
/// How often the clocks move on by a second.
const TICK: Duration = Duration::from_millis(100);

/// Undoes what is issued to some users, after it has taken its number.
const UNDO: &str = "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN RAISE EXCEPTION 'undone'; END $$; \
    CREATE TRIGGER undo BEFORE INSERT ON invoices FOR EACH ROW \
    WHEN (NEW.user_id LIKE '%7') EXECUTE FUNCTION undo(); \
    CREATE TRIGGER undo BEFORE INSERT ON credit_notes FOR EACH ROW \
    WHEN (NEW.user_id LIKE '%4') EXECUTE FUNCTION undo()";
const UNDO_NO_MORE: &str = "DROP TRIGGER undo ON invoices; DROP TRIGGER undo ON credit_notes";

/// All documents with their dates.
const DOCUMENTS: &str = "SELECT document_number AS number, issued_at AS at FROM invoices \
    WHERE document_number <> '' \
    UNION ALL SELECT document_number, created_at FROM credit_notes \
    UNION ALL SELECT cancellation_number, cancelled_at FROM invoices \
    WHERE cancellation_number IS NOT NULL";

struct Crowd {
    servers: Vec<TestServer>,
    operators: Vec<Rest>,
    users: usize,
}

impl Crowd {
    async fn gather() -> Self {
        let users = std::env::var(USERS).map_or(FEW_USERS, |number| number.parse().unwrap());
        let first = TestServer::builder(Backend::Postgres)
            .clock(NOW)
            .start()
            .await;
        let ahead = (NOW.parse::<DateTime<Utc>>().unwrap() + AHEAD).to_rfc3339();
        let second = TestServer::builder(Backend::Postgres)
            .database_url(first.database_url())
            .clock(&ahead)
            .start()
            .await;
        let operators = vec![operator(&first).await, operator(&second).await];
        set_example_prices(&operators[0]).await;
        let crowd = Self {
            servers: vec![first, second],
            operators,
            users,
        };
        crowd
            .each(|[rest, _], number| async move {
                let usage = call("october", "gpt-4", 100_000, 0);
                let usage = with(usage, "created_at", "2024-10-20T00:00:00Z");
                record(&rest, &with(usage, "user_id", name(number))).await;
            })
            .await;
        crowd
    }

    /// Does something for every user, with a client of each server, the user's own first.
    async fn each<F: Future<Output = ()>>(&self, act: impl Fn([Rest; 2], usize) -> F) {
        let acts = (0..self.users).map(|number| {
            let own = number % 2;
            let clients = [own, 1 - own].map(|server| self.operators[server].clone());
            act(clients, number)
        });
        stream::iter(acts)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
    }

    /// Moves both clocks on, so that dates differ.
    async fn tick(&self) {
        for second in 1.. {
            for (server, ahead) in self.servers.iter().zip([TimeDelta::zero(), AHEAD]) {
                let now = NOW.parse::<DateTime<Utc>>().unwrap() + ahead;
                let to = now + TimeDelta::seconds(second);
                advance(server, &to.to_rfc3339()).await;
            }
            tokio::time::sleep(TICK).await;
        }
    }

    async fn close(&self) -> Option<i32> {
        let close = ["invoices", "close", "--month", "2024-10"];
        said(self.servers[0].cli(&close).await).0
    }
}

fn name(number: usize) -> String {
    format!("user-{number:05}")
}

async fn generate(rest: &Rest, number: usize, keep_draft: bool) -> (u16, Value) {
    let body = json!({
        "user_id": name(number), "billing_month": "2024-10", "keep_draft": keep_draft,
    });
    let answer = rest
        .post("/v1/billing/invoices/generate", &body.to_string())
        .await;
    (answer.status, answer.json())
}

/// What a call about an invoice is answered with.
async fn about(rest: &Rest, number: usize, invoice: &Value, verb: &str, more: Value) -> u16 {
    let id = invoice["id"].as_str().unwrap();
    let body = with(more, "user_id", name(number));
    let path = format!("/v1/billing/invoices/{id}/{verb}");
    rest.post(&path, &body.to_string()).await.status
}

/// Issues a user's invoice, and does with it what the user's number says.
async fn live([rest, other]: [Rest; 2], number: usize) {
    let (status, invoice) = if number.is_multiple_of(5) {
        let both = join(
            generate(&rest, number, false),
            generate(&other, number, false),
        );
        let (first, second) = both.await;
        assert_eq!(first.1["document_number"], second.1["document_number"]);
        first
    } else {
        generate(&rest, number, number % 10 == 9).await
    };
    let is_undone = number % 10 == 7;
    assert_eq!(status, if is_undone { 503 } else { 200 }, "{invoice}");
    let act = async |verb: &str, more: Value| about(&other, number, &invoice, verb, more).await;
    match number % 10 {
        1 => {
            assert_eq!(act("void", json!({})).await, 200);
            assert_eq!(generate(&rest, number, false).await.0, 200);
        }
        2 => assert_eq!(act("credit-notes", json!({"amount": 1})).await, 200),
        3 => assert_eq!(act("credit-notes", json!({"amount": 1_000})).await, 400),
        4 => assert_eq!(act("credit-notes", json!({"amount": 1})).await, 503),
        5 => {
            assert_eq!(act("mark-paid", json!({})).await, 200);
            assert_eq!(act("void", json!({})).await, 400);
        }
        6 => assert_eq!(act("void", json!({"write_off": true})).await, 200),
        8 => assert_eq!(act("void", json!({})).await, 200),
        // The closing may have issued it meanwhile.
        9 => assert!([200, 400, 404].contains(&act("finalise", json!({})).await)),
        _ => {}
    }
}

async fn count(database: &tokio_postgres::Client, query: &str) -> i64 {
    database.query_one(query, &[]).await.unwrap().get(0)
}

/// Asserts that a series has all numbers from 1 on, in the order of their dates, and answers how
/// many.
async fn assert_unbroken(database: &tokio_postgres::Client, series: &str) -> i64 {
    let of = format!("({DOCUMENTS}) AS d WHERE number LIKE '{series}-2024-%'");
    let query = format!("SELECT number FROM {of} ORDER BY number");
    let numbers = database.query(&query, &[]).await.unwrap();
    let numbers: Vec<String> = numbers.iter().map(|row| row.get(0)).collect();
    let expected = (1..=numbers.len()).map(|number| format!("{series}-2024-{number:06}"));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
    let back = format!(
        "SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY number) AS before FROM {of}) \
         AS e WHERE at < before"
    );
    assert_eq!(count(database, &back).await, 0);
    let dates = format!("SELECT count(DISTINCT at) FROM {of}");
    assert!(count(database, &dates).await > 1);
    let last = format!("SELECT last_number FROM document_series WHERE series = '{series}'");
    let last = count(database, &last).await;
    assert_eq!(usize::try_from(last), Ok(numbers.len()));
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_number_without_a_gap_whatever_is_undone() {
    let crowd = Crowd::gather().await;
    let database = connect(crowd.servers[0].database_url()).await;
    database.batch_execute(UNDO).await.unwrap();
    let begun = Instant::now();
    let work = join(crowd.each(live), crowd.close());
    let (_, closed) = tokio::select! {
        done = work => done,
        () = crowd.tick() => unreachable!("clocks move on until all is done"),
    };
    assert_eq!(closed, Some(3), "some users cannot be invoiced");
    database.batch_execute(UNDO_NO_MORE).await.unwrap();
    assert_eq!(crowd.close().await, Some(0));
    let issued = assert_unbroken(&database, "INV").await;
    let credited = assert_unbroken(&database, "CN").await;
    let elapsed = begun.elapsed();
    println!("{issued} invoices and {credited} credit notes in {elapsed:?}");
    let due = "SELECT count(*) FROM invoices \
        WHERE document_number <> '' AND due_date <> issued_at + interval '30 days'";
    assert_eq!(count(&database, due).await, 0);
    assert!(usize::try_from(issued).unwrap() >= crowd.users);
    let check = ["invoices", "reconcile", "--month", "2024-10"];
    let (code, checked, _) = said(crowd.servers[1].cli(&check).await);
    assert_eq!(code, Some(0), "{checked}");
}
