//! The daily sweep: what was charged at Stripe against the transactions here.

use std::time::{Duration, Instant};

use integration_tests::{Backend, on_both_databases, stripe::Behaviour};

use super::world::World;

on_both_databases!(a_charge_that_nobody_here_knows_is_told_to_the_operator_once);

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
