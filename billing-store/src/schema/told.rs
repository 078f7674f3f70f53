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

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    outlets (outlet) {
        outlet -> Text,
        failures -> Integer,
        failing_since -> Nullable<UtcTimestamp>,
        succeeded_at -> Nullable<UtcTimestamp>,
        probe_at -> Nullable<UtcTimestamp>,
        drained_to -> Nullable<UtcTimestamp>,
        told_at -> Nullable<UtcTimestamp>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{UtcTimestamp, UuidBytes};
    deliveries (user_id, sequence, outlet) {
        user_id -> Text,
        sequence -> BigInt,
        outlet -> Text,
        status -> Text,
        attempts -> Integer,
        attempts_made -> Integer,
        next_at -> UtcTimestamp,
        lease -> Nullable<UuidBytes>,
        leased_until -> Nullable<UtcTimestamp>,
        created_at -> UtcTimestamp,
        finished_at -> Nullable<UtcTimestamp>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    delivery_attempts (user_id, sequence, outlet, number) {
        user_id -> Text,
        sequence -> BigInt,
        outlet -> Text,
        number -> Integer,
        made_at -> UtcTimestamp,
        status_code -> Nullable<Integer>,
        error -> Nullable<Text>,
        answer -> Text,
        took_ms -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    mails (user_id, sequence, outlet) {
        user_id -> Text,
        sequence -> BigInt,
        outlet -> Text,
        sender -> Text,
        recipient -> Text,
        content -> Binary,
        created_at -> UtcTimestamp,
    }
}
