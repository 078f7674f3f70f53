//! SQLite's tables and indexes, and what holds for both databases'.

use std::collections::BTreeMap;

use billing_store::{Database, migrate};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Text},
};
use tempfile::TempDir;

use super::declared::{self, Table};

/// Tables that do not grow with users.
const SHARED: [&str; 12] = [
    "catalog_version",
    "coupons",
    "document_series",
    "event_log",
    "job_leases",
    "model_prices",
    "outlets",
    "plan_versions",
    "subscription_plans",
    "unpriced_models",
    "webhook_endpoints",
    "webhook_events",
];

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    column_type: String,
    #[diesel(sql_type = BigInt)]
    required: i64,
    #[diesel(sql_type = BigInt)]
    place_in_key: i64,
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    sql: String,
}

async fn migrated() -> (SqliteConnection, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("billing.db");
    migrate(&Database::Sqlite(path.clone())).await.unwrap();
    let conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    (conn, home)
}

/// How SQLite stores a declared type.
fn stored(declared: &str) -> String {
    let plain = declared
        .trim_start_matches("Nullable<")
        .trim_end_matches('>');
    let kind = match plain {
        "Text" | "ExactDecimal" | "JsonText" => "TEXT",
        "SmallInt" | "Integer" | "BigInt" | "Bool" | "UtcTimestamp" => "INTEGER",
        "Binary" | "UuidBytes" => "BLOB",
        other => other,
    };
    declared.replace(plain, kind)
}

#[tokio::test]
async fn sqlite_tables_are_as_declared() {
    let (mut conn, _home) = migrated().await;
    let query = "SELECT t.name AS table_name, c.name AS name, c.type AS column_type, \
        c.\"notnull\" AS required, c.pk AS place_in_key \
        FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c \
        WHERE t.schema = 'main' \
        AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_%' ESCAPE '\\' \
        ORDER BY t.name, c.pk";
    let columns: Vec<Column> = sql_query(query).load(&mut conn).unwrap();
    let mut made = BTreeMap::<String, Table>::new();
    for column in columns {
        let table = made.entry(column.table_name).or_default();
        if column.place_in_key > 0 {
            table.key.push(column.name.clone());
        }
        let required = column.required == 1 || column.place_in_key > 0;
        let column_type = if required {
            column.column_type
        } else {
            format!("Nullable<{}>", column.column_type)
        };
        table.columns.insert(column.name, column_type);
    }
    let mut declared = declared::tables();
    for column_type in declared
        .values_mut()
        .flat_map(|table| table.columns.values_mut())
    {
        *column_type = stored(column_type);
    }
    // An expression of a view has no type of its own.
    for tables in [&mut made, &mut declared] {
        declared::loosen_views(tables);
        for view in declared::VIEWS {
            let columns = tables.get_mut(view).unwrap().columns.values_mut();
            columns.for_each(String::clear);
        }
    }
    assert_eq!(made, declared);
}

#[tokio::test]
async fn sqlite_has_the_indexes_of_postgres() {
    let (mut conn, _home) = migrated().await;
    let query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
    let statements: Vec<Statement> = sql_query(query).load(&mut conn).unwrap();
    let read = |statement: &Statement| declared::index(&statement.sql).unwrap();
    let made: BTreeMap<_, _> = statements.iter().map(read).collect();
    assert_eq!(made, declared::indexes());
}

#[test]
fn tables_that_grow_with_users_are_keyed_by_user_first() {
    for (name, table) in declared::tables() {
        if declared::VIEWS.contains(&name.as_str()) {
            continue;
        }
        let by_user = table.key.first().is_some_and(|column| column == "user_id");
        assert_eq!(
            by_user,
            !SHARED.contains(&name.as_str()),
            "{name}: {:?}",
            table.key
        );
    }
    for (name, index) in declared::indexes() {
        if index.unique && !SHARED.contains(&index.table.as_str()) {
            assert!(index.columns.starts_with("user_id"), "{name}: {index:?}");
        }
    }
}
