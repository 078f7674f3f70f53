//! Rows of `alerts` and `outbox`.

use billing_core::{
    event::{Event, EventData, QuotaAlert},
    ids::UserId,
};
use chrono::{DateTime, SecondsFormat, Utc};
use diesel::sql_types::{BigInt, Text};
use serde_json::{Value, json};

use super::{DbTimestamp, table::table_row};
use crate::{
    json::Json,
    sql_types::{JsonText, UtcTimestamp},
};

table_row! {
    AlertRow, AlertColumns in alerts {
        user_id: String as Text = "text", Key;
        window_start: DbTimestamp as UtcTimestamp = "timestamptz", Key;
        level: String as Text = "text", Key;
        tokens_remaining: i64 as BigInt = "bigint", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

table_row! {
    /// An event that waits to be delivered.
    EventRow, EventColumns in outbox {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        type_: String as Text = "text", Insert;
        payload: Json<Value> as JsonText = "jsonb", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        available_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl AlertRow {
    pub(crate) fn new(user_id: &UserId, alert: &QuotaAlert, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            window_start: DbTimestamp(alert.window_start),
            level: alert.level.name().to_owned(),
            tokens_remaining: alert.tokens_remaining,
            created_at: DbTimestamp(now),
        }
    }
}

impl EventRow {
    pub(crate) fn new(user_id: &UserId, event: &Event, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            sequence: event.sequence,
            type_: event.name().to_owned(),
            payload: Json(payload(&event.data)),
            created_at: DbTimestamp(now),
            available_at: DbTimestamp(now),
        }
    }
}

fn payload(data: &EventData) -> Value {
    match data {
        EventData::QuotaAlert(alert) => json!({
            "level": alert.level.name(),
            "window_start": alert.window_start.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "tokens_remaining": alert.tokens_remaining,
            "tokens_total": alert.tokens_total,
        }),
    }
}
