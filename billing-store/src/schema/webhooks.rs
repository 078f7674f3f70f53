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
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}
