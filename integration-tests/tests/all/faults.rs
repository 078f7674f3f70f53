//! What breaks in production: connections, databases, servers and callers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use billing_client::Error;
use integration_tests::{Backend, TestServer, on_both_databases, postgres::connect};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, yield_now},
    time::timeout,
};
use tonic::{Code, Streaming};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::{
    load::{self, Answer, Call, assert_counted_once, assert_sums_add_up, calls, resend, send},
    support::figures,
};

const PATIENCE: Duration = Duration::from_secs(30);

on_both_databases!(
    acknowledged_records_survive_kill_9,
    sigterm_loses_nothing_acknowledged,
    callers_who_go_away_leave_a_record_once_or_not_at_all,
);

/// Traffic that goes on while something breaks.
struct Traffic {
    calls: Vec<Call>,
    answered: Arc<Semaphore>,
    running: JoinHandle<Vec<Answer>>,
}

impl Traffic {
    async fn start(server: &TestServer) -> Self {
        let client = load::client(server).await;
        load::set_price(&client).await;
        let calls = calls("call", 1_500, 6);
        let answered = Arc::new(Semaphore::new(0));
        let (to_send, counter) = (calls.clone(), Arc::clone(&answered));
        Self {
            calls,
            answered,
            running: tokio::spawn(async move { send(client, to_send, 32, &counter).await }),
        }
    }

    /// Waits for so many more answers, good or bad.
    async fn go_on_for(&self, answers: u32) {
        let more = timeout(PATIENCE, self.answered.acquire_many(answers)).await;
        more.expect("calls are answered").unwrap().forget();
    }

    async fn end(self) -> (Vec<Call>, Vec<Answer>) {
        let answers = timeout(PATIENCE, self.running).await;
        (self.calls, answers.expect("every call ends").unwrap())
    }
}

async fn acknowledged_records_survive_kill_9(backend: Backend) {
    let mut server = load::server(backend).start().await;
    let traffic = Traffic::start(&server).await;
    traffic.go_on_for(300).await;
    server.kill9().await;
    let (calls, answers) = traffic.end().await;
    assert!(
        answers.iter().any(Result::is_err),
        "the load was over too soon"
    );
    server.restart().await;
    let client = load::client(&server).await;
    resend(&client, &calls, &answers).await;
    assert_counted_once(&client, &calls).await;
}

async fn sigterm_loses_nothing_acknowledged(backend: Backend) {
    let mut server = load::server(backend).start().await;
    let traffic = Traffic::start(&server).await;
    traffic.go_on_for(300).await;
    let begun = Instant::now();
    assert!(server.terminate().await.success());
    assert!(begun.elapsed() < Duration::from_secs(15), "the drain hangs");
    let (calls, answers) = traffic.end().await;
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(error.is_retryable(), "{error:?}");
    }
    server.restart().await;
    let client = load::client(&server).await;
    resend(&client, &calls, &answers).await;
    assert_counted_once(&client, &calls).await;
}

