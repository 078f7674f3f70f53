//! Statements of the usage transaction, one row at a time. They are query fragments of their own
//! because diesel keeps inserts, upserts and updates on SQLite unprepared, and preparing one costs
//! more than running it.

use diesel::{
    QueryResult,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Nullable, Text},
    sqlite::Sqlite,
};

use crate::{
    rows::{
        AccountUpdate, RecordRow, RedemptionRow, RollupRow,
        columns::{account_columns, record_columns, redemption_columns, rollup_columns},
    },
    sql_types::{ExactDecimal, UtcTimestamp},
};

/// A statement `<before> (columns) <between> (values) <after>`.
macro_rules! row_statement {
    (
        {
            $(#[$doc:meta])*
            $name:ident of $row:ident: $before:literal, $between:literal, $after:literal
        }
        $($column:ident: $rust:ty as $sql:ty = $pg:literal,)+
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name<'a>(pub(super) &'a $row);

        impl QueryFragment<Sqlite> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                out.push_sql(concat!($before, " ("));
                let mut separator = "";
                $(
                    out.push_sql(separator);
                    out.push_sql(stringify!($column));
                    separator = ", ";
                )+
                out.push_sql(concat!(") ", $between, " ("));
                separator = "";
                $(
                    out.push_sql(separator);
                    out.push_bind_param::<$sql, _>(&self.0.$column)?;
                    separator = ", ";
                )+
                let _ = separator;
                out.push_sql(concat!(") ", $after));
                Ok(())
            }
        }

        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<Conn> diesel::RunQueryDsl<Conn> for $name<'_> {}
    };
}

record_columns! { row_statement! {
    /// Inserts a record; one that is there already is left alone and not counted.
    InsertRecord of RecordRow: "INSERT INTO billing_records", "VALUES", "ON CONFLICT DO NOTHING"
}}

rollup_columns! { row_statement! {
    /// Adds to a rollup. A sum that does not fit is NULL, which no column takes.
    UpsertRollup of RollupRow:
    "INSERT INTO usage_rollups", "VALUES",
    "ON CONFLICT (user_id, day, model, invoice_month, terms) DO UPDATE SET \
         record_count = record_count + excluded.record_count, \
         prompt_tokens = prompt_tokens + excluded.prompt_tokens, \
         completion_tokens = completion_tokens + excluded.completion_tokens, \
         cached_prompt_tokens = cached_prompt_tokens + excluded.cached_prompt_tokens, \
         cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, \
         reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, \
         overage_tokens = overage_tokens + excluded.overage_tokens, \
         cost_usd = exact_add(cost_usd, excluded.cost_usd), \
         covered_amount = exact_add(covered_amount, excluded.covered_amount), \
         overage_cost = exact_add(overage_cost, excluded.overage_cost), \
         discount_amount = exact_add(discount_amount, excluded.discount_amount), \
         final_cost = exact_add(final_cost, excluded.final_cost)"
}}

account_columns! { row_statement! {
    /// Stores what usage changed of an account.
    UpdateAccount of AccountUpdate:
    "WITH u", "AS (VALUES",
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

redemption_columns! { row_statement! {
    /// Stores a redemption and what it has saved.
    UpsertRedemption of RedemptionRow:
    "INSERT INTO coupon_usages", "VALUES",
    "ON CONFLICT (user_id, id) DO UPDATE SET \
         discount_amount = excluded.discount_amount, open_discounts = excluded.open_discounts"
}}
