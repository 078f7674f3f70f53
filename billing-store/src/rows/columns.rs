//! The columns that usage writes, named once for both databases: each as
//! `name: Rust type as diesel's type = PostgreSQL's type`.

/// Hands the columns of `billing_records` to a macro.
macro_rules! record_columns {
    ($statement:ident! { $($arguments:tt)* }) => {
        $statement! {
            { $($arguments)* }
            user_id: String as Text = "text",
            id: String as Text = "text",
            subscription_id: Option<String> as Nullable<Text> = "text",
            model: String as Text = "text",
            provider: String as Text = "text",
            request_id: String as Text = "text",
            prompt_tokens: i64 as BigInt = "bigint",
            completion_tokens: i64 as BigInt = "bigint",
            total_tokens: i64 as BigInt = "bigint",
            cached_prompt_tokens: i64 as BigInt = "bigint",
            cache_write_tokens: i64 as BigInt = "bigint",
            reasoning_tokens: i64 as BigInt = "bigint",
            cost_usd: DbMoney as ExactDecimal = "numeric",
            discount_rate: DbRate as ExactDecimal = "numeric",
            covered_amount: DbMoney as ExactDecimal = "numeric",
            quota_tokens: i64 as BigInt = "bigint",
            topup_tokens: i64 as BigInt = "bigint",
            overage_tokens: i64 as BigInt = "bigint",
            overage_cost: DbMoney as ExactDecimal = "numeric",
            discount_amount: DbMoney as ExactDecimal = "numeric",
            final_cost: DbMoney as ExactDecimal = "numeric",
            coupon_id: Option<String> as Nullable<Text> = "text",
            status: String as Text = "text",
            billing_month: String as Text = "text",
            invoice_month: String as Text = "text",
            corrects_id: Option<String> as Nullable<Text> = "text",
            fingerprint: Vec<u8> as Binary = "bytea",
            rated_at: DbTimestamp as UtcTimestamp = "timestamptz",
            created_at: DbTimestamp as UtcTimestamp = "timestamptz",
            updated_at: DbTimestamp as UtcTimestamp = "timestamptz",
            terms: String as Text = "text",
        }
    };
}

/// Hands the columns of `usage_rollups` to a macro.
macro_rules! rollup_columns {
    ($statement:ident! { $($arguments:tt)* }) => {
        $statement! {
            { $($arguments)* }
            user_id: String as Text = "text",
            day: String as Text = "text",
            model: String as Text = "text",
            invoice_month: String as Text = "text",
            terms: String as Text = "text",
            record_count: i64 as BigInt = "bigint",
            prompt_tokens: i64 as BigInt = "bigint",
            completion_tokens: i64 as BigInt = "bigint",
            cached_prompt_tokens: i64 as BigInt = "bigint",
            cache_write_tokens: i64 as BigInt = "bigint",
            reasoning_tokens: i64 as BigInt = "bigint",
            overage_tokens: i64 as BigInt = "bigint",
            cost_usd: DbMoney as ExactDecimal = "numeric",
            covered_amount: DbMoney as ExactDecimal = "numeric",
            overage_cost: DbMoney as ExactDecimal = "numeric",
            discount_amount: DbMoney as ExactDecimal = "numeric",
            final_cost: DbMoney as ExactDecimal = "numeric",
        }
    };
}

/// Hands the columns of `accounts` that usage changes, and their key, to a macro.
macro_rules! account_columns {
    ($statement:ident! { $($arguments:tt)* }) => {
        $statement! {
            { $($arguments)* }
            user_id: String as Text = "text",
            tokens_used: i64 as BigInt = "bigint",
            quota_used: i64 as BigInt = "bigint",
            topup_balance: i64 as BigInt = "bigint",
            overage_tokens: i64 as BigInt = "bigint",
            uninvoiced: String as Text = "text",
            alert_levels_announced: String as Text = "text",
            event_sequence: i64 as BigInt = "bigint",
            updated_at: DbTimestamp as UtcTimestamp = "timestamptz",
        }
    };
}

/// Hands the columns of `coupon_usages` to a macro.
macro_rules! redemption_columns {
    ($statement:ident! { $($arguments:tt)* }) => {
        $statement! {
            { $($arguments)* }
            user_id: String as Text = "text",
            id: String as Text = "text",
            coupon_id: String as Text = "text",
            discount_amount: DbMoney as ExactDecimal = "numeric",
            billing_month: String as Text = "text",
            taken_at_apply: DbMoney as ExactDecimal = "numeric",
            created_at: DbTimestamp as UtcTimestamp = "timestamptz",
            open_discounts: String as Text = "text",
            request_id: Option<String> as Nullable<Text> = "text",
        }
    };
}

pub(crate) use {account_columns, record_columns, redemption_columns, rollup_columns};
