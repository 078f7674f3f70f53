//! Webhooks that are sent.

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{JsonText, UtcTimestamp, UuidBytes};
    webhook_endpoints (id) {
        id -> UuidBytes,
        url -> Text,
        description -> Text,
        event_types -> JsonText,
        user_ids -> JsonText,
        enabled -> Bool,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<UtcTimestamp>,
        secret -> Text,
        old_secrets -> JsonText,
        failures_in_row -> Integer,
        failing_since -> Nullable<UtcTimestamp>,
        attempts_since_success -> Integer,
        last_success_at -> Nullable<UtcTimestamp>,
        next_probe_at -> Nullable<UtcTimestamp>,
        told_failing_at -> Nullable<UtcTimestamp>,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}
