//! Rows of `alerts` and `outbox`.

use billing_core::{
    alert::{Alert, Level},
    ids::UserId,
};
use chrono::{DateTime, SecondsFormat, Utc};
use diesel::Insertable;
use serde_json::json;

use super::DbTimestamp;
use crate::{
    StoreError,
    schema::{alerts, outbox},
};

#[derive(Debug, Insertable)]
#[diesel(table_name = alerts)]
pub(crate) struct AlertRow {
    user_id: String,
    window_start: DbTimestamp,
    level: String,
    tokens_remaining: i64,
    created_at: DbTimestamp,
}

/// An event that waits to be delivered.
#[derive(Debug, Insertable)]
#[diesel(table_name = outbox)]
pub(crate) struct EventRow {
    user_id: String,
    sequence: i64,
    type_: &'static str,
    payload: String,
    created_at: DbTimestamp,
    available_at: DbTimestamp,
}

impl AlertRow {
    pub(crate) fn new(user_id: &UserId, alert: &Alert, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            window_start: DbTimestamp(alert.window_start),
            level: level_text(alert.level).to_owned(),
            tokens_remaining: alert.tokens_remaining,
            created_at: DbTimestamp(now),
        }
    }
}

impl EventRow {
    /// The announcement of an alert.
    pub(crate) fn announcing(user_id: &UserId, alert: &Alert, now: DateTime<Utc>) -> Self {
        let payload = json!({
            "level": level_text(alert.level),
            "window_start": alert.window_start.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "tokens_remaining": alert.tokens_remaining,
            "tokens_total": alert.tokens_total,
        });
        Self {
            user_id: user_id.to_string(),
            sequence: alert.sequence,
            type_: "quota_alert",
            payload: payload.to_string(),
            created_at: DbTimestamp(now),
            available_at: DbTimestamp(now),
        }
    }
}

fn level_text(level: Level) -> &'static str {
    match level {
        Level::MostUsed => "80%",
        Level::Threshold => "threshold",
        Level::UsedUp => "100%",
    }
}

/// Levels as a JSON array of texts.
pub(super) fn format_levels(levels: &[Level]) -> String {
    let texts: Vec<_> = levels
        .iter()
        .map(|level| format!("\"{}\"", level_text(*level)))
        .collect();
    format!("[{}]", texts.join(","))
}

pub(super) fn parse_levels(json: &str) -> Result<Vec<Level>, StoreError> {
    const COLUMN: &str = "alert_levels_announced";
    const LEVELS: [Level; 3] = [Level::MostUsed, Level::Threshold, Level::UsedUp];
    let texts: Vec<&str> =
        serde_json::from_str(json).map_err(|error| StoreError::corrupt(COLUMN, error))?;
    let level = |text: &str| {
        let found = LEVELS.into_iter().find(|level| level_text(*level) == text);
        found.ok_or_else(|| StoreError::corrupt(COLUMN, text))
    };
    texts.into_iter().map(level).collect()
}
