//! The tables as diesel sees them; a test compares them with what the migrations make.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the columns are documented by the contract"
)]

mod credits;
mod payments;
mod told;
mod totals;
mod webhooks;

pub use self::{
    credits::{coupon_catch_ups, credit_notes, document_series, invoice_corrections},
    payments::{payment_customers, payment_methods, payment_transactions},
    told::{deliveries, delivery_attempts, event_log, events, mails, outlets, unpriced_models},
    totals::{record_totals, usage_totals},
    webhooks::webhook_endpoints,
};

/// The id of the only row of `catalog_version`.
pub(crate) const CATALOG: i32 = 1;
/// The name of the only row of `event_log`.
pub(crate) const EVENTS: &str = "events";

diesel::table! {
    use diesel::sql_types::*;
    catalog_version (id) {
        id -> Integer,
        version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    model_prices (id) {
        id -> Integer,
        model_id -> Text,
        provider -> Text,
        prompt_price_per_k -> ExactDecimal,
        completion_price_per_k -> ExactDecimal,
        cached_prompt_price_per_k -> Nullable<ExactDecimal>,
        cache_write_price_per_k -> Nullable<ExactDecimal>,
        reasoning_price_per_k -> Nullable<ExactDecimal>,
        effective_from -> UtcTimestamp,
        created_at -> UtcTimestamp,
        created_by -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp};
    subscription_plans (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        monthly_quota -> BigInt,
        monthly_price -> ExactDecimal,
        extra_token_price -> ExactDecimal,
        support_level -> Text,
        max_concurrent_req -> Integer,
        rate_limit_per_min -> Integer,
        is_active -> Bool,
        display_order -> Integer,
        features -> JsonText,
        usage_pricing -> Text,
        overage_discount_rate -> ExactDecimal,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    plan_versions (id) {
        id -> Integer,
        plan_id -> Text,
        name -> Text,
        monthly_quota -> BigInt,
        monthly_price -> ExactDecimal,
        extra_token_price -> ExactDecimal,
        overage_discount_rate -> ExactDecimal,
        usage_pricing -> Text,
        effective_from -> UtcTimestamp,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp, UuidBytes};
    accounts (user_id) {
        user_id -> Text,
        version -> BigInt,
        open_month -> Text,
        reopened_month -> Nullable<Text>,
        subscription_id -> Nullable<UuidBytes>,
        plan_id -> Nullable<Text>,
        plan_version_id -> Nullable<Integer>,
        subscription_status -> Nullable<Text>,
        billing_cycle -> Nullable<Text>,
        period_anchor -> Nullable<UtcTimestamp>,
        period_start -> Nullable<UtcTimestamp>,
        period_end -> Nullable<UtcTimestamp>,
        window_start -> Nullable<UtcTimestamp>,
        window_end -> Nullable<UtcTimestamp>,
        window_quota -> Nullable<BigInt>,
        earlier_terms -> Nullable<JsonText>,
        next_plan_id -> Nullable<Text>,
        next_billing_cycle -> Nullable<Text>,
        subscribed_at -> Nullable<UtcTimestamp>,
        cancelled_at -> Nullable<UtcTimestamp>,
        auto_renew -> Bool,
        trial_used -> Bool,
        tokens_used -> BigInt,
        quota_used -> BigInt,
        topup_balance -> BigInt,
        overage_tokens -> BigInt,
        reserved_tokens -> BigInt,
        discount_rate -> ExactDecimal,
        discount_from -> Nullable<UtcTimestamp>,
        discount_until -> Nullable<UtcTimestamp>,
        tax_rate -> ExactDecimal,
        tax_exemption -> Nullable<Text>,
        credit_balance -> ExactDecimal,
        uninvoiced -> JsonText,
        closed_cost -> ExactDecimal,
        last_record_id -> Nullable<UuidBytes>,
        folded_to -> Nullable<UuidBytes>,
        tail_records -> BigInt,
        has_redemptions -> Bool,
        has_reservations -> Bool,
        archived_until -> Nullable<UtcTimestamp>,
        alert_levels_announced -> JsonText,
        alert_threshold -> BigInt,
        enable_alerts -> Bool,
        auto_topup -> Bool,
        auto_topup_threshold -> BigInt,
        auto_topup_amount -> ExactDecimal,
        automation -> Nullable<JsonText>,
        collect_at -> Nullable<UtcTimestamp>,
        event_sequence -> BigInt,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    billing_settings (user_id) {
        user_id -> Text,
        id -> Text,
        billing_email -> Text,
        billing_address -> Text,
        tax_id -> Text,
        currency -> Text,
        auto_topup -> Bool,
        auto_topup_threshold -> BigInt,
        auto_topup_amount -> ExactDecimal,
        invoice_frequency -> Text,
        send_invoice_email -> Bool,
        alert_threshold -> BigInt,
        enable_alerts -> Bool,
        billing_name -> Text,
        billing_country -> Text,
        language -> Text,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    user_discounts (user_id, effective_from) {
        user_id -> Text,
        effective_from -> UtcTimestamp,
        discount_rate -> ExactDecimal,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{UtcTimestamp, UuidBytes};
    subscriptions (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        plan_id -> Text,
        status -> Text,
        billing_cycle -> Text,
        current_period_start -> UtcTimestamp,
        current_period_end -> UtcTimestamp,
        tokens_used -> BigInt,
        auto_renew -> Bool,
        next_billing_date -> Nullable<UtcTimestamp>,
        cancelled_at -> Nullable<UtcTimestamp>,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{JsonText, UtcTimestamp, UuidBytes};
    subscription_periods (user_id, subscription_id, window_start) {
        user_id -> Text,
        subscription_id -> UuidBytes,
        window_start -> UtcTimestamp,
        window_end -> UtcTimestamp,
        plan_version_id -> Integer,
        earlier_terms -> Nullable<JsonText>,
        quota -> BigInt,
        tokens_used -> BigInt,
        quota_used -> BigInt,
        overage_tokens -> BigInt,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp, UuidBytes};
    billing_records (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        request_id -> Text,
        model -> Text,
        provider -> Nullable<Text>,
        prompt_tokens -> Integer,
        completion_tokens -> Integer,
        total_tokens -> Integer,
        cached_prompt_tokens -> Nullable<Integer>,
        cache_write_tokens -> Nullable<Integer>,
        reasoning_tokens -> Nullable<Integer>,
        quota_tokens -> Nullable<Integer>,
        topup_tokens -> Nullable<Integer>,
        overage_tokens -> Nullable<Integer>,
        cost_usd -> ExactDecimal,
        discount_rate -> Nullable<ExactDecimal>,
        covered_amount -> Nullable<ExactDecimal>,
        overage_cost -> Nullable<ExactDecimal>,
        discount_amount -> Nullable<ExactDecimal>,
        final_cost -> ExactDecimal,
        coupon_id -> Nullable<UuidBytes>,
        subscription_id -> Nullable<UuidBytes>,
        corrects_id -> Nullable<UuidBytes>,
        status -> SmallInt,
        billing_month -> Text,
        invoice_month -> Nullable<Text>,
        fingerprint -> Binary,
        price_id -> Integer,
        plan_version_id -> Nullable<Integer>,
        window_start -> Nullable<UtcTimestamp>,
        rated_at -> Nullable<UtcTimestamp>,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
        void_reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    usage_rollups (user_id, day, invoice_month, price_id, plan_version_id, window_start, reversal) {
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
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp, UuidBytes};
    coupons (id) {
        id -> UuidBytes,
        code -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        value -> ExactDecimal,
        max_uses -> BigInt,
        used_count -> BigInt,
        max_usage_per_user -> Integer,
        min_purchase_amount -> ExactDecimal,
        valid_from -> UtcTimestamp,
        expires_at -> Nullable<UtcTimestamp>,
        is_active -> Bool,
        description -> Text,
        created_by -> Text,
        applicable_plans -> JsonText,
        duration_months -> Integer,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp, UuidBytes};
    coupon_usages (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        coupon_id -> UuidBytes,
        discount_amount -> ExactDecimal,
        billing_month -> Text,
        taken_at_apply -> ExactDecimal,
        open_discounts -> JsonText,
        request_id -> Nullable<Text>,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp, UuidBytes};
    invoices (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        billing_month -> Text,
        status -> Text,
        billing_address -> Text,
        amount -> ExactDecimal,
        discount_amount -> ExactDecimal,
        tax_amount -> ExactDecimal,
        final_amount -> ExactDecimal,
        currency -> Text,
        issued_at -> Nullable<UtcTimestamp>,
        due_date -> Nullable<UtcTimestamp>,
        paid_at -> Nullable<UtcTimestamp>,
        payment_method -> Nullable<Text>,
        transaction_id -> Nullable<Text>,
        is_receipt -> Bool,
        invoice_number -> Text,
        document_number -> Text,
        snapshot -> Nullable<JsonText>,
        cancellation_number -> Nullable<Text>,
        cancelled_at -> Nullable<UtcTimestamp>,
        items -> JsonText,
        discounts -> JsonText,
        tax_rate -> ExactDecimal,
        credited_amount -> ExactDecimal,
        credited_tax -> ExactDecimal,
        credit_applied -> ExactDecimal,
        credit_noted -> ExactDecimal,
        corrected_amount -> ExactDecimal,
        corrected_tax -> ExactDecimal,
        notes -> Text,
        created_at -> UtcTimestamp,
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp, UuidBytes};
    invoice_lines (user_id, sequence) {
        user_id -> Text,
        sequence -> BigInt,
        billing_month -> Text,
        invoice_id -> Nullable<UuidBytes>,
        #[sql_name = "type"]
        type_ -> Text,
        description -> Text,
        amount -> ExactDecimal,
        subscription_id -> UuidBytes,
        period_start -> UtcTimestamp,
        period_end -> UtcTimestamp,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    webhook_events (provider, id) {
        provider -> Text,
        id -> Text,
        event_type -> Text,
        received_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    alerts (user_id, window_start, level) {
        user_id -> Text,
        window_start -> UtcTimestamp,
        level -> Text,
        tokens_remaining -> BigInt,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{JsonText, UtcTimestamp};
    job_leases (name) {
        name -> Text,
        owner -> Text,
        expires_at -> UtcTimestamp,
        state -> JsonText,
    }
}

diesel::allow_tables_to_appear_in_same_query!(accounts, billing_settings);
diesel::allow_tables_to_appear_in_same_query!(coupon_usages, coupons);
diesel::allow_tables_to_appear_in_same_query!(credit_notes, invoices);
diesel::allow_tables_to_appear_in_same_query!(plan_versions, subscription_plans);
diesel::allow_tables_to_appear_in_same_query!(deliveries, events, outlets);
