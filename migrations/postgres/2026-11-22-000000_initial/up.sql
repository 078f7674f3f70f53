-- PostgreSQL. Keep in step with the SQLite migration of the same name.
-- Every table that grows with users has user_id first in its keys, so that it can be sharded by it.
-- Text ids compare by bytes.

-- Prices and plans.

CREATE TABLE catalog_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO catalog_version (id, version) VALUES (1, 0);

CREATE TABLE model_prices (
    model_id TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    prompt_price_per_k NUMERIC NOT NULL,
    completion_price_per_k NUMERIC NOT NULL,
    cached_prompt_price_per_k NUMERIC,
    cache_write_price_per_k NUMERIC,
    reasoning_price_per_k NUMERIC,
    effective_from TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model_id, effective_from)
);

CREATE TABLE subscription_plans (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    monthly_quota BIGINT NOT NULL,
    monthly_price NUMERIC NOT NULL,
    extra_token_price NUMERIC NOT NULL,
    support_level TEXT NOT NULL,
    max_concurrent_req INTEGER NOT NULL,
    rate_limit_per_min INTEGER NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    display_order INTEGER NOT NULL,
    features TEXT NOT NULL,
    usage_pricing TEXT NOT NULL CHECK (usage_pricing IN ('included', 'metered')),
    overage_discount_rate NUMERIC NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- Users.

CREATE TABLE accounts (
    user_id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL DEFAULT 0,
    open_month TEXT COLLATE "C" NOT NULL DEFAULT '1970-01',
    -- The live subscription, with the terms it froze when its period began.
    subscription_id TEXT COLLATE "C",
    plan_id TEXT COLLATE "C",
    subscription_status TEXT,
    billing_cycle TEXT,
    usage_pricing TEXT,
    monthly_price NUMERIC,
    extra_token_price NUMERIC,
    overage_discount_rate NUMERIC,
    period_anchor TIMESTAMPTZ,
    period_start TIMESTAMPTZ,
    period_end TIMESTAMPTZ,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    window_quota BIGINT,
    next_plan_id TEXT COLLATE "C",
    auto_renew BOOLEAN NOT NULL DEFAULT TRUE,
    trial_used BOOLEAN NOT NULL DEFAULT FALSE,
    -- Tokens.
    tokens_used BIGINT NOT NULL DEFAULT 0,
    quota_used BIGINT NOT NULL DEFAULT 0,
    topup_balance BIGINT NOT NULL DEFAULT 0,
    overage_tokens BIGINT NOT NULL DEFAULT 0,
    reserved_tokens BIGINT NOT NULL DEFAULT 0,
    -- Money.
    discount_rate NUMERIC NOT NULL DEFAULT 1,
    next_discount_rate NUMERIC,
    next_discount_from TIMESTAMPTZ,
    tax_rate NUMERIC NOT NULL DEFAULT 0,
    tax_exempt BOOLEAN NOT NULL DEFAULT FALSE,
    credit_balance NUMERIC NOT NULL DEFAULT 0,
    uninvoiced TEXT NOT NULL DEFAULT '{}',
    -- Which children exist, so that a normal batch does not look for them.
    has_redemptions BOOLEAN NOT NULL DEFAULT FALSE,
    has_reservations BOOLEAN NOT NULL DEFAULT FALSE,
    has_archived_periods BOOLEAN NOT NULL DEFAULT FALSE,
    has_discount_history BOOLEAN NOT NULL DEFAULT FALSE,
    -- Alerts and top-ups, with the settings that rating needs.
    alert_levels_announced TEXT NOT NULL DEFAULT '[]',
    alert_threshold BIGINT NOT NULL DEFAULT 0,
    enable_alerts BOOLEAN NOT NULL DEFAULT TRUE,
    auto_topup BOOLEAN NOT NULL DEFAULT TRUE,
    auto_topup_threshold BIGINT NOT NULL DEFAULT 0,
    auto_topup_amount NUMERIC NOT NULL DEFAULT 100,
    auto_topup_consent BOOLEAN NOT NULL DEFAULT FALSE,
    topup_in_flight BOOLEAN NOT NULL DEFAULT FALSE,
    event_sequence BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE billing_settings (
    user_id TEXT COLLATE "C" PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL,
    billing_email TEXT NOT NULL DEFAULT '',
    billing_address TEXT NOT NULL DEFAULT '',
    tax_id TEXT NOT NULL DEFAULT '',
    currency TEXT NOT NULL DEFAULT 'USD',
    auto_topup BOOLEAN NOT NULL DEFAULT TRUE,
    auto_topup_threshold BIGINT NOT NULL DEFAULT 0,
    auto_topup_amount NUMERIC NOT NULL DEFAULT 100,
    invoice_frequency TEXT NOT NULL DEFAULT 'monthly',
    send_invoice_email BOOLEAN NOT NULL DEFAULT TRUE,
    alert_threshold BIGINT NOT NULL DEFAULT 0,
    enable_alerts BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE user_discounts (
    user_id TEXT COLLATE "C" NOT NULL,
    effective_from TIMESTAMPTZ NOT NULL,
    discount_rate NUMERIC NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, effective_from)
);

-- Subscriptions.

CREATE TABLE subscriptions (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    plan_id TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('trialing', 'active', 'cancelled', 'expired')),
    billing_cycle TEXT NOT NULL CHECK (billing_cycle IN ('monthly', 'yearly')),
    current_period_start TIMESTAMPTZ NOT NULL,
    current_period_end TIMESTAMPTZ NOT NULL,
    tokens_used BIGINT NOT NULL DEFAULT 0,
    auto_renew BOOLEAN NOT NULL DEFAULT TRUE,
    next_billing_date TIMESTAMPTZ,
    cancelled_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX subscriptions_user_status ON subscriptions (user_id, status);
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (user_id)
    WHERE status IN ('trialing', 'active');

CREATE TABLE subscription_periods (
    user_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    plan_id TEXT COLLATE "C" NOT NULL,
    usage_pricing TEXT NOT NULL,
    fee NUMERIC NOT NULL,
    fee_month TEXT COLLATE "C" NOT NULL,
    extra_token_price NUMERIC NOT NULL,
    overage_discount_rate NUMERIC NOT NULL,
    quota BIGINT NOT NULL,
    tokens_used BIGINT NOT NULL,
    quota_used BIGINT NOT NULL,
    overage_tokens BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, subscription_id, window_start)
);

-- Usage.

CREATE TABLE billing_records (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C",
    model TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cached_prompt_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    cost_usd NUMERIC NOT NULL,
    discount_rate NUMERIC NOT NULL,
    covered_amount NUMERIC NOT NULL,
    quota_tokens BIGINT NOT NULL,
    topup_tokens BIGINT NOT NULL,
    overage_tokens BIGINT NOT NULL,
    overage_cost NUMERIC NOT NULL,
    discount_amount NUMERIC NOT NULL,
    final_cost NUMERIC NOT NULL,
    coupon_id TEXT COLLATE "C",
    status TEXT NOT NULL CHECK (status IN ('completed', 'voided', 'correction')),
    billing_month TEXT COLLATE "C" NOT NULL,
    invoice_month TEXT COLLATE "C" NOT NULL,
    corrects_id TEXT COLLATE "C",
    fingerprint BYTEA NOT NULL,
    -- The earlier of created_at and the time of recording: it chose price, month and window.
    rated_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX billing_records_month ON billing_records (user_id, billing_month);
CREATE INDEX billing_records_created ON billing_records (created_at);
-- The last index: where a planner without statistics sees no difference, it takes the youngest.
CREATE UNIQUE INDEX billing_records_request ON billing_records (user_id, request_id);

-- Sums of records by the UTC day that rated them; every reader of totals reads these.
CREATE TABLE usage_rollups (
    user_id TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    invoice_month TEXT COLLATE "C" NOT NULL,
    record_count BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    covered_tokens BIGINT NOT NULL,
    overage_tokens BIGINT NOT NULL,
    cost_usd NUMERIC NOT NULL,
    discounted_cost NUMERIC NOT NULL,
    covered_cost_usd NUMERIC NOT NULL,
    covered_amount NUMERIC NOT NULL,
    overage_cost NUMERIC NOT NULL,
    discount_amount NUMERIC NOT NULL,
    final_cost NUMERIC NOT NULL,
    PRIMARY KEY (user_id, day, model, invoice_month)
) WITH (fillfactor = 70);
CREATE INDEX usage_rollups_day ON usage_rollups (day);

-- Coupons.

CREATE TABLE coupons (
    id TEXT COLLATE "C" PRIMARY KEY,
    code TEXT COLLATE "C" NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('percentage', 'fixed')),
    value NUMERIC NOT NULL,
    max_uses BIGINT NOT NULL DEFAULT 0,
    used_count BIGINT NOT NULL DEFAULT 0,
    max_usage_per_user INTEGER NOT NULL DEFAULT 1,
    min_purchase_amount NUMERIC NOT NULL DEFAULT 0,
    valid_from TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    description TEXT NOT NULL DEFAULT '',
    created_by TEXT NOT NULL DEFAULT '',
    applicable_plans TEXT NOT NULL DEFAULT '[]',
    duration_months INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX coupons_code ON coupons (lower(code));

CREATE TABLE coupon_usages (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    coupon_id TEXT COLLATE "C" NOT NULL,
    discount_amount NUMERIC NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    taken_at_apply NUMERIC NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX coupon_usages_coupon ON coupon_usages (user_id, coupon_id);

-- Invoices.

CREATE TABLE invoices (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('draft', 'issued', 'paid', 'overdue', 'void', 'uncollectible')
    ),
    billing_address TEXT NOT NULL DEFAULT '',
    amount NUMERIC NOT NULL,
    discount_amount NUMERIC NOT NULL,
    tax_amount NUMERIC NOT NULL,
    final_amount NUMERIC NOT NULL,
    currency TEXT NOT NULL,
    issued_at TIMESTAMPTZ,
    due_date TIMESTAMPTZ,
    paid_at TIMESTAMPTZ,
    payment_method TEXT,
    transaction_id TEXT,
    invoice_number TEXT COLLATE "C" NOT NULL,
    items TEXT NOT NULL DEFAULT '[]',
    notes TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX invoices_user_month ON invoices (user_id, billing_month);
CREATE INDEX invoices_status ON invoices (status);
CREATE UNIQUE INDEX invoices_number ON invoices (user_id, invoice_number);

CREATE TABLE invoice_lines (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    invoice_id TEXT COLLATE "C",
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    subscription_id TEXT COLLATE "C",
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX invoice_lines_month ON invoice_lines (user_id, billing_month);

CREATE TABLE credit_notes (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    invoice_id TEXT COLLATE "C" NOT NULL,
    amount NUMERIC NOT NULL,
    tax_amount NUMERIC NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);

-- Payments.

CREATE TABLE payment_methods (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    provider_customer_id TEXT NOT NULL,
    provider_method_id TEXT NOT NULL,
    consented_at TIMESTAMPTZ,
    is_default BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE TABLE payment_transactions (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    invoice_id TEXT COLLATE "C",
    topup_id TEXT COLLATE "C",
    provider TEXT NOT NULL,
    provider_reference TEXT,
    status TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    refunded_amount NUMERIC NOT NULL DEFAULT 0,
    currency TEXT NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    failure_reason TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX payment_transactions_key ON payment_transactions (user_id, idempotency_key);

CREATE TABLE topup_transactions (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'refunded')),
    amount NUMERIC NOT NULL,
    tokens BIGINT NOT NULL,
    price_per_token NUMERIC NOT NULL,
    automatic BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX topup_transactions_one_in_flight ON topup_transactions (user_id)
    WHERE status = 'pending' AND automatic;

CREATE TABLE webhook_events (
    provider TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    payload TEXT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ,
    PRIMARY KEY (provider, id)
);

-- What is announced, and work for the background.

CREATE TABLE alerts (
    user_id TEXT COLLATE "C" NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    level TEXT COLLATE "C" NOT NULL,
    tokens_remaining BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, window_start, level)
);

CREATE TABLE outbox (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    available_at TIMESTAMPTZ NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, sequence)
);
CREATE INDEX outbox_pending ON outbox (available_at) WHERE delivered_at IS NULL;

CREATE TABLE job_leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL DEFAULT '{}'
);

-- The plans of the user's guide.
INSERT INTO subscription_plans (
    id, name, description, monthly_quota, monthly_price, extra_token_price, support_level,
    max_concurrent_req, rate_limit_per_min, is_active, display_order, features, usage_pricing,
    overage_discount_rate, created_at, updated_at
) VALUES
(
    'plan-basic', 'Basic', 'Perfect for getting started', 100000, 9.99, 0.00002, 'email',
    5, 60, TRUE, 1,
    '["Up to 100K tokens per month","Email support","Basic API access"]',
    'included', 1, '2024-11-21 00:00:00+00', '2024-11-21 00:00:00+00'
),
(
    'plan-pro', 'Pro', 'For professionals', 1000000, 99.99, 0.00015, 'priority',
    20, 300, TRUE, 2,
    '["Up to 1M tokens per month","Priority email support","Advanced API access","10% discount on overage"]',
    'included', 0.9, '2024-11-21 00:00:00+00', '2024-11-21 00:00:00+00'
),
(
    'plan-enterprise', 'Enterprise', 'For large organizations', 10000000, 999.99, 0.0001, 'dedicated',
    100, 1000, TRUE, 3,
    '["Up to 10M tokens per month","24/7 phone support","Dedicated account manager"]',
    'included', 1, '2024-11-21 00:00:00+00', '2024-11-21 00:00:00+00'
);
