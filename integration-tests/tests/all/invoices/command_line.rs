//! `invoices close` and `invoices reconcile` as a shell sees them.

use integration_tests::{Backend, on_both_databases, postgres::connect};
use serde_json::Value;

use super::world::World;
use crate::command_line::said;

on_both_databases!(a_month_is_closed_and_checked_from_the_shell);

async fn november(backend: Backend) -> World {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("call", 500_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    world
}

const CLOSE: [&str; 4] = ["invoices", "close", "--month", "2024-11"];
const CHECK: [&str; 4] = ["invoices", "reconcile", "--month", "2024-11"];

async fn a_month_is_closed_and_checked_from_the_shell(backend: Backend) {
    let world = november(backend).await;
    for _ in 0..2 {
        let (code, out, _) = said(world.server.cli(&CLOSE).await);
        assert_eq!(
            (code, out.as_str()),
            (Some(0), "closed 1 users, 0 failed\n")
        );
    }
    let (code, out, _) = said(world.server.cli(&CHECK).await);
    let found = "month: 2024-11\ninvoices: 1\nrecords: 1\nusers without an invoice yet: 0\n\
        differences: 0\n";
    assert_eq!((code, out.as_str()), (Some(0), found));

    let running = ["invoices", "close", "--month", "2024-12"];
    let (code, _, err) = said(world.server.cli(&running).await);
    assert_eq!(code, Some(1));
    assert!(err.contains("must be over"), "{err}");
    let malformed = ["invoices", "close", "--month", "2024-13"];
    assert_eq!(said(world.server.cli(&malformed).await).0, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_fail_and_differences_have_their_exit_codes() {
    let world = november(Backend::Postgres).await;
    let database = connect(world.server.database_url()).await;
    let spoil = "UPDATE accounts SET uninvoiced = '{\"2024-11\":\"x\"}'";
    database.batch_execute(spoil).await.unwrap();
    let (code, out, err) = said(world.server.cli(&CLOSE).await);
    assert_eq!(
        (code, out.as_str()),
        (Some(3), "closed 0 users, 1 failed\n")
    );
    assert!(err.contains("could not be closed"), "{err}");
    assert!(world.server.log().contains("alice"));

    let mend = "UPDATE accounts SET uninvoiced = '{\"2024-11\":\"15\"}'";
    database.batch_execute(mend).await.unwrap();
    assert_eq!(said(world.server.cli(&CLOSE).await).0, Some(0));
    let forge = "UPDATE invoices SET final_amount = 14.99";
    database.batch_execute(forge).await.unwrap();
    let (code, out, _) = said(world.server.cli(&CHECK).await);
    assert_eq!(code, Some(5), "{out}");
    assert!(out.contains("final_amount is 14.99, expected 15"), "{out}");
    let as_json = [CHECK.as_slice(), &["--json"]].concat();
    let (code, out, _) = said(world.server.cli(&as_json).await);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &found["difference_count"]), (Some(5), &1.into()));
}
