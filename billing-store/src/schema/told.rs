//! What the world is told.

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{UtcTimestamp, UuidBytes};
    events (user_id, sequence) {
        user_id -> Text,
        sequence -> BigInt,
        id -> UuidBytes,
        #[sql_name = "type"]
        type_ -> Text,
        body -> Text,
        fault -> Nullable<Text>,
        created_at -> UtcTimestamp,
        place -> Nullable<BigInt>,
    }
}

diesel::table! {
    event_log (name) {
        name -> Text,
        last_place -> BigInt,
        last_sequence -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    unpriced_models (hour, model_id) {
        hour -> UtcTimestamp,
        model_id -> Text,
    }
}
