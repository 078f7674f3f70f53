//! PostgreSQL's tables and indexes.

use std::collections::BTreeMap;

use billing_store::{Database, migrate};
use test_postgres::fresh_database;

use super::declared::{self, Index, Table};

async fn migrated() -> tokio_postgres::Client {
    let url = fresh_database().await;
    migrate(&Database::Postgres(url.clone())).await.unwrap();
    test_postgres::connect(&url).await
}

/// The type that stands for PostgreSQL's in `schema.rs`.
fn declared_type(data_type: &str) -> &str {
    match data_type {
        "text" => "Text",
        "smallint" => "SmallInt",
        "integer" => "Integer",
        "bigint" => "BigInt",
        "boolean" => "Bool",
        "numeric" => "ExactDecimal",
        "timestamp with time zone" => "UtcTimestamp",
        "bytea" => "Binary",
        "uuid" => "UuidBytes",
        "jsonb" => "JsonText",
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
    let mut declared = declared::tables();
    declared::loosen_views(&mut declared);
    declared::loosen_views(&mut made);
    assert_eq!(made, declared);
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
    let foreign = ["billing_settings.tax_id", "invoices.transaction_id"];
    assert_eq!(others, foreign);
}
