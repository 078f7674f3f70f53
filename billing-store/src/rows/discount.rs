//! Rows of `user_discounts`.

use billing_core::{account::DiscountChange, ids::UserId};
use chrono::{DateTime, Utc};
use diesel::sql_types::Text;

use super::{DbRate, DbTimestamp, table::table_row};
use crate::sql_types::{DbFixed, ExactDecimal, UtcTimestamp};

table_row! {
    DiscountRow, DiscountColumns in user_discounts {
        user_id: String as Text = "text", Key;
        effective_from: DbTimestamp as UtcTimestamp = "timestamptz", Key;
        discount_rate: DbRate as ExactDecimal = "numeric", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl DiscountRow {
    pub(crate) fn new(user_id: &UserId, change: DiscountChange, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            effective_from: DbTimestamp(change.from),
            discount_rate: DbFixed(change.rate),
            created_at: DbTimestamp(now),
        }
    }
}

impl From<DiscountRow> for DiscountChange {
    fn from(row: DiscountRow) -> Self {
        Self {
            from: row.effective_from.0,
            rate: row.discount_rate.0,
        }
    }
}
