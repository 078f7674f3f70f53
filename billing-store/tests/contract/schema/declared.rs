//! The schema as the sources declare it, read from their text.

use std::collections::BTreeMap;

const SCHEMA: &str = concat!(
    include_str!("../../../src/schema.rs"),
    include_str!("../../../src/schema/totals.rs"),
    include_str!("../../../src/schema/credits.rs"),
    include_str!("../../../src/schema/told.rs"),
    include_str!("../../../src/schema/payments.rs"),
    include_str!("../../../src/schema/webhooks.rs"),
);
const MIGRATION: &str =
    include_str!("../../../../migrations/postgres/2026-11-22-000000_initial/up.sql");
/// Queries that read like tables.
pub(super) const VIEWS: [&str; 2] = ["record_totals", "usage_totals"];

/// One table: `Nullable<..>` and all else by column, and the columns of its primary key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: BTreeMap<String, String>,
    pub(super) key: Vec<String>,
}

/// One index beside the primary keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) unique: bool,
    pub(super) table: String,
    pub(super) columns: String,
    pub(super) partial: bool,
}

/// The tables of `schema.rs`.
pub(super) fn tables() -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::<String, Table>::new();
    let (mut table, mut sql_name) = (String::new(), None);
    for line in SCHEMA.lines().map(str::trim) {
        if let Some(head) = line.strip_suffix(") {") {
            let (name, key) = head.split_once(" (").unwrap();
            name.clone_into(&mut table);
            let key = key.split(", ").map(str::to_owned).collect();
            tables.entry(table.clone()).or_default().key = key;
        } else if let Some(name) = line.strip_prefix("#[sql_name = \"") {
            sql_name = name.strip_suffix("\"]");
        } else if let Some((name, column_type)) = line.split_once(" -> ") {
            let name = sql_name.take().unwrap_or(name).to_owned();
            let column_type = column_type.trim_end_matches(',').to_owned();
            let columns = &mut tables.get_mut(&table).unwrap().columns;
            assert_eq!(columns.insert(name, column_type), None);
        }
    }
    assert!(tables.len() > 20, "schema.rs is not read");
    tables
}

/// Forgets what the databases do not know of views: keys, and what cannot be null.
pub(super) fn loosen_views(tables: &mut BTreeMap<String, Table>) {
    for view in VIEWS {
        let view = tables.get_mut(view).unwrap();
        view.key.clear();
        for column_type in view.columns.values_mut() {
            let plain = column_type.trim_start_matches("Nullable<");
            *column_type = plain.trim_end_matches('>').to_owned();
        }
    }
}

/// The indexes of PostgreSQL's migration.
pub(super) fn indexes() -> BTreeMap<String, Index> {
    let lines = MIGRATION.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("--"));
    let sql: Vec<_> = lines.collect();
    sql.join("\n").split(';').filter_map(index).collect()
}

/// Reads one `CREATE INDEX`, by whoever wrote it.
pub(super) fn index(statement: &str) -> Option<(String, Index)> {
    let words: Vec<_> = statement.split_whitespace().collect();
    let text = words
        .join(" ")
        .replace("USING btree ", "")
        .replace("USING brin ", "")
        .replace("public.", "");
    let unique = text.starts_with("CREATE UNIQUE INDEX ");
    let rest = text
        .strip_prefix("CREATE UNIQUE INDEX ")
        .or(text.strip_prefix("CREATE INDEX "))?;
    let (name, rest) = rest.split_once(" ON ")?;
    let (table, columns) = rest.split_once(" (")?;
    let (columns, condition) = match columns.split_once(") WHERE ") {
        Some((columns, condition)) => (columns, Some(condition)),
        None => (columns.strip_suffix(')')?, None),
    };
    let index = Index {
        unique,
        table: table.to_owned(),
        columns: columns.to_owned(),
        partial: condition.is_some(),
    };
    Some((name.to_owned(), index))
}