async fn callers_who_go_away_leave_a_record_once_or_not_at_all(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 200, 4);
    for (number, call) in calls.iter().enumerate() {
        // Every few calls the whole connection goes with the caller.
        let connection = if number % 10 == 0 {
            load::client(&server).await
        } else {
            client.clone()
        };
        let alone = vec![call.clone()];
        let caller =
            tokio::spawn(async move { send(connection, alone, 1, &Semaphore::new(0)).await });
        for _ in 0..number % 50 {
            yield_now().await;
        }
        caller.abort();
    }
    let again = send(client.clone(), calls.clone(), 8, &Semaphore::new(0)).await;
    assert!(again.iter().all(Result::is_ok));
    assert_counted_once(&client, &calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_in_the_middle_of_a_commit_is_charged_once() {
    let server = load::server(Backend::Postgres).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 2, 1);
    let first = send(client.clone(), calls[..1].to_vec(), 1, &Semaphore::new(0)).await;
    assert!(first[0].is_ok());

    let mut database = connect(server.database_url()).await;
    let watcher = connect(server.database_url()).await;
    let lock = database.transaction().await.unwrap();
    lock.execute("SELECT 1 FROM accounts FOR UPDATE", &[])
        .await
        .unwrap();
    let (leaving, second) = (client.clone(), calls[1..].to_vec());
    let caller = tokio::spawn(async move { send(leaving, second, 1, &Semaphore::new(0)).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the commit waits for the lock", async || {
        watcher
            .query_one(waiting, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
    })
    .await;
    caller.abort();
    lock.commit().await.unwrap();

    let recorded = "SELECT count(*) FROM billing_records";
    eventually("the record is committed", async || {
        watcher
            .query_one(recorded, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 2
    })
    .await;
    assert_counted_once(&client, &calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_lose_and_double_nothing() {
    let server = load::server(Backend::Postgres).start().await;
    let database = connect(server.database_url()).await;
    let traffic = Traffic::start(&server).await;
    for _ in 0..40 {
        traffic.go_on_for(30).await;
        database.execute(TERMINATE, &[]).await.unwrap();
    }
    let (calls, answers) = traffic.end().await;
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(error.code(), Some(Code::Unavailable), "{error:?}");
        assert_eq!(error.reason(), "DATABASE_UNAVAILABLE");
    }
    let client = load::client(&server).await;
    resend(&client, &calls, &answers).await;
    assert_counted_once(&client, &calls).await;
    assert_sums_add_up(server.database_url()).await;
}

const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn calls_whose_connections_are_lost_may_be_repeated() {
    let server = load::server(Backend::Postgres).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 1, 1);
    let mut database = connect(server.database_url()).await;
    let killer = connect(server.database_url()).await;
    let lock = database.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE accounts").await.unwrap();

    let (reader, writer, sent) = (client.clone(), client.clone(), calls.clone());
    let read = tokio::spawn(async move { reader.get_stats(figures("user-0")).await });
    let written = tokio::spawn(async move { send(writer, sent, 1, &Semaphore::new(0)).await });
    eventually("both calls have failed", async || {
        killer.execute(TERMINATE_WAITING, &[]).await.unwrap();
        read.is_finished() && written.is_finished()
    })
    .await;
    assert_unavailable(&read.await.unwrap().unwrap_err());
    assert_unavailable(written.await.unwrap()[0].as_ref().unwrap_err());
    lock.commit().await.unwrap();
    resend(&client, &calls, &[]).await;
    assert_counted_once(&client, &calls).await;
}

const TERMINATE_WAITING: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_reported_and_may_come_back() {
    let server = load::server(Backend::Postgres).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 40, 4);
    let before = send(client.clone(), calls[..20].to_vec(), 4, &Semaphore::new(0)).await;
    let mut health = watch_health(&server).await;
    assert_eq!(next(&mut health).await, ServingStatus::Serving);

    let outage = Outage::begin(server.database_url()).await;
    assert_eq!(next(&mut health).await, ServingStatus::NotServing);
    assert_eq!(server.rest("").get("/readyz").await.status, 503);
    assert_eq!(server.rest("").get("/healthz").await.status, 200);
    let during = send(client.clone(), calls.clone(), 8, &Semaphore::new(0)).await;
    for answer in during {
        assert_unavailable(&answer.unwrap_err());
    }
    assert_unavailable(&client.get_stats(figures("user-0")).await.unwrap_err());
    outage.end().await;

    assert_eq!(next(&mut health).await, ServingStatus::Serving);
    assert_eq!(server.rest("").get("/readyz").await.status, 200);
    resend(&client, &calls[..20], &before).await;
    let rest = send(client.clone(), calls[20..].to_vec(), 4, &Semaphore::new(0)).await;
    assert!(rest.iter().all(Result::is_ok));
    assert_counted_once(&client, &calls).await;
}

fn assert_unavailable(error: &Error) {
    assert_eq!(error.code(), Some(Code::Unavailable), "{error:?}");
    assert_eq!(error.reason(), "DATABASE_UNAVAILABLE");
    assert!(error.retry_after().is_some());
}

/// A time in which nobody can connect to one database.
struct Outage {
    admin: tokio_postgres::Client,
    database: String,
}

impl Outage {
    async fn begin(database_url: &str) -> Self {
        let (server, database) = database_url.rsplit_once('/').unwrap();
        let outage = Self {
            admin: connect(&format!("{server}/postgres")).await,
            database: database.to_owned(),
        };
        outage.allow_connections(false).await;
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        outage
            .admin
            .execute(terminate, &[&outage.database])
            .await
            .unwrap();
        outage
    }

    async fn end(self) {
        self.allow_connections(true).await;
    }

    async fn allow_connections(&self, allow: bool) {
        let alter = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allow}", self.database);
        self.admin.batch_execute(&alter).await.unwrap();
    }
}

async fn watch_health(server: &TestServer) -> Streaming<HealthCheckResponse> {
    let mut health = HealthClient::new(server.channel().await);
    let whole_server = HealthCheckRequest::default();
    health.watch(whole_server).await.unwrap().into_inner()
}

async fn next(health: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    let change = timeout(PATIENCE, health.message()).await;
    change.expect("health changes").unwrap().unwrap().status()
}

/// Asks again and again, for nothing tells when the database has done it.
async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let asking = async { while !done().await {} };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
