//! Statements over many rows: one array per column. They are written as text because diesel has no
//! form for them, and as query fragments of their own because plain text is never kept prepared.

use diesel::{
    QueryResult,
    dsl::{AsSelect, SqlTypeOf},
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, Text},
};

use crate::{
    rows::{AccountUpdate, DbMoney, DbRate, RecordRow, RollupRow},
    sql_types::{DbTimestamp, ExactDecimal, UtcTimestamp},
};

/// The columns of `billing_records` in the order of [`RecordRow`].
macro_rules! record_columns {
    () => {
        "user_id, id, subscription_id, model, provider, request_id, prompt_tokens, \
         completion_tokens, total_tokens, cached_prompt_tokens, cache_write_tokens, \
         reasoning_tokens, cost_usd, discount_rate, covered_amount, quota_tokens, topup_tokens, \
         overage_tokens, overage_cost, discount_amount, final_cost, coupon_id, status, \
         billing_month, invoice_month, corrects_id, fingerprint, rated_at, created_at, updated_at"
    };
}

macro_rules! bulk_statement {
    (
        $(#[$doc:meta])*
        $name:ident of $row:ident {
            $($column:ident: $rust:ty as $sql:ty = $pg:literal,)+
        }
        [$head:expr] .. [$tail:expr]
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
                out.push_sql($head);
                let mut separator = "";
                $(
                    out.push_sql(separator);
                    out.push_bind_param::<Array<$sql>, _>(&self.$column)?;
                    out.push_sql(concat!("::", $pg, "[]"));
                    separator = ", ";
                )+
                let _ = separator;
                out.push_sql($tail);
                Ok(())
            }
        }

        impl QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<Conn> diesel::RunQueryDsl<Conn> for $name {}
    };
}

bulk_statement! {
    /// Inserts records; one that is there already is left alone and not counted.
    InsertRecords of RecordRow {
        user_id: String as Text = "text",
        id: String as Text = "text",
        subscription_id: Option<String> as Nullable<Text> = "text",
        model: String as Text = "text",
        provider: String as Text = "text",
        request_id: String as Text = "text",
        prompt_tokens: i64 as BigInt = "bigint",
        completion_tokens: i64 as BigInt = "bigint",
        total_tokens: i64 as BigInt = "bigint",
        cached_prompt_tokens: i64 as BigInt = "bigint",
        cache_write_tokens: i64 as BigInt = "bigint",
        reasoning_tokens: i64 as BigInt = "bigint",
        cost_usd: DbMoney as ExactDecimal = "numeric",
        discount_rate: DbRate as ExactDecimal = "numeric",
        covered_amount: DbMoney as ExactDecimal = "numeric",
        quota_tokens: i64 as BigInt = "bigint",
        topup_tokens: i64 as BigInt = "bigint",
        overage_tokens: i64 as BigInt = "bigint",
        overage_cost: DbMoney as ExactDecimal = "numeric",
        discount_amount: DbMoney as ExactDecimal = "numeric",
        final_cost: DbMoney as ExactDecimal = "numeric",
        coupon_id: Option<String> as Nullable<Text> = "text",
        status: String as Text = "text",
        billing_month: String as Text = "text",
        invoice_month: String as Text = "text",
        corrects_id: Option<String> as Nullable<Text> = "text",
        fingerprint: Vec<u8> as Binary = "bytea",
        rated_at: DbTimestamp as UtcTimestamp = "timestamptz",
        created_at: DbTimestamp as UtcTimestamp = "timestamptz",
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz",
    }
    [concat!("INSERT INTO billing_records (", record_columns!(), ") SELECT * FROM unnest(")]
    .. [") ON CONFLICT DO NOTHING"]
}

bulk_statement! {
    /// Adds to rollups.
    UpsertRollups of RollupRow {
        user_id: String as Text = "text",
        day: String as Text = "text",
        model: String as Text = "text",
        invoice_month: String as Text = "text",
        record_count: i64 as BigInt = "bigint",
        prompt_tokens: i64 as BigInt = "bigint",
        completion_tokens: i64 as BigInt = "bigint",
        covered_tokens: i64 as BigInt = "bigint",
        overage_tokens: i64 as BigInt = "bigint",
        cost_usd: DbMoney as ExactDecimal = "numeric",
        discounted_cost: DbMoney as ExactDecimal = "numeric",
        covered_cost_usd: DbMoney as ExactDecimal = "numeric",
        covered_amount: DbMoney as ExactDecimal = "numeric",
        overage_cost: DbMoney as ExactDecimal = "numeric",
        discount_amount: DbMoney as ExactDecimal = "numeric",
        final_cost: DbMoney as ExactDecimal = "numeric",
    }
    ["INSERT INTO usage_rollups AS r (user_id, day, model, invoice_month, record_count, \
     prompt_tokens, completion_tokens, covered_tokens, overage_tokens, cost_usd, discounted_cost, \
     covered_cost_usd, covered_amount, overage_cost, discount_amount, final_cost) \
     SELECT * FROM unnest("] .. [") ON CONFLICT (user_id, day, model, invoice_month) DO UPDATE SET \
     record_count = r.record_count + excluded.record_count, \
     prompt_tokens = r.prompt_tokens + excluded.prompt_tokens, \
     completion_tokens = r.completion_tokens + excluded.completion_tokens, \
     covered_tokens = r.covered_tokens + excluded.covered_tokens, \
     overage_tokens = r.overage_tokens + excluded.overage_tokens, \
     cost_usd = r.cost_usd + excluded.cost_usd, \
     discounted_cost = r.discounted_cost + excluded.discounted_cost, \
     covered_cost_usd = r.covered_cost_usd + excluded.covered_cost_usd, \
     covered_amount = r.covered_amount + excluded.covered_amount, \
     overage_cost = r.overage_cost + excluded.overage_cost, \
     discount_amount = r.discount_amount + excluded.discount_amount, \
     final_cost = r.final_cost + excluded.final_cost"]
}

bulk_statement! {
    /// Stores what usage changed of accounts that the transaction has locked.
    UpdateAccounts of AccountUpdate {
        user_id: String as Text = "text",
        tokens_used: i64 as BigInt = "bigint",
        quota_used: i64 as BigInt = "bigint",
        topup_balance: i64 as BigInt = "bigint",
        overage_tokens: i64 as BigInt = "bigint",
        uninvoiced: String as Text = "text",
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz",
    }
    ["UPDATE accounts AS a SET tokens_used = u.tokens_used, quota_used = u.quota_used, \
     topup_balance = u.topup_balance, overage_tokens = u.overage_tokens, \
     uninvoiced = u.uninvoiced, updated_at = u.updated_at \
     FROM unnest("] .. [") AS u(user_id, tokens_used, quota_used, topup_balance, overage_tokens, \
     uninvoiced, updated_at) WHERE a.user_id = u.user_id"]
}

/// Finds the records that are stored under pairs of user and request id.
#[derive(Debug)]
pub(super) struct FindRecorded {
    user_ids: Vec<String>,
    request_ids: Vec<String>,
}

impl FindRecorded {
    pub(super) fn new(requests: Vec<(String, String)>) -> Self {
        let (user_ids, request_ids) = requests.into_iter().unzip();
        Self {
            user_ids,
            request_ids,
        }
    }
}

impl QueryFragment<Pg> for FindRecorded {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(concat!("SELECT ", record_columns!(), " FROM unnest("));
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

impl QueryId for FindRecorded {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for FindRecorded {
    type SqlType = SqlTypeOf<AsSelect<RecordRow, Pg>>;
}

impl<Conn> diesel::RunQueryDsl<Conn> for FindRecorded {}
