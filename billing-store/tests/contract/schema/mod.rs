//! The schema that the migrations make, and the plans they sell.

use std::collections::BTreeMap;

use billing_store::{Database, SchemaState, StoreOptions, connect, migrate, revert, schema_state};
use integration_tests::{
    Backend, on_both_databases,
    postgres::{connect as connect_to_postgres, fresh_database},
};

#[path = "../../../billing-store/tests/schema/declared.rs"]
mod declared;

use self::declared::{Index, Table};

on_both_databases!(
    migrations_go_down_and_up_again,
    the_plans_of_the_guide_are_on_offer,
);

async fn database(backend: Backend, home: &tempfile::TempDir) -> Database {
    match backend {
        Backend::Sqlite => Database::Sqlite(home.path().join("billing.db")),
        Backend::Postgres => Database::Postgres(fresh_database().await),
    }
}

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
    let store = connect(&database, &StoreOptions::default()).await.unwrap();
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

async fn migrated() -> tokio_postgres::Client {
    let url = fresh_database().await;
    migrate(&Database::Postgres(url.clone())).await.unwrap();
    connect_to_postgres(&url).await
}

/// The type that stands for PostgreSQL's in `schema.rs`.
fn declared_type(data_type: &str) -> &str {
    match data_type {
        "text" => "Text",
        "integer" => "Integer",
        "bigint" => "BigInt",
        "boolean" => "Bool",
        "numeric" => "ExactDecimal",
        "timestamp with time zone" => "UtcTimestamp",
        "bytea" => "Binary",
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_tables_are_as_declared() {
    let query = "SELECT c.table_name::text, c.column_name::text, c.data_type::text, \
            c.is_nullable = 'YES', k.ordinal_position::integer \
        FROM information_schema.columns AS c \
        LEFT JOIN information_schema.table_constraints AS t \
            ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
            AND t.constraint_type = 'PRIMARY KEY' \
        LEFT JOIN information_schema.key_column_usage AS k \
            ON k.constraint_schema = t.constraint_schema \
            AND k.constraint_name = t.constraint_name AND k.column_name = c.column_name \
        WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\\_\\_diesel%' \
        ORDER BY k.ordinal_position";
    let mut made = BTreeMap::<String, Table>::new();
    for row in migrated().await.query(query, &[]).await.unwrap() {
        let table = made.entry(row.get(0)).or_default();
        let name: String = row.get(1);
        if row.get::<_, Option<i32>>(4).is_some() {
            table.key.push(name.clone());
        }
        let column_type = declared_type(row.get(2));
        let column_type = if row.get(3) {
            format!("Nullable<{column_type}>")
        } else {
            column_type.to_owned()
        };
        table.columns.insert(name, column_type);
    }
    assert_eq!(made, declared::tables());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_indexes_are_as_declared() {
    let query = "SELECT pg_get_indexdef(indexrelid) FROM pg_index \
        JOIN pg_class ON pg_class.oid = indrelid \
        WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary";
    let rows = migrated().await.query(query, &[]).await.unwrap();
    let read = |row: &tokio_postgres::Row| declared::index(row.get(0)).unwrap();
    let made: BTreeMap<String, Index> = rows.iter().map(read).collect();
    assert_eq!(made, declared::indexes());
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_months_compare_by_bytes() {
    // Ids that others gave are kept, never looked up or sorted by.
    let query = "SELECT table_name || '.' || column_name FROM information_schema.columns \
        WHERE table_schema = 'public' AND data_type = 'text' \
        AND (column_name ~ '(^|_)(id|month|day|model|code|key|number)$') \
        AND collation_name IS DISTINCT FROM 'C' ORDER BY 1";
    let rows = migrated().await.query(query, &[]).await.unwrap();
    let others: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let foreign = [
        "billing_settings.tax_id",
        "invoices.transaction_id",
        "payment_methods.provider_customer_id",
        "payment_methods.provider_method_id",
    ];
    assert_eq!(others, foreign);
}
