//! Migrations, and the plans that they put on offer.

use billing_store::{SchemaState, connect, migrate, revert, schema_state};
use test_postgres::{Backend, on_both_databases};

use crate::support::{NOON, TestClock, database, options};

on_both_databases!(
    migrations_go_down_and_up_again,
    the_plans_of_the_guide_are_on_offer,
);

async fn migrations_go_down_and_up_again(backend: Backend) {
    let home = tempfile::tempdir().unwrap();
    let database = database(backend, &home).await;
    let SchemaState::Behind(all) = schema_state(&database).await.unwrap() else {
        panic!("an empty database lacks every migration");
    };
    for _ in 0..2 {
        assert_eq!(migrate(&database).await.unwrap().len(), all);
        assert_eq!(schema_state(&database).await.unwrap(), SchemaState::Current);
        assert!(migrate(&database).await.unwrap().is_empty());
        assert_eq!(revert(&database, all).await.unwrap().len(), all);
        assert_eq!(
            schema_state(&database).await.unwrap(),
            SchemaState::Behind(all)
        );
    }
}

async fn the_plans_of_the_guide_are_on_offer(backend: Backend) {
    let home = tempfile::tempdir().unwrap();
    let database = database(backend, &home).await;
    migrate(&database).await.unwrap();
    let clock = TestClock::at(NOON).clock();
    let options = options();
    let store = connect(&database, &options, clock).await.unwrap();
    let plans = store.plans(false).await.unwrap();
    let rows = plans.iter().map(|plan| {
        format!(
            "{} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:?} | {}",
            plan.id,
            plan.name,
            plan.description,
            plan.terms.monthly_quota,
            plan.terms.monthly_price,
            plan.terms.extra_token_price,
            plan.support_level,
            plan.max_concurrent_req,
            plan.rate_limit_per_min,
            plan.display_order,
            plan.terms.overage_discount_rate,
            plan.terms.usage_pricing,
            plan.features.join(", "),
        )
    });
    let expected = [
        "plan-basic | Basic | Perfect for getting started | 100000 | 9.99 | 0.00002 | email | 5 \
         | 60 | 1 | 1 | Included | Up to 100K tokens per month, Email support, Basic API access",
        "plan-pro | Pro | For professionals | 1000000 | 99.99 | 0.00015 | priority | 20 | 300 \
         | 2 | 0.9 | Included | Up to 1M tokens per month, Priority email support, \
         Advanced API access, 10% discount on overage",
        "plan-enterprise | Enterprise | For large organizations | 10000000 | 999.99 | 0.0001 \
         | dedicated | 100 | 1000 | 3 | 1 | Included | Up to 10M tokens per month, \
         24/7 phone support, Dedicated account manager",
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    assert_eq!(store.plans(true).await.unwrap(), plans);
}
