//! The harness keeps what it promises.

use integration_tests::postgres::{connect, fresh_database};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_starts_and_answers() {
    let client = connect(&fresh_database().await).await;
    let row = client.query_one("SELECT 40 + 2", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_databases_are_separate() {
    let (one, other) = (fresh_database().await, fresh_database().await);
    let create = "CREATE TABLE only_here (id integer)";
    connect(&one).await.batch_execute(create).await.unwrap();
    let found = connect(&other)
        .await
        .query_one("SELECT to_regclass('only_here') IS NULL", &[])
        .await
        .unwrap();
    assert!(found.get::<_, bool>(0));
}
