-- PostgreSQL. Keep in step with the SQLite migration of the same name.
-- Every table that grows with users has user_id first in its keys, so that it can be sharded by it.
-- Our own ids are UUIDs; ids and texts that others gave compare by bytes.

-- Prices and plans. Versions are added and never rewritten: what was charged names them.

CREATE TABLE catalog_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO catalog_version (id, version) VALUES (1, 1);

CREATE TABLE model_prices (
    id INTEGER PRIMARY KEY,
    model_id TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    prompt_price_per_k NUMERIC NOT NULL,
    completion_price_per_k NUMERIC NOT NULL,
    cached_prompt_price_per_k NUMERIC,
    cache_write_price_per_k NUMERIC,
    reasoning_price_per_k NUMERIC,
    effective_from TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    created_by TEXT NOT NULL
);
CREATE INDEX model_prices_model ON model_prices (model_id, effective_from);

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
    features JSONB NOT NULL,
    usage_pricing TEXT NOT NULL,
    overage_discount_rate NUMERIC NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- The terms of a plan from a time on. A period freezes the version in force at its start, however
-- late the renewal is made.
CREATE TABLE plan_versions (
    id INTEGER PRIMARY KEY,
    plan_id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    monthly_quota BIGINT NOT NULL,
    monthly_price NUMERIC NOT NULL,
    extra_token_price NUMERIC NOT NULL,
    overage_discount_rate NUMERIC NOT NULL,
    usage_pricing TEXT NOT NULL,
    effective_from TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX plan_versions_plan ON plan_versions (plan_id, effective_from);

-- Users.

-- No index on a column that usage changes, so that its updates stay within the page.
CREATE TABLE accounts (
    user_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL DEFAULT 0,
    open_month TEXT COLLATE "C" NOT NULL DEFAULT '1970-01',
    -- The earliest month before that one which is open again.
    reopened_month TEXT COLLATE "C",
    -- The live subscription, with the version of its plan that its period froze.
    subscription_id UUID,
    plan_id TEXT COLLATE "C",
    plan_version_id INTEGER,
    subscription_status TEXT,
    billing_cycle TEXT,
    period_anchor TIMESTAMPTZ,
    period_start TIMESTAMPTZ,
    period_end TIMESTAMPTZ,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    window_quota BIGINT,
    -- What rated the window before its plan changed: times and plan versions; NULL when it did not.
    earlier_terms JSONB,
    next_plan_id TEXT COLLATE "C",
    next_billing_cycle TEXT,
    subscribed_at TIMESTAMPTZ,
    cancelled_at TIMESTAMPTZ,
    auto_renew BOOLEAN NOT NULL DEFAULT TRUE,
    trial_used BOOLEAN NOT NULL DEFAULT FALSE,
    -- Tokens.
    tokens_used BIGINT NOT NULL DEFAULT 0,
    quota_used BIGINT NOT NULL DEFAULT 0,
    topup_balance BIGINT NOT NULL DEFAULT 0,
    overage_tokens BIGINT NOT NULL DEFAULT 0,
    reserved_tokens BIGINT NOT NULL DEFAULT 0,
    -- Money. The discount is the one in force from and until these times; others are looked up.
    discount_rate NUMERIC NOT NULL DEFAULT 1,
    discount_from TIMESTAMPTZ,
    discount_until TIMESTAMPTZ,
    tax_rate NUMERIC NOT NULL DEFAULT 0,
    -- Why none is charged all the same.
    tax_exemption TEXT,
    credit_balance NUMERIC NOT NULL DEFAULT 0,
    uninvoiced JSONB NOT NULL DEFAULT '{}',
    -- What all usage of the invoice months before open_month has cost.
    closed_cost NUMERIC NOT NULL DEFAULT 0,
    -- Records up to folded_to are summed up in usage_rollups; tail_records counts those after it.
    last_record_id UUID,
    folded_to UUID,
    tail_records BIGINT NOT NULL DEFAULT 0,
    -- Which relations exist, so that a normal batch does not look for them.
    has_redemptions BOOLEAN NOT NULL DEFAULT FALSE,
    has_reservations BOOLEAN NOT NULL DEFAULT FALSE,
    archived_until TIMESTAMPTZ,
    -- Alerts and top-ups, with the settings that rating needs.
    alert_levels_announced JSONB NOT NULL DEFAULT '[]',
    alert_threshold BIGINT NOT NULL DEFAULT 0,
    enable_alerts BOOLEAN NOT NULL DEFAULT TRUE,
    auto_topup BOOLEAN NOT NULL DEFAULT TRUE,
    auto_topup_threshold BIGINT NOT NULL DEFAULT 0,
    auto_topup_amount NUMERIC NOT NULL DEFAULT 100,
    -- What is kept of automatic payments, and when invoices are collected next.
    automation JSONB,
    collect_at TIMESTAMPTZ,
    event_sequence BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX accounts_due ON accounts (window_end) WHERE subscription_id IS NOT NULL;
CREATE INDEX accounts_plan ON accounts (plan_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX accounts_next_plan ON accounts (next_plan_id) WHERE next_plan_id IS NOT NULL;
-- Who has a month that can be closed.
CREATE INDEX accounts_open_month ON accounts (open_month, user_id);
CREATE INDEX accounts_collect ON accounts (collect_at) WHERE collect_at IS NOT NULL;
CREATE INDEX accounts_reopened ON accounts (reopened_month) WHERE reopened_month IS NOT NULL;
-- After the other indexes: a planner that sees no difference yet takes the youngest.
ALTER TABLE accounts ADD PRIMARY KEY (user_id);

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
    billing_name TEXT NOT NULL DEFAULT '',
    billing_country TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT 'en',
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
    id UUID NOT NULL,
    plan_id TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL,
    billing_cycle TEXT NOT NULL,
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
-- Lists of all users' subscriptions.
CREATE INDEX subscriptions_id ON subscriptions (id);
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (user_id)
    WHERE status IN ('trialing', 'active');

-- Windows that are over; late records still take from them.
CREATE TABLE subscription_periods (
    user_id TEXT COLLATE "C" NOT NULL,
    subscription_id UUID NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    plan_version_id INTEGER NOT NULL,
    earlier_terms JSONB,
    quota BIGINT NOT NULL,
    tokens_used BIGINT NOT NULL,
    quota_used BIGINT NOT NULL,
    overage_tokens BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, subscription_id, window_start)
);

-- Usage.

-- The log that all sums are derived from. What most records have in common is NULL.
CREATE TABLE billing_records (
    user_id TEXT COLLATE "C" NOT NULL,
    -- Increasing per user in the order of recording.
    id UUID NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    -- NULL is the price's.
    provider TEXT,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    total_tokens INTEGER NOT NULL,
    -- NULL is 0 in these six.
    cached_prompt_tokens INTEGER,
    cache_write_tokens INTEGER,
    reasoning_tokens INTEGER,
    quota_tokens INTEGER,
    topup_tokens INTEGER,
    overage_tokens INTEGER,
    cost_usd NUMERIC NOT NULL,
    -- NULL is 1.
    discount_rate NUMERIC,
    -- NULL is 0 in these three.
    covered_amount NUMERIC,
    overage_cost NUMERIC,
    discount_amount NUMERIC,
    final_cost NUMERIC NOT NULL,
    coupon_id UUID,
    subscription_id UUID,
    corrects_id UUID,
    -- 0 completed, 1 voided, 2 correction, 3 correction of a record that an invoice carries.
    status SMALLINT NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    -- NULL is billing_month.
    invoice_month TEXT COLLATE "C",
    fingerprint BYTEA NOT NULL,
    price_id INTEGER NOT NULL,
    -- The window that holds the record.
    plan_version_id INTEGER,
    window_start TIMESTAMPTZ,
    -- The earlier of created_at and the time of recording: it chose price, month and window. NULL
    -- is created_at.
    rated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    void_reason TEXT,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX billing_records_month ON billing_records (user_id, billing_month);
CREATE INDEX billing_records_created ON billing_records USING brin (created_at);
CREATE UNIQUE INDEX billing_records_request ON billing_records (user_id, request_id);
-- Lists of all users' records. Ids rise with time, so that it grows at its end.
CREATE INDEX billing_records_id ON billing_records (id);
-- Statistics from when there were few users must not make reading all records look cheap.
ALTER TABLE billing_records ALTER COLUMN user_id SET (n_distinct = -0.01);

-- Sums of the records up to each account's watermark, by the UTC day that rated them.
CREATE TABLE usage_rollups (
    user_id TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    invoice_month TEXT COLLATE "C" NOT NULL,
    price_id INTEGER NOT NULL,
    -- 0 and 1970 are no window.
    plan_version_id INTEGER NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    -- Whether these reverse records that an invoice carries.
    reversal BOOLEAN NOT NULL,
    record_count BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cached_prompt_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    overage_tokens BIGINT NOT NULL,
    cost_usd NUMERIC NOT NULL,
    covered_amount NUMERIC NOT NULL,
    overage_cost NUMERIC NOT NULL,
    discount_amount NUMERIC NOT NULL,
    final_cost NUMERIC NOT NULL,
    PRIMARY KEY (
        user_id, day, invoice_month, price_id, plan_version_id, window_start, reversal
    )
) WITH (fillfactor = 70);
CREATE INDEX usage_rollups_day ON usage_rollups (day);
CREATE INDEX usage_rollups_invoice ON usage_rollups (user_id, invoice_month);

-- Each record as the rollup that it alone would make.
CREATE VIEW record_totals AS
SELECT
    user_id,
    id,
    to_char(coalesce(rated_at, created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') COLLATE "C" AS day,
    coalesce(invoice_month, billing_month) AS invoice_month,
    price_id,
    coalesce(plan_version_id, 0) AS plan_version_id,
    coalesce(window_start, TIMESTAMPTZ '1970-01-01 00:00:00+00') AS window_start,
    status = 3 AS reversal,
    CASE WHEN status >= 2 THEN -1 ELSE 1 END::BIGINT AS record_count,
    prompt_tokens::BIGINT AS prompt_tokens,
    completion_tokens::BIGINT AS completion_tokens,
    coalesce(cached_prompt_tokens, 0)::BIGINT AS cached_prompt_tokens,
    coalesce(cache_write_tokens, 0)::BIGINT AS cache_write_tokens,
    coalesce(reasoning_tokens, 0)::BIGINT AS reasoning_tokens,
    coalesce(overage_tokens, 0)::BIGINT AS overage_tokens,
    cost_usd,
    coalesce(covered_amount, 0) AS covered_amount,
    coalesce(overage_cost, 0) AS overage_cost,
    coalesce(discount_amount, 0) AS discount_amount,
    final_cost,
    model
FROM billing_records;

-- What every reader of sums reads: the rollups, and the records behind each account's watermark.
-- It is exact at every moment, whenever they were last folded. ORDER BY has each account's records
-- looked up by their key, whatever the planner knows of them.
CREATE VIEW usage_totals AS
SELECT
    r.user_id, r.day, r.invoice_month, r.price_id, r.plan_version_id, r.window_start, r.reversal,
    r.record_count, r.prompt_tokens, r.completion_tokens, r.cached_prompt_tokens,
    r.cache_write_tokens, r.reasoning_tokens, r.overage_tokens, r.cost_usd, r.covered_amount,
    r.overage_cost, r.discount_amount, r.final_cost,
    (SELECT p.model_id FROM model_prices AS p WHERE p.id = r.price_id) AS model
FROM usage_rollups AS r
UNION ALL
SELECT
    a.user_id, t.day, t.invoice_month, t.price_id, t.plan_version_id, t.window_start, t.reversal,
    t.record_count, t.prompt_tokens, t.completion_tokens, t.cached_prompt_tokens,
    t.cache_write_tokens, t.reasoning_tokens, t.overage_tokens, t.cost_usd, t.covered_amount,
    t.overage_cost, t.discount_amount, t.final_cost, t.model
FROM accounts AS a
CROSS JOIN LATERAL (
    SELECT *
    FROM record_totals AS own
    WHERE own.user_id = a.user_id
        AND own.id > coalesce(a.folded_to, UUID '00000000-0000-0000-0000-000000000000')
    ORDER BY own.id
) AS t
WHERE a.last_record_id IS DISTINCT FROM a.folded_to;

-- Coupons.

CREATE TABLE coupons (
    id UUID PRIMARY KEY,
    code TEXT COLLATE "C" NOT NULL,
    type TEXT NOT NULL,
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
    applicable_plans JSONB NOT NULL DEFAULT '[]',
    duration_months INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX coupons_code ON coupons (lower(code));

CREATE TABLE coupon_usages (
    user_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    coupon_id UUID NOT NULL,
    discount_amount NUMERIC NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    taken_at_apply NUMERIC NOT NULL,
    -- What was taken of months that no invoice has closed, by month.
    open_discounts JSONB NOT NULL DEFAULT '{}',
    -- The caller's id, by which a repeated call is told from another redemption.
    request_id TEXT COLLATE "C",
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX coupon_usages_coupon ON coupon_usages (user_id, coupon_id);
CREATE INDEX coupon_usages_id ON coupon_usages (id);
CREATE UNIQUE INDEX coupon_usages_request ON coupon_usages (user_id, request_id)
    WHERE request_id IS NOT NULL;

-- What fixed coupons took at once of value that a voided record had freed.
CREATE TABLE coupon_catch_ups (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    amount NUMERIC NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, sequence)
);

-- Invoices.

CREATE TABLE invoices (
    user_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL,
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
    -- Of a top-up, which was paid before.
    is_receipt BOOLEAN NOT NULL DEFAULT FALSE,
    -- Empty for a draft.
    invoice_number TEXT COLLATE "C" NOT NULL,
    -- The number in the series of invoices; empty for a draft.
    document_number TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- Seller, buyer and tax note as of issuing.
    snapshot JSONB,
    -- Of the document that cancels a void one, in the series of credit notes.
    cancellation_number TEXT COLLATE "C",
    cancelled_at TIMESTAMPTZ,
    items JSONB NOT NULL DEFAULT '[]',
    discounts JSONB NOT NULL DEFAULT '[]',
    tax_rate NUMERIC NOT NULL DEFAULT 0,
    credited_amount NUMERIC NOT NULL DEFAULT 0,
    credited_tax NUMERIC NOT NULL DEFAULT 0,
    credit_applied NUMERIC NOT NULL DEFAULT 0,
    -- What credit notes took off what the invoice asks for.
    credit_noted NUMERIC NOT NULL DEFAULT 0,
    -- What voided records took back of it.
    corrected_amount NUMERIC NOT NULL DEFAULT 0,
    corrected_tax NUMERIC NOT NULL DEFAULT 0,
    notes TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX invoices_user_month ON invoices (user_id, billing_month);
CREATE INDEX invoices_status ON invoices (status);
-- Lists of all users' invoices, and the figures of a month.
CREATE INDEX invoices_id ON invoices (id);
CREATE INDEX invoices_month ON invoices (billing_month, id);
CREATE INDEX invoices_due ON invoices (due_date) WHERE status = 'issued';
CREATE UNIQUE INDEX invoices_number ON invoices (user_id, invoice_number)
    WHERE invoice_number <> '';
CREATE UNIQUE INDEX invoices_document_number ON invoices (user_id, document_number)
    WHERE document_number <> '';
CREATE UNIQUE INDEX invoices_cancellation ON invoices (user_id, cancellation_number)
    WHERE cancellation_number IS NOT NULL;
-- One invoice per user and month, whatever happens.
CREATE UNIQUE INDEX invoices_one_per_month ON invoices (user_id, billing_month)
    WHERE status <> 'void' AND NOT is_receipt;

CREATE TABLE invoice_lines (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    invoice_id UUID,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    subscription_id UUID NOT NULL,
    -- What it pays for.
    period_start TIMESTAMPTZ NOT NULL,
    period_end TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, sequence)
);
CREATE INDEX invoice_lines_month ON invoice_lines (user_id, billing_month);
-- The fees of a month.
CREATE INDEX invoice_lines_billing_month ON invoice_lines (billing_month);

-- What later invoices take back of earlier ones.
CREATE TABLE invoice_corrections (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    billing_month TEXT COLLATE "C" NOT NULL,
    invoice_id UUID,
    corrects_invoice_id UUID NOT NULL,
    -- Of a voided record, or else of a fee that an upgrade leaves unused.
    usage_month TEXT COLLATE "C",
    model TEXT COLLATE "C",
    tokens BIGINT,
    description TEXT,
    period_start TIMESTAMPTZ,
    period_end TIMESTAMPTZ,
    amount NUMERIC NOT NULL,
    tax_rate NUMERIC NOT NULL,
    tax_amount NUMERIC NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, sequence)
);
CREATE INDEX invoice_corrections_month ON invoice_corrections (user_id, billing_month);

CREATE TABLE credit_notes (
    user_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    invoice_id UUID NOT NULL,
    note_number TEXT COLLATE "C" NOT NULL,
    -- The number in the series of credit notes.
    document_number TEXT COLLATE "C" NOT NULL,
    -- Seller, buyer and tax note as of issuing.
    snapshot JSONB NOT NULL,
    amount NUMERIC NOT NULL,
    tax_amount NUMERIC NOT NULL,
    -- How much of it the invoice no longer asks for.
    applied_amount NUMERIC NOT NULL,
    reason TEXT NOT NULL,
    -- The caller's id, by which a repeated call is told from another note.
    request_id TEXT COLLATE "C",
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX credit_notes_id ON credit_notes (id);
CREATE UNIQUE INDEX credit_notes_document_number ON credit_notes (user_id, document_number);
CREATE UNIQUE INDEX credit_notes_request ON credit_notes (user_id, request_id)
    WHERE request_id IS NOT NULL;

-- Numbers of documents: one row per series and year, locked last.
CREATE TABLE document_series (
    series TEXT COLLATE "C" NOT NULL,
    year INTEGER NOT NULL,
    -- 0 before the first.
    last_number BIGINT NOT NULL,
    -- The date of the last document.
    last_at TIMESTAMPTZ,
    PRIMARY KEY (series, year)
);

-- Payments.

-- A user as a provider knows them; test and real money have customers of their own.
CREATE TABLE payment_customers (
    user_id TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    is_live BOOLEAN NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, provider, is_live)
);

CREATE TABLE payment_methods (
    user_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    provider TEXT NOT NULL,
    is_live BOOLEAN NOT NULL,
    provider_customer_id TEXT COLLATE "C" NOT NULL,
    provider_method_id TEXT COLLATE "C" NOT NULL,
    brand TEXT NOT NULL,
    last4 TEXT NOT NULL,
    expiry_month INTEGER,
    expiry_year INTEGER,
    is_default BOOLEAN NOT NULL,
    -- What the user has agreed to: who said so, when and to what.
    topup_consent_by TEXT,
    topup_consented_at TIMESTAMPTZ,
    topup_consent_threshold BIGINT,
    topup_consent_amount NUMERIC,
    collect_consent_by TEXT,
    collect_consented_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX payment_methods_one_default ON payment_methods (user_id) WHERE is_default;
CREATE UNIQUE INDEX payment_methods_object
    ON payment_methods (user_id, provider, provider_method_id);

-- A row before the provider hears of it.
CREATE TABLE payment_transactions (
    user_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    is_live BOOLEAN NOT NULL,
    provider_reference TEXT COLLATE "C",
    status TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    refunded_amount NUMERIC NOT NULL,
    disputed_amount NUMERIC NOT NULL,
    fee NUMERIC,
    currency TEXT NOT NULL,
    payment_method_id UUID,
    -- What invoices get of it.
    allocations JSONB NOT NULL,
    -- Bought by a top-up, and what became of them.
    tokens BIGINT NOT NULL,
    tokens_taken_back BIGINT NOT NULL,
    tokens_frozen BIGINT NOT NULL,
    tokens_short BIGINT NOT NULL,
    is_automatic BOOLEAN NOT NULL,
    refund_of UUID,
    failure_code TEXT COLLATE "C",
    failure_message TEXT,
    next_action_url TEXT,
    attention TEXT,
    -- The caller's id, by which a repeated call is told from another payment.
    request_id TEXT COLLATE "C",
    fingerprint BYTEA,
    expires_at TIMESTAMPTZ,
    -- When the provider is asked again; NULL once it is settled.
    next_look_at TIMESTAMPTZ,
    -- When its money was first seen to have moved, and to be lost by a dispute.
    succeeded_at TIMESTAMPTZ,
    lost_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, id)
);
-- Lists of all users' transactions.
CREATE INDEX payment_transactions_id ON payment_transactions (id);
CREATE UNIQUE INDEX payment_transactions_request ON payment_transactions (user_id, request_id)
    WHERE request_id IS NOT NULL;
-- Figures of months.
CREATE INDEX payment_transactions_succeeded ON payment_transactions (succeeded_at)
    WHERE succeeded_at IS NOT NULL;
CREATE INDEX payment_transactions_lost ON payment_transactions (lost_at)
    WHERE lost_at IS NOT NULL;
-- What calls for an operator.
CREATE INDEX payment_transactions_attention ON payment_transactions (id)
    WHERE attention IS NOT NULL;
CREATE INDEX payment_transactions_due ON payment_transactions (next_look_at)
    WHERE next_look_at IS NOT NULL;
-- What a webhook is about.
CREATE INDEX payment_transactions_reference ON payment_transactions (provider_reference)
    WHERE provider_reference IS NOT NULL;

CREATE TABLE webhook_events (
    provider TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    event_type TEXT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
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

-- What the world is told, with an empty user_id for what concerns all users. A place is given after
-- the commit.
CREATE TABLE events (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    id UUID NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    -- As it is sent. Text, because every repeat has the same bytes.
    body TEXT NOT NULL,
    -- Why it could not be rendered.
    fault TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    place BIGINT,
    PRIMARY KEY (user_id, sequence)
);
CREATE INDEX events_id ON events (id);
CREATE INDEX events_place ON events (place) WHERE place IS NOT NULL;
CREATE INDEX events_user_place ON events (user_id, place) WHERE place IS NOT NULL;
CREATE INDEX events_new ON events (created_at) WHERE place IS NULL;

-- One row, which whoever gives places and numbers has locked.
CREATE TABLE event_log (
    name TEXT COLLATE "C" PRIMARY KEY,
    last_place BIGINT NOT NULL,
    -- Of events that concern no user.
    last_sequence BIGINT NOT NULL
);
INSERT INTO event_log (name, last_place, last_sequence) VALUES ('events', 0, 0);

-- Models without a price that were told of, by hour.
CREATE TABLE unpriced_models (
    hour TIMESTAMPTZ NOT NULL,
    model_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, model_id)
);

-- Where events are sent.

CREATE TABLE webhook_endpoints (
    id UUID PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Which events it gets; an empty list leaves none out.
    event_types JSONB NOT NULL,
    user_ids JSONB NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    disabled_at TIMESTAMPTZ,
    secret TEXT NOT NULL,
    -- Secrets that still sign, newest first, each with its end.
    old_secrets JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- How each way out fares: 'mail', 'operator', or an endpoint's id.
CREATE TABLE outlets (
    outlet TEXT COLLATE "C" PRIMARY KEY,
    failures INTEGER NOT NULL,
    failing_since TIMESTAMPTZ,
    succeeded_at TIMESTAMPTZ,
    probe_at TIMESTAMPTZ,
    drained_to TIMESTAMPTZ,
    told_at TIMESTAMPTZ
);
INSERT INTO outlets (outlet, failures) VALUES ('mail', 0), ('operator', 0);

-- One row per event and outlet.
CREATE TABLE deliveries (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    outlet TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- Those before it was begun again count too.
    attempts_made INTEGER NOT NULL,
    next_at TIMESTAMPTZ NOT NULL,
    -- Who is at it, and until when, by the database's clock.
    lease UUID,
    leased_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, sequence, outlet)
);
CREATE INDEX deliveries_due ON deliveries (outlet, next_at) WHERE status = 'pending';
CREATE INDEX deliveries_leased ON deliveries (outlet, leased_until) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_status ON deliveries (outlet, status);
CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE delivery_attempts (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    outlet TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    status_code INTEGER,
    error TEXT,
    answer TEXT NOT NULL,
    took_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, sequence, outlet, number)
);

-- Mails as they were composed once: a repeat has the same bytes.
CREATE TABLE mails (
    user_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    outlet TEXT COLLATE "C" NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    content BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, sequence, outlet)
);

CREATE TABLE job_leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    state JSONB NOT NULL DEFAULT '{}'
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
INSERT INTO plan_versions (
    id, plan_id, name, monthly_quota, monthly_price, extra_token_price, overage_discount_rate,
    usage_pricing, effective_from, created_at
)
SELECT
    display_order, id, name, monthly_quota, monthly_price, extra_token_price,
    overage_discount_rate, usage_pricing, '1970-01-01 00:00:00+00', created_at
FROM subscription_plans;
