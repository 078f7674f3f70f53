//! The daily sweep: what was charged at Stripe against the transactions here.

use std::time::{Duration, Instant};

use integration_tests::{Backend, on_both_databases, postgres::connect, stripe::Behaviour};
use serde_json::Value;

use super::world::World;
use crate::command_line::said;

on_both_databases!(
    a_charge_that_nobody_here_knows_is_told_to_the_operator_once,
    what_no_webhook_has_told_is_found_by_the_sweep,
);

const PATIENCE: Duration = Duration::from_secs(60);
const TOLD: &str = "a provider has taken money for which there is no transaction";

async fn a_charge_that_nobody_here_knows_is_told_to_the_operator_once(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("100.00", "top-1").await;
    let foreign = world.stripe.pay_elsewhere(700, "usd");
    // Up to the day of both, which is swept an hour after its end.
    world.advance("2024-11-16T01:00:00Z").await;
    let begun = Instant::now();
    while !world.server.log().contains(TOLD) {
        assert!(begun.elapsed() < PATIENCE, "{}", world.server.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let log = world.server.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains(TOLD)).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(&foreign), "{}", told[0]);
    // What agrees stays as it is.
    let seen = world.transaction(topup["id"].as_str().unwrap()).await;
    assert_eq!(
        (seen["status"].as_str(), seen["attention"].as_str()),
        (Some("succeeded"), Some(""))
    );
}

async fn what_no_webhook_has_told_is_found_by_the_sweep(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let given_back = world.top_up("100.00", "top-1").await;
    let disputed = world.top_up("50.00", "top-2").await;
    let reference = |of: &Value| of["provider_reference"].as_str().unwrap().to_owned();
    world.stripe.refund(&reference(&given_back), 2_000);
    let dispute = world.stripe.dispute(&reference(&disputed), false);
    assert!(!dispute.is_empty());
    let day = ["transactions", "reconcile", "--day", "2024-11-15"];
    let (code, out, _) = said(world.server.cli(&day).await);
    assert_eq!(code, Some(5));
    for expected in [
        "the provider shows 20.00 USD given back and not 0.00 USD\n",
        "it is succeeded here and disputed at the provider\n",
    ] {
        assert!(out.contains(expected), "{out}");
    }
    world.advance("2024-11-16T01:00:00Z").await;
    let found = world.until(&given_back, "partly_refunded").await;
    assert_eq!(found["refunded_amount"].to_string(), "20.0");
    world.until(&disputed, "disputed").await;
    let (code, out, _) = said(world.server.cli(&day).await);
    assert_eq!(code, Some(0), "{out}");
}

/// Rows that were changed from outside: another amount, and a charge that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_and_differs_calls_for_an_operator() {
    let world = World::with_card(Backend::Postgres, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let other = world.top_up("100.00", "top-1").await;
    let lost = world.top_up("50.00", "top-2").await;
    let right = world.top_up("25.00", "top-3").await;
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let database = connect(world.server.database_url()).await;
    for change in [
        "UPDATE payment_transactions SET amount = 99 WHERE amount = 100",
        "UPDATE payment_transactions SET provider_reference = 'pi_none' WHERE amount = 50",
    ] {
        assert_eq!(database.execute(change, &[]).await.unwrap(), 1, "{change}");
    }
    let day = ["transactions", "reconcile", "--day", "2024-11-15"];
    let (code, out, _) = said(world.server.cli(&day).await);
    let taken = "no transaction: the provider has taken 50.00 USD";
    for expected in [
        "charges: 3\ntransactions: 3\ndifferences: 3\n",
        &format!("alice {}: the provider shows 100.00", id(&other)),
        &format!("stripe pi_none, alice {}: the provider does", id(&lost)),
        taken,
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    assert_eq!(code, Some(5));
    // It changes nothing; the sweep calls.
    assert_eq!(world.transaction(&id(&other)).await["attention"], "");
    world.advance("2024-11-16T01:00:00Z").await;
    let reasons = [
        (&other, "the provider shows 100.00 USD and not 99.00 USD"),
        (&lost, "the provider does not know its charge"),
    ];
    for (transaction, reason) in reasons {
        let begun = Instant::now();
        loop {
            let found = world.transaction(&id(transaction)).await;
            if found["attention"] == reason {
                assert_eq!(found["status"], "succeeded");
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{found}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert_eq!(world.transaction(&id(&right)).await["attention"], "");
}
