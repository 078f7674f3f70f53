//! What is given back of invoices, and to coupons; the numbers of documents.

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, JsonText, UtcTimestamp, UuidBytes};
    credit_notes (user_id, id) {
        user_id -> Text,
        id -> UuidBytes,
        invoice_id -> UuidBytes,
        note_number -> Text,
        document_number -> Text,
        snapshot -> JsonText,
        amount -> ExactDecimal,
        tax_amount -> ExactDecimal,
        applied_amount -> ExactDecimal,
        reason -> Text,
        request_id -> Nullable<Text>,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp, UuidBytes};
    invoice_corrections (user_id, sequence) {
        user_id -> Text,
        sequence -> BigInt,
        billing_month -> Text,
        invoice_id -> Nullable<UuidBytes>,
        corrects_invoice_id -> UuidBytes,
        usage_month -> Nullable<Text>,
        model -> Nullable<Text>,
        tokens -> Nullable<BigInt>,
        description -> Nullable<Text>,
        period_start -> Nullable<UtcTimestamp>,
        period_end -> Nullable<UtcTimestamp>,
        amount -> ExactDecimal,
        tax_rate -> ExactDecimal,
        tax_amount -> ExactDecimal,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::{ExactDecimal, UtcTimestamp};
    coupon_catch_ups (user_id, sequence) {
        user_id -> Text,
        sequence -> BigInt,
        billing_month -> Text,
        amount -> ExactDecimal,
        created_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::UtcTimestamp;
    document_series (series, year) {
        series -> Text,
        year -> Integer,
        last_number -> BigInt,
        last_at -> Nullable<UtcTimestamp>,
    }
}
