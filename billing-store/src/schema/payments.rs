//! Payments.

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    payment_customers (user_id, provider, is_live) {
        user_id -> Text,
        provider -> Text,
        is_live -> Bool,
        customer_id -> Text,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp, UuidBytes};
    payment_methods (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        provider -> Text,
        is_live -> Bool,
        provider_customer_id -> Text,
        provider_method_id -> Text,
        brand -> Text,
        last4 -> Text,
        expiry_month -> Nullable<Integer>,
        expiry_year -> Nullable<Integer>,
        is_default -> Bool,
        topup_consent_by -> Nullable<Text>,
        topup_consented_at -> Nullable<UtcTimestamp>,
        topup_consent_threshold -> Nullable<BigInt>,
        topup_consent_amount -> Nullable<ExactDecimal>,
        collect_consent_by -> Nullable<Text>,
        collect_consented_at -> Nullable<UtcTimestamp>,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp, UuidBytes};
    payment_transactions (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        kind -> Text,
        provider -> Text,
        is_live -> Bool,
        provider_reference -> Nullable<Text>,
        status -> Text,
        amount -> ExactDecimal,
        refunded_amount -> ExactDecimal,
        disputed_amount -> ExactDecimal,
        fee -> Nullable<ExactDecimal>,
        currency -> Text,
        payment_method_id -> Nullable<UuidBytes>,
        allocations -> JsonText,
        tokens -> BigInt,
        tokens_taken_back -> BigInt,
        tokens_frozen -> BigInt,
        tokens_short -> BigInt,
        is_automatic -> Bool,
        refund_of -> Nullable<UuidBytes>,
        failure_code -> Nullable<Text>,
        failure_message -> Nullable<Text>,
        next_action_url -> Nullable<Text>,
        attention -> Nullable<Text>,
        request_id -> Nullable<Text>,
        fingerprint -> Nullable<Binary>,
        expires_at -> Nullable<UtcTimestamp>,
        next_look_at -> Nullable<UtcTimestamp>,
        succeeded_at -> Nullable<UtcTimestamp>,
        lost_at -> Nullable<UtcTimestamp>,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}
