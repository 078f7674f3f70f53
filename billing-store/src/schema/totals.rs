//! The views that sums are read from.

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp, UuidBytes};
    /// A view; diesel asks for a key.
    record_totals (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        day -> Text,
        invoice_month -> Text,
        price_id -> Integer,
        plan_version_id -> Integer,
        window_start -> UtcTimestamp,
        reversal -> Bool,
        record_count -> BigInt,
        prompt_tokens -> BigInt,
        completion_tokens -> BigInt,
        cached_prompt_tokens -> BigInt,
        cache_write_tokens -> BigInt,
        reasoning_tokens -> BigInt,
        overage_tokens -> BigInt,
        cost_usd -> ExactDecimal,
        covered_amount -> ExactDecimal,
        overage_cost -> ExactDecimal,
        discount_amount -> ExactDecimal,
        final_cost -> ExactDecimal,
        model -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    /// A view; diesel asks for a key.
    usage_totals (user_id) {
        user_id -> Text,
        day -> Text,
        invoice_month -> Text,
        price_id -> Integer,
        plan_version_id -> Integer,
        window_start -> UtcTimestamp,
        reversal -> Bool,
        record_count -> BigInt,
        prompt_tokens -> BigInt,
        completion_tokens -> BigInt,
        cached_prompt_tokens -> BigInt,
        cache_write_tokens -> BigInt,
        reasoning_tokens -> BigInt,
        overage_tokens -> BigInt,
        cost_usd -> ExactDecimal,
        covered_amount -> ExactDecimal,
        overage_cost -> ExactDecimal,
        discount_amount -> ExactDecimal,
        final_cost -> ExactDecimal,
        model -> Text,
    }
}
