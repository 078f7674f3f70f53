//! Who waits for whom: a transaction that waits for an account holds none that others take later.

use billing_store::UsersToClose;
use test_postgres::Backend;
use tokio_postgres::Client;

use crate::support::{TestStore, batch, made_at, month, new_invoice_ids, usage};

/// The first of two accounts, as a usage transaction elsewhere holds it.
const HOLD: &str = "BEGIN; SELECT 1 FROM accounts WHERE user_id = 'alice' FOR UPDATE";

async fn two_accounts() -> TestStore {
    let store = TestStore::open(Backend::Postgres).await;
    let october = |user| made_at(usage(user, "call", 1_000, 0), "2026-10-20T00:00:00Z");
    store.commit(&batch(["alice", "bob"].map(october))).await;
    store
}

/// Returns once another session waits for a lock.
async fn somebody_waits(database: &Client) {
    let waiting = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while database
        .query_one(waiting, &[])
        .await
        .unwrap()
        .get::<_, i64>(0)
        == 0
    {}
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_month_holds_no_later_account_while_it_waits_for_an_earlier_one() {
    let store = two_accounts().await;
    let elsewhere = store.postgres().await;
    elsewhere.batch_execute(HOLD).await.unwrap();
    let users = UsersToClose {
        month: month("2026-10"),
        known_by: None,
        reopened: true,
        after: None,
    };
    let closing = store.store.close_month(users, 100, new_invoice_ids());
    let meanwhile = async {
        somebody_waits(&store.postgres().await).await;
        let later = "SELECT 1 FROM accounts WHERE user_id = 'bob' FOR UPDATE NOWAIT; COMMIT";
        elsewhere.batch_execute(later).await
    };
    let (closed, taken) = tokio::join!(closing, meanwhile);
    taken.unwrap();
    let closed = closed.unwrap();
    assert_eq!((closed.closed, closed.failed), (2, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fold_passes_by_an_account_that_is_held() {
    let store = two_accounts().await;
    let elsewhere = store.postgres().await;
    elsewhere.batch_execute(HOLD).await.unwrap();
    let swept = store.store.fold_sweep(None, 100).await.unwrap();
    assert_eq!(swept.folded, 1);
    elsewhere.batch_execute("COMMIT").await.unwrap();
    let swept = store.store.fold_sweep(None, 100).await.unwrap();
    assert_eq!(swept.folded, 1);
}
