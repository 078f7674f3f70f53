//! Statements over many rows: one array per column. They are written as text because diesel has no
//! form for them, and as query fragments of their own because it keeps neither plain text nor
//! upserts and updates prepared.

use diesel::{
    QueryResult, Selectable,
    dsl::{AsSelect, SqlTypeOf},
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, Text},
};

use crate::{
    rows::{
        AccountRow, MONEY_SUMS, ROLLUP_KEYS, RecordRow, WHOLE_SUMS,
        statements::Source,
        table::{Row, Wanted},
    },
    sql_types::{DbTimestamp, UtcTimestamp},
};

/// Rows as one array per column.
#[derive(Debug)]
pub(super) struct Arrays<R: Row>(R::Columns);

impl<R: Row> Arrays<R> {
    pub(super) fn new(rows: Vec<R>, wanted: Wanted) -> Self {
        Self(R::columns_of(rows, wanted))
    }
}

impl<R: Row> Source<Pg> for Arrays<R> {
    type Row = R;

    fn push<'b>(&'b self, wanted: Wanted, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM unnest(");
        R::push_arrays(&self.0, wanted, out)?;
        out.push_sql(")");
        Ok(())
    }
}

/// What makes a fragment a statement that is kept prepared.
macro_rules! prepared {
    ($name:ident) => {
        impl QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<Conn> diesel::RunQueryDsl<Conn> for $name {}
    };
}

/// Locks the accounts of users in the order given and reads them, creating those that are missing.
/// An upsert does all of it at once, on every shard.
pub(super) struct LockAccounts {
    user_ids: Vec<String>,
    now: DbTimestamp,
    selection: <AccountRow as Selectable<Pg>>::SelectExpression,
}

impl LockAccounts {
    pub(super) fn new(user_ids: Vec<String>, now: DbTimestamp) -> Self {
        Self {
            user_ids,
            now,
            selection: <AccountRow as Selectable<Pg>>::construct_selection(),
        }
    }
}

impl QueryFragment<Pg> for LockAccounts {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO accounts (created_at, updated_at, user_id) SELECT ");
        out.push_bind_param::<UtcTimestamp, _>(&self.now)?;
        out.push_sql("::timestamptz, ");
        out.push_bind_param::<UtcTimestamp, _>(&self.now)?;
        out.push_sql("::timestamptz, unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.user_ids)?;
        out.push_sql(
            "::text[]) ON CONFLICT (user_id) DO UPDATE SET version = accounts.version RETURNING ",
        );
        self.selection.walk_ast(out.reborrow())
    }
}

impl Query for LockAccounts {
    type SqlType = SqlTypeOf<AsSelect<AccountRow, Pg>>;
}

prepared!(LockAccounts);

/// Finds the records that are stored under pairs of user and request id.
pub(super) struct FindRecorded {
    user_ids: Vec<String>,
    request_ids: Vec<String>,
    selection: <RecordRow as Selectable<Pg>>::SelectExpression,
}

impl FindRecorded {
    pub(super) fn new(requests: Vec<(String, String)>) -> Self {
        let (user_ids, request_ids) = requests.into_iter().unzip();
        Self {
            user_ids,
            request_ids,
            selection: <RecordRow as Selectable<Pg>>::construct_selection(),
        }
    }
}

impl QueryFragment<Pg> for FindRecorded {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.selection.walk_ast(out.reborrow())?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.user_ids)?;
        out.push_sql("::text[], ");
        out.push_bind_param::<Array<Text>, _>(&self.request_ids)?;
        out.push_sql(
            "::text[]) AS wanted(user_id, request_id) \
             JOIN billing_records USING (user_id, request_id)",
        );
        Ok(())
    }
}

impl Query for FindRecorded {
    type SqlType = SqlTypeOf<AsSelect<RecordRow, Pg>>;
}

prepared!(FindRecorded);

/// Folds accounts, and answers those that no other transaction had locked. The new watermark is the
/// last record that the statement's own snapshot sees: what is committed meanwhile stays behind it.
pub(super) struct Fold {
    user_ids: Vec<String>,
}

impl Fold {
    pub(super) const fn new(user_ids: Vec<String>) -> Self {
        Self { user_ids }
    }
}

impl QueryFragment<Pg> for Fold {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH locked AS MATERIALIZED (\
                 SELECT user_id, folded_to FROM accounts WHERE user_id = ANY(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.user_ids)?;
        out.push_sql(
            "::text[]) ORDER BY user_id FOR NO KEY UPDATE SKIP LOCKED\
             ), tail AS MATERIALIZED (\
                 SELECT own.* FROM locked CROSS JOIN LATERAL (\
                     SELECT * FROM record_totals AS r WHERE r.user_id = locked.user_id \
                     AND r.id > coalesce(\
                         locked.folded_to, UUID '00000000-0000-0000-0000-000000000000') \
                     ORDER BY r.id\
                 ) AS own\
             ), summed AS (INSERT INTO usage_rollups AS t (",
        );
        let keys = ROLLUP_KEYS.join(", ");
        let sums = || WHOLE_SUMS.iter().chain(MONEY_SUMS);
        let each = |form: fn(&str) -> String| {
            let columns: Vec<_> = sums().map(|column| form(column)).collect();
            columns.join(", ")
        };
        out.push_sql(&format!("{keys}, {}) SELECT {keys}, ", each(str::to_owned)));
        out.push_sql(&each(|column| format!("sum({column})")));
        out.push_sql(&format!(" FROM tail GROUP BY {keys} ON CONFLICT ({keys}) "));
        out.push_sql("DO UPDATE SET ");
        out.push_sql(&each(|column| {
            format!("{column} = t.{column} + excluded.{column}")
        }));
        out.push_sql(
            "), raised AS (\
                 UPDATE accounts AS a \
                 SET folded_to = last.id, tail_records = a.tail_records - last.records FROM (\
                     SELECT DISTINCT ON (user_id) user_id, id, \
                     count(*) OVER (PARTITION BY user_id) AS records \
                     FROM tail ORDER BY user_id, id DESC\
                 ) AS last WHERE a.user_id = last.user_id\
             ) SELECT user_id FROM locked",
        );
        Ok(())
    }
}

impl Query for Fold {
    type SqlType = Text;
}

prepared!(Fold);
