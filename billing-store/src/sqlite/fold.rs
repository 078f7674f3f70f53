//! The statements of folding, one account at a time. Nobody else writes meanwhile, so all of an
//! account's records are there.

use diesel::{
    QueryResult,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Text,
    sqlite::Sqlite,
};

use crate::rows::{MONEY_SUMS, ROLLUP_KEYS, WHOLE_SUMS};

/// Adds what is behind a user's watermark to the rollups. A sum that does not fit is NULL, which no
/// column takes.
pub(super) struct SumTail<'a>(pub(super) &'a str);

/// Raises a user's watermark to the last record.
pub(super) struct RaiseWatermark<'a>(pub(super) &'a str);

impl QueryFragment<Sqlite> for SumTail<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let keys = ROLLUP_KEYS.join(", ");
        let each = |whole: fn(&str) -> String, money: fn(&str) -> String| {
            let whole = WHOLE_SUMS.iter().map(|column| whole(column));
            let money = MONEY_SUMS.iter().map(|column| money(column));
            whole.chain(money).collect::<Vec<_>>().join(", ")
        };
        out.push_sql("INSERT INTO usage_rollups AS t (");
        out.push_sql(&format!("{keys}, {}) ", each(str::to_owned, str::to_owned)));
        let (whole, money) = (
            |c: &str| format!("sum({c})"),
            |c: &str| format!("exact_sum({c})"),
        );
        out.push_sql(&format!(
            "SELECT {keys}, {} FROM record_totals ",
            each(whole, money)
        ));
        out.push_sql("WHERE user_id = ");
        out.push_bind_param::<Text, _>(self.0)?;
        out.push_sql(" AND id > coalesce((SELECT folded_to FROM accounts WHERE user_id = ");
        out.push_bind_param::<Text, _>(self.0)?;
        out.push_sql(&format!(
            "), x'') GROUP BY {keys} ON CONFLICT ({keys}) DO UPDATE SET "
        ));
        out.push_sql(&each(
            |column| format!("{column} = t.{column} + excluded.{column}"),
            |column| format!("{column} = exact_add(t.{column}, excluded.{column})"),
        ));
        Ok(())
    }
}

impl QueryFragment<Sqlite> for RaiseWatermark<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE accounts SET folded_to = last_record_id, tail_records = 0 \
             WHERE last_record_id IS NOT folded_to AND user_id = ",
        );
        out.push_bind_param::<Text, _>(self.0)
    }
}

/// What makes a fragment a statement that is kept prepared.
macro_rules! prepared {
    ($($name:ident),+) => {
        $(
            impl QueryId for $name<'_> {
                type QueryId = $name<'static>;
                const HAS_STATIC_QUERY_ID: bool = true;
            }

            impl<Conn> diesel::RunQueryDsl<Conn> for $name<'_> {}
        )+
    };
}

prepared!(SumTail, RaiseWatermark);
