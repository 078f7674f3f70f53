-- SQLite. Keep in step with the PostgreSQL migration of the same name.
-- Exact decimals are TEXT, times are INTEGER microseconds since 1970, flags are 0 or 1.
-- Every table that grows with users has user_id first in its keys, so that it can be sharded by it.
-- Text ids compare by bytes.

-- Prices and plans.

CREATE TABLE catalog_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO catalog_version (id, version) VALUES (1, 0);

CREATE TABLE model_prices (
    model_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    prompt_price_per_k TEXT NOT NULL,
    completion_price_per_k TEXT NOT NULL,
    cached_prompt_price_per_k TEXT,
    cache_write_price_per_k TEXT,
    reasoning_price_per_k TEXT,
    effective_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model_id, effective_from)
) STRICT;

CREATE TABLE subscription_plans (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    monthly_quota INTEGER NOT NULL,
    monthly_price TEXT NOT NULL,
    extra_token_price TEXT NOT NULL,
    support_level TEXT NOT NULL,
    max_concurrent_req INTEGER NOT NULL,
    rate_limit_per_min INTEGER NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 1,
    display_order INTEGER NOT NULL,
    features TEXT NOT NULL,
    usage_pricing TEXT NOT NULL CHECK (usage_pricing IN ('included', 'metered')),
    overage_discount_rate TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Users.

CREATE TABLE accounts (
    user_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL DEFAULT 0,
    open_month TEXT NOT NULL DEFAULT '1970-01',
    -- The live subscription, with the terms it froze when its period began.
    subscription_id TEXT,
    plan_id TEXT,
    subscription_status TEXT,
    billing_cycle TEXT,
    usage_pricing TEXT,
    monthly_price TEXT,
    extra_token_price TEXT,
    overage_discount_rate TEXT,
    period_anchor INTEGER,
    period_start INTEGER,
    period_end INTEGER,
    window_start INTEGER,
    window_end INTEGER,
    window_quota INTEGER,
    next_plan_id TEXT,
    auto_renew INTEGER NOT NULL DEFAULT 1,
    trial_used INTEGER NOT NULL DEFAULT 0,
    -- Tokens.
    tokens_used INTEGER NOT NULL DEFAULT 0,
    quota_used INTEGER NOT NULL DEFAULT 0,
    topup_balance INTEGER NOT NULL DEFAULT 0,
    overage_tokens INTEGER NOT NULL DEFAULT 0,
    reserved_tokens INTEGER NOT NULL DEFAULT 0,
    -- Money.
    discount_rate TEXT NOT NULL DEFAULT '1',
    next_discount_rate TEXT,
    next_discount_from INTEGER,
    tax_rate TEXT NOT NULL DEFAULT '0',
    tax_exempt INTEGER NOT NULL DEFAULT 0,
    credit_balance TEXT NOT NULL DEFAULT '0',
    uninvoiced TEXT NOT NULL DEFAULT '{}',
    -- Which children exist, so that a normal batch does not look for them.
    has_redemptions INTEGER NOT NULL DEFAULT 0,
    has_reservations INTEGER NOT NULL DEFAULT 0,
    has_archived_periods INTEGER NOT NULL DEFAULT 0,
    has_discount_history INTEGER NOT NULL DEFAULT 0,
    -- Alerts and top-ups, with the settings that rating needs.
    alert_levels_announced TEXT NOT NULL DEFAULT '[]',
    alert_threshold INTEGER NOT NULL DEFAULT 0,
    enable_alerts INTEGER NOT NULL DEFAULT 1,
    auto_topup INTEGER NOT NULL DEFAULT 1,
    auto_topup_threshold INTEGER NOT NULL DEFAULT 0,
    auto_topup_amount TEXT NOT NULL DEFAULT '100',
    auto_topup_consent INTEGER NOT NULL DEFAULT 0,
    topup_in_flight INTEGER NOT NULL DEFAULT 0,
    event_sequence INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE billing_settings (
    user_id TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    billing_email TEXT NOT NULL DEFAULT '',
    billing_address TEXT NOT NULL DEFAULT '',
    tax_id TEXT NOT NULL DEFAULT '',
    currency TEXT NOT NULL DEFAULT 'USD',
    auto_topup INTEGER NOT NULL DEFAULT 1,
    auto_topup_threshold INTEGER NOT NULL DEFAULT 0,
    auto_topup_amount TEXT NOT NULL DEFAULT '100',
    invoice_frequency TEXT NOT NULL DEFAULT 'monthly',
    send_invoice_email INTEGER NOT NULL DEFAULT 1,
    alert_threshold INTEGER NOT NULL DEFAULT 0,
    enable_alerts INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_discounts (
    user_id TEXT NOT NULL,
    effective_from INTEGER NOT NULL,
    discount_rate TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, effective_from)
) STRICT;

-- Subscriptions.

CREATE TABLE subscriptions (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('trialing', 'active', 'cancelled', 'expired')),
    billing_cycle TEXT NOT NULL CHECK (billing_cycle IN ('monthly', 'yearly')),
    current_period_start INTEGER NOT NULL,
    current_period_end INTEGER NOT NULL,
    tokens_used INTEGER NOT NULL DEFAULT 0,
    auto_renew INTEGER NOT NULL DEFAULT 1,
    next_billing_date INTEGER,
    cancelled_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX subscriptions_user_status ON subscriptions (user_id, status);
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (user_id)
    WHERE status IN ('trialing', 'active');

CREATE TABLE subscription_periods (
    user_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    plan_id TEXT NOT NULL,
    usage_pricing TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_month TEXT NOT NULL,
    extra_token_price TEXT NOT NULL,
    overage_discount_rate TEXT NOT NULL,
    quota INTEGER NOT NULL,
    tokens_used INTEGER NOT NULL,
    quota_used INTEGER NOT NULL,
    overage_tokens INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, subscription_id, window_start)
) STRICT;

-- Usage.

CREATE TABLE billing_records (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    subscription_id TEXT,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    request_id TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    total_tokens INTEGER NOT NULL,
    cached_prompt_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cost_usd TEXT NOT NULL,
    discount_rate TEXT NOT NULL,
    covered_amount TEXT NOT NULL,
    quota_tokens INTEGER NOT NULL,
    topup_tokens INTEGER NOT NULL,
    overage_tokens INTEGER NOT NULL,
    overage_cost TEXT NOT NULL,
    discount_amount TEXT NOT NULL,
    final_cost TEXT NOT NULL,
    coupon_id TEXT,
    status TEXT NOT NULL CHECK (status IN ('completed', 'voided', 'correction')),
    billing_month TEXT NOT NULL,
    invoice_month TEXT NOT NULL,
    corrects_id TEXT,
    fingerprint BLOB NOT NULL,
    -- The earlier of created_at and the time of recording: it chose price, month and window.
    rated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX billing_records_month ON billing_records (user_id, billing_month);
CREATE INDEX billing_records_created ON billing_records (created_at);
CREATE UNIQUE INDEX billing_records_request ON billing_records (user_id, request_id);

-- Sums of records by the UTC day that rated them; every reader of totals reads these.
CREATE TABLE usage_rollups (
    user_id TEXT NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    invoice_month TEXT NOT NULL,
    record_count INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    covered_tokens INTEGER NOT NULL,
    overage_tokens INTEGER NOT NULL,
    cost_usd TEXT NOT NULL,
    discounted_cost TEXT NOT NULL,
    covered_cost_usd TEXT NOT NULL,
    covered_amount TEXT NOT NULL,
    overage_cost TEXT NOT NULL,
    discount_amount TEXT NOT NULL,
    final_cost TEXT NOT NULL,
    PRIMARY KEY (user_id, day, model, invoice_month)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_rollups_day ON usage_rollups (day);

-- Coupons.

CREATE TABLE coupons (
    id TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('percentage', 'fixed')),
    value TEXT NOT NULL,
    max_uses INTEGER NOT NULL DEFAULT 0,
    used_count INTEGER NOT NULL DEFAULT 0,
    max_usage_per_user INTEGER NOT NULL DEFAULT 1,
    min_purchase_amount TEXT NOT NULL DEFAULT '0',
    valid_from INTEGER NOT NULL,
    expires_at INTEGER,
    is_active INTEGER NOT NULL DEFAULT 1,
    description TEXT NOT NULL DEFAULT '',
    created_by TEXT NOT NULL DEFAULT '',
    applicable_plans TEXT NOT NULL DEFAULT '[]',
    duration_months INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX coupons_code ON coupons (lower(code));

CREATE TABLE coupon_usages (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    coupon_id TEXT NOT NULL,
    discount_amount TEXT NOT NULL,
    billing_month TEXT NOT NULL,
    taken_at_apply TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX coupon_usages_coupon ON coupon_usages (user_id, coupon_id);

-- Invoices.

CREATE TABLE invoices (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    billing_month TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('draft', 'issued', 'paid', 'overdue', 'void', 'uncollectible')
    ),
    billing_address TEXT NOT NULL DEFAULT '',
    amount TEXT NOT NULL,
    discount_amount TEXT NOT NULL,
    tax_amount TEXT NOT NULL,
    final_amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    issued_at INTEGER,
    due_date INTEGER,
    paid_at INTEGER,
    payment_method TEXT,
    transaction_id TEXT,
    invoice_number TEXT NOT NULL,
    items TEXT NOT NULL DEFAULT '[]',
    notes TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX invoices_user_month ON invoices (user_id, billing_month);
CREATE INDEX invoices_status ON invoices (status);
CREATE UNIQUE INDEX invoices_number ON invoices (user_id, invoice_number);

CREATE TABLE invoice_lines (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    billing_month TEXT NOT NULL,
    invoice_id TEXT,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    amount TEXT NOT NULL,
    subscription_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX invoice_lines_month ON invoice_lines (user_id, billing_month);

CREATE TABLE credit_notes (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    invoice_id TEXT NOT NULL,
    amount TEXT NOT NULL,
    tax_amount TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;

-- Payments.

CREATE TABLE payment_methods (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_customer_id TEXT NOT NULL,
    provider_method_id TEXT NOT NULL,
    consented_at INTEGER,
    is_default INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;

CREATE TABLE payment_transactions (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    invoice_id TEXT,
    topup_id TEXT,
    provider TEXT NOT NULL,
    provider_reference TEXT,
    status TEXT NOT NULL,
    amount TEXT NOT NULL,
    refunded_amount TEXT NOT NULL DEFAULT '0',
    currency TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    failure_reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE UNIQUE INDEX payment_transactions_key ON payment_transactions (user_id, idempotency_key);

CREATE TABLE topup_transactions (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'refunded')),
    amount TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    price_per_token TEXT NOT NULL,
    automatic INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE UNIQUE INDEX topup_transactions_one_in_flight ON topup_transactions (user_id)
    WHERE status = 'pending' AND automatic;

CREATE TABLE webhook_events (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    processed_at INTEGER,
    PRIMARY KEY (provider, id)
) STRICT;

-- What is announced, and work for the background.

CREATE TABLE alerts (
    user_id TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    level TEXT NOT NULL,
    tokens_remaining INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, window_start, level)
) STRICT;

CREATE TABLE outbox (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered_at INTEGER,
    PRIMARY KEY (user_id, sequence)
) STRICT;
CREATE INDEX outbox_pending ON outbox (available_at) WHERE delivered_at IS NULL;

CREATE TABLE job_leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT '{}'
) STRICT;

-- The plans of the user's guide.
INSERT INTO subscription_plans (
    id, name, description, monthly_quota, monthly_price, extra_token_price, support_level,
    max_concurrent_req, rate_limit_per_min, is_active, display_order, features, usage_pricing,
    overage_discount_rate, created_at, updated_at
) VALUES
(
    'plan-basic', 'Basic', 'Perfect for getting started', 100000, '9.99', '0.00002', 'email',
    5, 60, 1, 1,
    '["Up to 100K tokens per month","Email support","Basic API access"]',
    'included', '1', 1732147200000000, 1732147200000000
),
(
    'plan-pro', 'Pro', 'For professionals', 1000000, '99.99', '0.00015', 'priority',
    20, 300, 1, 2,
    '["Up to 1M tokens per month","Priority email support","Advanced API access","10% discount on overage"]',
    'included', '0.9', 1732147200000000, 1732147200000000
),
(
    'plan-enterprise', 'Enterprise', 'For large organizations', 10000000, '999.99', '0.0001', 'dedicated',
    100, 1000, 1, 3,
    '["Up to 10M tokens per month","24/7 phone support","Dedicated account manager"]',
    'included', '1', 1732147200000000, 1732147200000000
);
