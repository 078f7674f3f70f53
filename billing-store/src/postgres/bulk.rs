//! Statements over many rows: one array per column. They are written as text because diesel has no
//! form for them, and as query fragments of their own because it keeps neither plain text nor
//! upserts and updates prepared.

use diesel::{
    QueryResult, Selectable,
    dsl::{AsSelect, SqlTypeOf},
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, Text},
};

use crate::{
    rows::{
        AccountRow, AccountUpdate, DbMoney, DbRate, RecordRow, RedemptionRow, RollupRow,
        columns::{account_columns, record_columns, redemption_columns, rollup_columns},
    },
    sql_types::{DbTimestamp, ExactDecimal, UtcTimestamp},
};

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

/// A statement `<before> (columns) <between> unnest(arrays) <after>`.
macro_rules! bulk_statement {
    (
        {
            $(#[$doc:meta])*
            $name:ident of $row:ident: $before:literal, $between:literal, $after:literal
        }
        $($column:ident: $rust:ty as $sql:ty = $pg:literal,)+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $($column: Vec<$rust>,)+
        }

        impl $name {
            pub(super) fn new(rows: Vec<$row>) -> Self {
                let mut columns = Self::default();
                $(columns.$column.reserve_exact(rows.len());)+
                for row in rows {
                    $(columns.$column.push(row.$column);)+
                }
                columns
            }
        }

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql(concat!($before, " ("));
                let mut separator = "";
                $(
                    out.push_sql(separator);
                    out.push_sql(stringify!($column));
                    separator = ", ";
                )+
                out.push_sql(concat!(") ", $between, " unnest("));
                separator = "";
                $(
                    out.push_sql(separator);
                    out.push_bind_param::<Array<$sql>, _>(&self.$column)?;
                    out.push_sql(concat!("::", $pg, "[]"));
                    separator = ", ";
                )+
                let _ = separator;
                out.push_sql(concat!(") ", $after));
                Ok(())
            }
        }

        prepared!($name);
    };
}

record_columns! { bulk_statement! {
    /// Inserts records; one that is there already is left alone and not counted.
    InsertRecords of RecordRow:
    "INSERT INTO billing_records", "SELECT * FROM", "ON CONFLICT DO NOTHING"
}}

rollup_columns! { bulk_statement! {
    /// Adds to rollups.
    UpsertRollups of RollupRow:
    "INSERT INTO usage_rollups AS r", "SELECT * FROM",
    "ON CONFLICT (user_id, day, model, invoice_month, terms) DO UPDATE SET \
         record_count = r.record_count + excluded.record_count, \
         prompt_tokens = r.prompt_tokens + excluded.prompt_tokens, \
         completion_tokens = r.completion_tokens + excluded.completion_tokens, \
         cached_prompt_tokens = r.cached_prompt_tokens + excluded.cached_prompt_tokens, \
         cache_write_tokens = r.cache_write_tokens + excluded.cache_write_tokens, \
         reasoning_tokens = r.reasoning_tokens + excluded.reasoning_tokens, \
         overage_tokens = r.overage_tokens + excluded.overage_tokens, \
         cost_usd = r.cost_usd + excluded.cost_usd, \
         covered_amount = r.covered_amount + excluded.covered_amount, \
         overage_cost = r.overage_cost + excluded.overage_cost, \
         discount_amount = r.discount_amount + excluded.discount_amount, \
         final_cost = r.final_cost + excluded.final_cost"
}}

account_columns! { bulk_statement! {
    /// Stores what usage changed of accounts that the transaction has locked.
    UpdateAccounts of AccountUpdate:
    "WITH u", "AS (SELECT * FROM",
    ") UPDATE accounts AS a SET version = a.version + 1, \
         tokens_used = u.tokens_used, \
         quota_used = u.quota_used, \
         topup_balance = u.topup_balance, \
         overage_tokens = u.overage_tokens, \
         uninvoiced = u.uninvoiced, \
         alert_levels_announced = u.alert_levels_announced, \
         event_sequence = u.event_sequence, \
         updated_at = u.updated_at \
         FROM u WHERE a.user_id = u.user_id"
}}

redemption_columns! { bulk_statement! {
    /// Stores redemptions and what they have saved.
    UpsertRedemptions of RedemptionRow:
    "INSERT INTO coupon_usages", "SELECT * FROM",
    "ON CONFLICT (user_id, id) DO UPDATE SET \
         discount_amount = excluded.discount_amount, open_discounts = excluded.open_discounts"
}}

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
