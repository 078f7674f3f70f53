//! Statements over rows, the same for both databases but for where the values come from. They are
//! query fragments of their own because diesel keeps upserts and updates unprepared on both
//! databases, and inserts with optional columns on SQLite; preparing one costs more than running
//! it.

use std::marker::PhantomData;

use diesel::{
    QueryResult,
    backend::Backend,
    query_builder::{AstPass, QueryFragment, QueryId},
};

use super::table::{Role, Row, Wanted};

/// Where a statement's values come from: a `SELECT` from arrays on PostgreSQL, `VALUES` on SQLite.
pub(crate) trait Source<DB: Backend>: Send + 'static {
    /// The row that they make.
    type Row: Row;

    /// Pushes the wanted columns' values.
    fn push<'b>(&'b self, wanted: Wanted, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

/// What becomes of a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Fails,
    Stays,
    IsSet,
}

/// Inserts rows; the statement fails when one is there already.
#[derive(Debug)]
pub(crate) struct Insert<DB, S>(pub(crate) S, PhantomData<DB>);

/// Inserts rows; one that is there already is left alone and not counted.
#[derive(Debug)]
pub(crate) struct InsertNew<DB, S>(pub(crate) S, PhantomData<DB>);

/// Inserts rows, or sets what may change of those that are there.
#[derive(Debug)]
pub(crate) struct Upsert<DB, S>(pub(crate) S, PhantomData<DB>);

/// Sets what may change of rows that are there.
#[derive(Debug)]
pub(crate) struct Update<DB, S>(pub(crate) S, PhantomData<DB>);

/// Stores what may change of accounts that the transaction has locked, and raises their version.
#[derive(Debug)]
pub(crate) struct UpdateAccounts<DB, S>(pub(crate) S, PhantomData<DB>);

/// Stores what usage changes of accounts that the transaction has locked, and raises their version.
#[derive(Debug)]
pub(crate) struct UpdateCounters<DB, S>(pub(crate) S, PhantomData<DB>);

/// Makes fragments statements that are kept prepared.
macro_rules! prepared {
    ($($name:ident: |$source:ident, $out:ident| $walk:expr;)+) => {
        $(
            impl<DB, S> $name<DB, S> {
                pub(crate) const fn new(source: S) -> Self {
                    Self(source, PhantomData)
                }
            }

            impl<DB: Backend, S: Source<DB>> QueryFragment<DB> for $name<DB, S> {
                fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                    let ($source, $out) = (&self.0, &mut out);
                    $walk
                }
            }

            impl<DB: 'static, S: 'static> QueryId for $name<DB, S> {
                type QueryId = Self;
                const HAS_STATIC_QUERY_ID: bool = true;
            }

            impl<DB, S, Conn> diesel::RunQueryDsl<Conn> for $name<DB, S> {}
        )+
    };
}

prepared! {
    Insert: |source, out| push_insert(source, Existing::Fails, out);
    InsertNew: |source, out| push_insert(source, Existing::Stays, out);
    Upsert: |source, out| push_insert(source, Existing::IsSet, out);
    Update: |source, out| push_update(source, Role::is_key_or_set, &[], out);
    UpdateAccounts: |source, out| push_update(source, Role::is_key_or_set, RAISED, out);
    UpdateCounters: |source, out| push_update(source, Role::is_key_or_counter, RAISED, out);
}

fn push_insert<'b, DB: Backend, S: Source<DB>>(
    source: &'b S,
    existing: Existing,
    out: &mut AstPass<'_, 'b, DB>,
) -> QueryResult<()> {
    push_all(out, &["INSERT INTO ", S::Row::TABLE, " ("]);
    push_list(out, S::Row::names(Role::is_inserted), |out, name| {
        out.push_sql(name);
    });
    out.push_sql(") ");
    source.push(Role::is_inserted, out)?;
    match existing {
        Existing::Fails => {}
        Existing::Stays => out.push_sql(" ON CONFLICT DO NOTHING"),
        Existing::IsSet => {
            out.push_sql(" ON CONFLICT (");
            push_list(out, S::Row::names(Role::is_key), |out, name| {
                out.push_sql(name);
            });
            out.push_sql(") DO UPDATE SET ");
            push_list(out, S::Row::names(Role::is_set), |out, name| {
                push_all(out, &[name, " = excluded.", name]);
            });
        }
    }
    Ok(())
}

/// What an account's row gets beside the values.
const RAISED: &[&str] = &["version = t.version + 1"];

fn push_update<'b, DB: Backend, S: Source<DB>>(
    source: &'b S,
    wanted: Wanted,
    also: &[&str],
    out: &mut AstPass<'_, 'b, DB>,
) -> QueryResult<()> {
    let keys: Vec<_> = S::Row::names(Role::is_key).collect();
    out.push_sql("WITH u (");
    push_list(out, S::Row::names(wanted), |out, name| out.push_sql(name));
    out.push_sql(") AS (");
    source.push(wanted, out)?;
    push_all(out, &[") UPDATE ", S::Row::TABLE, " AS t SET "]);
    push_all(out, also);
    let values = S::Row::names(wanted).filter(|name| !keys.contains(name));
    for (index, name) in values.enumerate() {
        let comma = if index == 0 && also.is_empty() {
            ""
        } else {
            ", "
        };
        push_all(out, &[comma, name, " = u.", name]);
    }
    out.push_sql(" FROM u WHERE ");
    for (index, name) in keys.into_iter().enumerate() {
        let and = if index == 0 { "" } else { " AND " };
        push_all(out, &[and, "t.", name, " = u.", name]);
    }
    Ok(())
}

fn push_all<DB: Backend>(out: &mut AstPass<'_, '_, DB>, parts: &[&str]) {
    for part in parts {
        out.push_sql(part);
    }
}

/// Pushes names with commas between them.
fn push_list<'a, 'b, DB: Backend>(
    out: &mut AstPass<'a, 'b, DB>,
    names: impl Iterator<Item = &'static str>,
    push: impl Fn(&mut AstPass<'a, 'b, DB>, &str),
) {
    for (index, name) in names.enumerate() {
        if index > 0 {
            out.push_sql(", ");
        }
        push(out, name);
    }
}
