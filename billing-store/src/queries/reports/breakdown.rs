//! Usage summed up by day, model and user.

use billing_core::report::{GroupSums, Grouping};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;

use super::super::{
    Tx,
    sums::{exact_sum, whole_sum},
};
use crate::{
    StoreError, SumsFilter,
    rows::{GroupRow, sums_of},
    schema::usage_totals,
};

/// At most `limit` sums in the order of their keys.
pub(super) async fn usage_sums(
    tx: &mut Tx,
    filter: SumsFilter,
    limit: i64,
) -> Result<Vec<GroupSums>, StoreError> {
    let [day, model, user_id] = columns(filter.grouping);
    // By their places, because a constant can be selected but not grouped by.
    let keys = || sql::<Text>("1, 2, 3");
    let mut query = usage_totals::table
        .group_by(keys())
        .order(keys())
        .select((
            sql::<Text>(day),
            sql::<Text>(model),
            sql::<Text>(user_id),
            sums_of!(usage_totals),
        ))
        .filter(usage_totals::day.ge(filter.days.first.to_string()))
        .filter(usage_totals::day.lt(filter.days.end.to_string()))
        .limit(limit)
        .into_boxed();
    if let Some(user_id) = filter.user_id {
        query = query.filter(usage_totals::user_id.eq(user_id.into_string()));
    }
    if let Some(model) = filter.model {
        query = query.filter(usage_totals::model.eq(model.into_string()));
    }
    if let Some(after) = filter.after {
        let [last_day, last_model, last_user] = after.texts();
        let later = sql::<Bool>(&format!("({day}, {model}, {user_id}) > ("))
            .bind::<Text, _>(last_day)
            .sql(", ")
            .bind::<Text, _>(last_model)
            .sql(", ")
            .bind::<Text, _>(last_user)
            .sql(")");
        query = query.filter(later);
    }
    let rows = query.load::<GroupRow>(&mut tx.conn).await?;
    rows.into_iter().map(GroupSums::try_from).collect()
}

/// What stands for day, model and user.
fn columns(grouping: Grouping) -> [&'static str; 3] {
    let column = |grouped, column| if grouped { column } else { "''" };
    [
        column(grouping.by_day, "day"),
        column(grouping.by_model, "model"),
        column(grouping.by_user, "user_id"),
    ]
}
