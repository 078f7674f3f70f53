//! A refused call leaves no row behind, whoever made it: a user nobody knows or a known one.

mod billing;
mod catalog;
mod coupons;
mod overdue;
mod subscriptions;
mod usage;
mod webhooks;
mod world;

use std::future::Future;

use billing_core::{refusal::Refusal, usage::Outcome};
use billing_store::StoreError;
use futures_util::future::BoxFuture;
use test_postgres::{Backend, on_both_databases};

use self::world::World;
use crate::support::TestStore;

on_both_databases!(a_refused_call_leaves_everything_as_it_was);

/// A user of whom nothing is stored.
const NOBODY: &str = "nobody";

/// A call that is refused.
struct Case<'a> {
    name: String,
    /// The refusal that it is answered, if it is.
    call: BoxFuture<'a, Option<Refusal>>,
    expected: Refusal,
}

/// A call of a store method.
fn case<'a, T: 'a>(
    name: impl Into<String>,
    call: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    expected: Refusal,
) -> Case<'a> {
    Case {
        name: name.into(),
        call: Box::pin(async move {
            match call.await {
                Ok(_) => None,
                Err(StoreError::Rejected(refusal)) => Some(refusal),
                Err(other) => panic!("the store failed: {other}"),
            }
        }),
        expected,
    }
}

/// The refusal among the outcomes of a batch of one.
fn refused(outcomes: &[Outcome]) -> Option<Refusal> {
    match outcomes {
        [Outcome::Refused(refusal)] => Some(refusal.clone()),
        _ => None,
    }
}

async fn a_refused_call_leaves_everything_as_it_was(backend: Backend) {
    let world = World::new(backend).await;
    let cases = usage::cases(&world)
        .into_iter()
        .chain(catalog::cases(&world))
        .chain(subscriptions::cases(&world))
        .chain(coupons::cases(&world))
        .chain(billing::cases(&world))
        .chain(webhooks::cases(&world))
        .chain(overdue::cases(&world));
    let mut before = state(&world.store).await;
    for Case {
        name,
        call,
        expected,
    } in cases
    {
        assert_eq!(call.await, Some(expected), "{name}");
        let after = state(&world.store).await;
        assert_eq!(after, before, "{name}");
        before = after;
    }
}

/// How many rows each table has, and what changes in a row whenever it is written.
async fn state(store: &TestStore) -> Vec<String> {
    let tables = store.either(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
    );
    let mut parts = Vec::new();
    for table in store.texts(tables).await {
        parts.push(format!(
            "SELECT '{table}: ' || CAST(count(*) AS TEXT) FROM {table}"
        ));
    }
    for (table, row) in [
        ("accounts", "user_id || ' ' || CAST(version AS TEXT)"),
        ("coupons", "code || ' ' || CAST(used_count AS TEXT)"),
        ("invoices", "user_id || ' ' || status"),
        ("catalog_version", "CAST(version AS TEXT)"),
        ("subscription_plans", "id || CAST(is_active AS TEXT)"),
    ] {
        parts.push(format!("SELECT '{table}: ' || {row} FROM {table}"));
    }
    let mut state = store.texts(&parts.join(" UNION ALL ")).await;
    state.sort_unstable();
    assert!(state.len() > 30, "the tables are not read");
    state
}
