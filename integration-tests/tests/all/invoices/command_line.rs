//! Invoices, prices and figures as a shell sees them.

use integration_tests::{Backend, on_both_databases, postgres::connect};
use serde_json::Value;

use super::world::World;
use crate::command_line::said;

on_both_databases!(
    a_month_is_closed_and_checked_from_the_shell,
    what_operators_ask_is_answered_in_the_shell,
);

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

/// What a command prints that must succeed, split at spaces.
async fn printed(world: &World, line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let (code, out, err) = said(world.server.cli(&words).await);
    assert_eq!(code, Some(0), "{line}: {err}");
    out
}

async fn what_operators_ask_is_answered_in_the_shell(backend: Backend) {
    let mut world = november(backend).await;
    let invoice = world.generate("2024-11").await;

    // Who owes me money?
    let unpaid = printed(&world, "invoices list --unpaid").await;
    let expected = "invoice            user   month    status  due                   total  to pay\n\
        INV-alice-2024-11  alice  2024-11  issued  2024-12-31T00:00:00Z  15.00   15.00\n\
        invoices: 1, to pay: 15.00 USD\n";
    assert_eq!(unpaid, expected);
    for line in ["--user alice", "--status issued", "--month 2024-11"] {
        let found = printed(&world, &format!("invoices list {line}")).await;
        assert_eq!(found, expected, "{line}");
    }
    let none = printed(&world, "invoices list --status paid").await;
    assert!(none.ends_with("invoices: 0, to pay: 0.00 USD\n"), "{none}");
    let listed = printed(&world, "invoices list --json").await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["invoices"][0]["id"], invoice.id.as_str());
    let file = printed(&world, "invoices list --csv").await;
    assert_eq!(file.lines().count(), 2, "{file}");

    // What did a model earn in November?
    let models = printed(&world, "report --month 2024-11 --by model").await;
    assert_eq!(
        models,
        "model  records  tokens  list price in USD  coupons in USD  cost in USD\n\
         gpt-4        1  500000              15.00            0.00        15.00\n"
    );
    let users = printed(&world, "report --month 2024-11 --by user --json").await;
    let users: Value = serde_json::from_str(&users).unwrap();
    assert_eq!(users["rows"][0]["user_id"], "alice");

    // What is our MRR, and what is outstanding?
    let report = printed(&world, "report --month 2024-11").await;
    let words: Vec<_> = report.split_whitespace().collect();
    let words = words.join(" ");
    for figure in [
        "recurring per month (MRR) in USD 0.00",
        "outstanding in USD 15.00",
    ] {
        assert!(words.contains(figure), "{report}");
    }

    // Why was a record charged that price?
    let prices = printed(&world, "prices history gpt-4").await;
    let first = prices.lines().nth(1).unwrap();
    let cells: Vec<_> = first.split_whitespace().collect();
    let set_at = "2024-11-15T10:30:00Z";
    let start = [
        "price-1",
        "1970-01-01T00:00:00Z",
        set_at,
        "operator",
        "0.03",
        "0.06",
    ];
    assert_eq!(cells[..6], start);
    let prices = printed(&world, "prices history gpt-4 --json").await;
    let prices: Value = serde_json::from_str(&prices).unwrap();
    assert_eq!(prices["prices"][0]["id"], "price-1");
    let unknown = ["prices", "history", "gpt-5"];
    let (code, _, err) = said(world.server.cli(&unknown).await);
    assert_eq!(code, Some(1));
    assert!(err.contains("gpt-5"), "{err}");
}
