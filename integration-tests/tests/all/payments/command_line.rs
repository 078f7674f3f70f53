//! Payments as a shell sees them.

use std::time::{Duration, Instant};

use integration_tests::{Backend, on_both_databases, stripe::Behaviour};
use serde_json::Value;

use super::world::World;
use crate::command_line::said;

on_both_databases!(
    operators_list_payments_in_the_shell,
    a_day_and_a_month_are_compared_with_the_provider_in_the_shell,
    what_was_looked_at_calls_no_more,
    only_operators_ask_what_calls_for_them,
);

const PATIENCE: Duration = Duration::from_secs(30);

/// Of a command that ends with a code: what it prints.
async fn printed(world: &World, line: &str, expected: i32) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let (code, out, errors) = said(world.server.cli(&words).await);
    assert_eq!(code, Some(expected), "{line}: {out}{errors}");
    out
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap().to_owned()
}

async fn operators_list_payments_in_the_shell(backend: Backend) {
    let world = World::with_card(backend, Behaviour::PaysLater).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("10.00", "top-1").await;
    let id = text(&topup, "id");
    let table = format!(
        "{:<w$}  user   kind   status   made                  amount  given back\n\
         {id}  alice  topup  pending  2024-11-15T10:30:00Z   10.00        0.00\n\
         transactions: 1\n",
        "transaction",
        w = id.len(),
    );
    for flags in ["", " --open", " --user alice --status pending"] {
        let line = format!("transactions list{flags}");
        assert_eq!(printed(&world, &line, 0).await, table, "{flags}");
    }
    for flags in ["--attention", "--user bob", "--status failed"] {
        let line = format!("transactions list {flags} --json");
        let none = printed(&world, &line, 0).await;
        let expected = "{\"transactions\":[],\"next_page_token\":\"\"}\n";
        assert_eq!(none, expected, "{flags}");
    }
    let path = "/v1/billing/payments/transactions?user_id=-";
    let listed = world.operator.get(path).await.body;
    let json = printed(&world, "transactions list --json", 0).await;
    assert_eq!(json, format!("{listed}\n"));
    let csv = printed(&world, "transactions list --csv", 0).await;
    let reference = text(&topup, "provider_reference");
    let method = &world.method;
    assert_eq!(
        csv,
        format!(
            "id,user_id,kind,provider,provider_reference,status,amount,refunded_amount,currency,\
             invoice_id,tokens,automatic,failure_code,failure_message,next_action_url,created_at,\
             updated_at,refund_of,allocations,payment_method_id,disputed_amount,fee,attention,\
             expires_at\r\n\
             {id},alice,topup,stripe,{reference},pending,10.00,0.00,USD,,74074,false,,,,\
             2024-11-15T10:30:00Z,2024-11-15T10:30:00Z,,[],{method},0.00,,,\r\n"
        )
    );
    printed(&world, "transactions list --status paid", 2).await;
}

async fn a_day_and_a_month_are_compared_with_the_provider_in_the_shell(backend: Backend) {
    let world = World::with_card(backend, Behaviour::PaysLater).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("10.00", "top-1").await;
    let (id, reference) = (text(&topup, "id"), text(&topup, "provider_reference"));
    let day = "transactions reconcile --day 2024-11-15";
    // What is open on both sides is no difference.
    let agrees = "days: 1\ncharges: 1\ntransactions: 1\ndifferences: 0\n";
    assert_eq!(printed(&world, day, 0).await, agrees);
    world.stripe.settle(&reference);
    let foreign = world.stripe.pay_elsewhere(700, "usd");
    let mut found: Vec<_> = printed(&world, day, 5)
        .await
        .lines()
        .map(str::to_owned)
        .collect();
    let differences = found.split_off(4);
    assert_eq!(
        found.join("\n"),
        "days: 1\ncharges: 2\ntransactions: 1\ndifferences: 2"
    );
    let behind = format!(
        "  2024-11-15, stripe {reference}, alice {id}: it is pending here and has succeeded at the \
         provider"
    );
    let unknown = format!(
        "  2024-11-15, stripe {foreign}, no transaction: the provider has taken 7.00 USD and no \
         transaction has this charge"
    );
    for line in [&behind, &unknown] {
        assert!(differences.contains(line), "{line}: {differences:?}");
    }
    // Comparing changes nothing.
    assert_eq!(world.transaction(&id).await["status"], "pending");

    let month = "transactions reconcile --month 2024-10 --json";
    assert_eq!(
        printed(&world, month, 0).await,
        "{\"days\":31,\"charges\":0,\"transactions\":0,\"differences\":[],\"difference_count\":0}\n"
    );
    // The server's day is not over yet.
    printed(&world, "transactions reconcile --day 2024-11-16", 1).await;
    printed(&world, "transactions reconcile --day 2024-11-31", 2).await;
}

async fn what_was_looked_at_calls_no_more(backend: Backend) {
    let world = World::with_card(backend, Behaviour::PaysLater).await;
    world.subscribe("plan-pro").await;
    let id = text(&world.top_up("10.00", "top-1").await, "id");
    world.advance("2024-11-16T12:00:00Z").await;
    let begun = Instant::now();
    let told = format!("{id}: it has been open for a day\ntransactions: 1\n");
    loop {
        let listed = printed(&world, "transactions list --attention", 0).await;
        if listed.ends_with(&told) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{listed}");
    }
    let clear = format!("transactions clear-attention {id} --user alice");
    for _ in 0..2 {
        assert_eq!(printed(&world, &clear, 0).await, format!("cleared {id}\n"));
    }
    let listed = printed(&world, "transactions list --attention", 0).await;
    assert!(listed.ends_with("\ntransactions: 0\n"), "{listed}");
    let seen = world.transaction(&id).await;
    assert_eq!(
        (&seen["status"], &seen["attention"]),
        (&"pending".into(), &"".into())
    );
    let log = world.server.log();
    assert!(log.contains("an operator has looked at it"), "{log}");
    let of_nobody = format!("transactions clear-attention {id} --user bob");
    printed(&world, &of_nobody, 1).await;
}

async fn only_operators_ask_what_calls_for_them(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let id = text(&world.top_up("10.00", "top-1").await, "id");
    let path = "/v1/billing/payments/transactions";
    let asked = world.alice.get(&format!("{path}?attention=true")).await;
    assert_eq!(World::refusal(&asked), (403, "SCOPE_MISSING"));
    let clear = format!("{path}/{id}/clear-attention");
    let cleared = world.alice.post(&clear, "{}").await;
    assert_eq!(World::refusal(&cleared), (403, "SCOPE_MISSING"));
    assert!(world.transactions("?open=true").await.is_empty());
    assert_eq!(world.transactions("?open=false").await.len(), 1);
}
