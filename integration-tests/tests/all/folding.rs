//! What the server does by itself with records: sums of them are kept, which no caller can tell.

use std::time::Duration;

use integration_tests::{Backend, postgres::connect};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::load::{self, assert_counted_once, assert_sums_add_up, calls, send};

const PATIENCE: Duration = Duration::from_secs(30);
/// As many records of one user as are folded within seconds.
const LONG_TAIL: u32 = 256;

const UNFOLDED: &str = "SELECT count(*) FROM billing_records r JOIN accounts a USING (user_id) \
    WHERE a.folded_to IS NULL OR r.id > a.folded_to";

async fn unfolded(database_url: &str) -> i64 {
    let database = connect(database_url).await;
    database.query_one(UNFOLDED, &[]).await.unwrap().get(0)
}

async fn all_are_folded(database_url: &str) {
    let folded = async {
        while unfolded(database_url).await > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, folded).await.expect("records are folded");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_are_folded_soon_and_what_a_killed_server_left_by_the_next_one() {
    let mut server = load::server(Backend::Postgres).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let mut all = calls("many", LONG_TAIL, 1);
    let sent = send(client.clone(), all.clone(), 32, &Semaphore::new(0)).await;
    assert!(sent.iter().all(Result::is_ok));
    all_are_folded(server.database_url()).await;
    assert_counted_once(&client, &all).await;

    let few = calls("few", 20, 4);
    let sent = send(client, few.clone(), 4, &Semaphore::new(0)).await;
    assert!(sent.iter().all(Result::is_ok));
    server.kill9().await;
    server.restart().await;
    all_are_folded(server.database_url()).await;
    all.extend(few);
    assert_counted_once(&load::client(&server).await, &all).await;
    assert_sums_add_up(server.database_url()).await;
}
