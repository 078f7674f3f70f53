-- SQLite. Keep in step with the PostgreSQL migration of the same name.
-- Exact decimals and JSON are TEXT, times are INTEGER microseconds since 1970, flags are 0 or 1.
-- Every table that grows with users has user_id first in its keys, so that it can be sharded by it.
-- Our own ids are the 16 bytes of a UUID; ids and texts that others gave compare by bytes.

-- Prices and plans. Versions are added and never rewritten: what was charged names them.

CREATE TABLE catalog_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO catalog_version (id, version) VALUES (1, 1);

CREATE TABLE model_prices (
    id INTEGER PRIMARY KEY,
    model_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    prompt_price_per_k TEXT NOT NULL,
    completion_price_per_k TEXT NOT NULL,
    cached_prompt_price_per_k TEXT,
    cache_write_price_per_k TEXT,
    reasoning_price_per_k TEXT,
    effective_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX model_prices_model ON model_prices (model_id, effective_from);

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
    usage_pricing TEXT NOT NULL,
    overage_discount_rate TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- The terms of a plan from a time on. A period freezes the version in force at its start, however
-- late the renewal is made.
CREATE TABLE plan_versions (
    id INTEGER PRIMARY KEY,
    plan_id TEXT NOT NULL,
    name TEXT NOT NULL,
    monthly_quota INTEGER NOT NULL,
    monthly_price TEXT NOT NULL,
    extra_token_price TEXT NOT NULL,
    overage_discount_rate TEXT NOT NULL,
    usage_pricing TEXT NOT NULL,
    effective_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX plan_versions_plan ON plan_versions (plan_id, effective_from);

-- Users.

-- No index on a column that usage changes, so that its updates stay within the page.
CREATE TABLE accounts (
    user_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL DEFAULT 0,
    open_month TEXT NOT NULL DEFAULT '1970-01',
    -- The earliest month before that one which is open again.
    reopened_month TEXT,
    -- The live subscription, with the version of its plan that its period froze.
    subscription_id BLOB,
    plan_id TEXT,
    plan_version_id INTEGER,
    subscription_status TEXT,
    billing_cycle TEXT,
    period_anchor INTEGER,
    period_start INTEGER,
    period_end INTEGER,
    window_start INTEGER,
    window_end INTEGER,
    window_quota INTEGER,
    -- What rated the window before its plan changed: times and plan versions; NULL when it did not.
    earlier_terms TEXT,
    next_plan_id TEXT,
    next_billing_cycle TEXT,
    subscribed_at INTEGER,
    cancelled_at INTEGER,
    auto_renew INTEGER NOT NULL DEFAULT 1,
    trial_used INTEGER NOT NULL DEFAULT 0,
    -- Tokens.
    tokens_used INTEGER NOT NULL DEFAULT 0,
    quota_used INTEGER NOT NULL DEFAULT 0,
    topup_balance INTEGER NOT NULL DEFAULT 0,
    overage_tokens INTEGER NOT NULL DEFAULT 0,
    reserved_tokens INTEGER NOT NULL DEFAULT 0,
    -- Money. The discount is the one in force from and until these times; others are looked up.
    discount_rate TEXT NOT NULL DEFAULT '1',
    discount_from INTEGER,
    discount_until INTEGER,
    tax_rate TEXT NOT NULL DEFAULT '0',
    -- Why none is charged all the same.
    tax_exemption TEXT,
    credit_balance TEXT NOT NULL DEFAULT '0',
    uninvoiced TEXT NOT NULL DEFAULT '{}',
    -- What all usage of the invoice months before open_month has cost.
    closed_cost TEXT NOT NULL DEFAULT '0',
    -- Records up to folded_to are summed up in usage_rollups; tail_records counts those after it.
    last_record_id BLOB,
    folded_to BLOB,
    tail_records INTEGER NOT NULL DEFAULT 0,
    -- Which relations exist, so that a normal batch does not look for them.
    has_redemptions INTEGER NOT NULL DEFAULT 0,
    has_reservations INTEGER NOT NULL DEFAULT 0,
    archived_until INTEGER,
    -- Alerts and top-ups, with the settings that rating needs.
    alert_levels_announced TEXT NOT NULL DEFAULT '[]',
    alert_threshold INTEGER NOT NULL DEFAULT 0,
    enable_alerts INTEGER NOT NULL DEFAULT 1,
    auto_topup INTEGER NOT NULL DEFAULT 1,
    auto_topup_threshold INTEGER NOT NULL DEFAULT 0,
    auto_topup_amount TEXT NOT NULL DEFAULT '100',
    -- What is kept of automatic payments, and when invoices are collected next.
    automation TEXT,
    collect_at INTEGER,
    event_sequence INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_due ON accounts (window_end) WHERE subscription_id IS NOT NULL;
CREATE INDEX accounts_plan ON accounts (plan_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX accounts_next_plan ON accounts (next_plan_id) WHERE next_plan_id IS NOT NULL;
-- Who has a month that can be closed.
CREATE INDEX accounts_open_month ON accounts (open_month, user_id);
CREATE INDEX accounts_collect ON accounts (collect_at) WHERE collect_at IS NOT NULL;
CREATE INDEX accounts_reopened ON accounts (reopened_month) WHERE reopened_month IS NOT NULL;

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
    billing_name TEXT NOT NULL DEFAULT '',
    billing_country TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT 'en',
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
    id BLOB NOT NULL,
    plan_id TEXT NOT NULL,
    status TEXT NOT NULL,
    billing_cycle TEXT NOT NULL,
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
-- Lists of all users' subscriptions.
CREATE INDEX subscriptions_id ON subscriptions (id);
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (user_id)
    WHERE status IN ('trialing', 'active');

-- Windows that are over; late records still take from them.
CREATE TABLE subscription_periods (
    user_id TEXT NOT NULL,
    subscription_id BLOB NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    plan_version_id INTEGER NOT NULL,
    earlier_terms TEXT,
    quota INTEGER NOT NULL,
    tokens_used INTEGER NOT NULL,
    quota_used INTEGER NOT NULL,
    overage_tokens INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, subscription_id, window_start)
) STRICT;

-- Usage.

-- The log that all sums are derived from. What most records have in common is NULL.
CREATE TABLE billing_records (
    user_id TEXT NOT NULL,
    -- Increasing per user in the order of recording.
    id BLOB NOT NULL,
    request_id TEXT NOT NULL,
    model TEXT NOT NULL,
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
    cost_usd TEXT NOT NULL,
    -- NULL is 1.
    discount_rate TEXT,
    -- NULL is 0 in these three.
    covered_amount TEXT,
    overage_cost TEXT,
    discount_amount TEXT,
    final_cost TEXT NOT NULL,
    coupon_id BLOB,
    subscription_id BLOB,
    corrects_id BLOB,
    -- 0 completed, 1 voided, 2 correction, 3 correction of a record that an invoice carries.
    status INTEGER NOT NULL,
    billing_month TEXT NOT NULL,
    -- NULL is billing_month.
    invoice_month TEXT,
    fingerprint BLOB NOT NULL,
    price_id INTEGER NOT NULL,
    -- The window that holds the record.
    plan_version_id INTEGER,
    window_start INTEGER,
    -- The earlier of created_at and the time of recording: it chose price, month and window. NULL
    -- is created_at.
    rated_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    void_reason TEXT,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX billing_records_month ON billing_records (user_id, billing_month);
CREATE INDEX billing_records_created ON billing_records (created_at);
CREATE UNIQUE INDEX billing_records_request ON billing_records (user_id, request_id);
-- Lists of all users' records. Ids rise with time, so that it grows at its end.
CREATE INDEX billing_records_id ON billing_records (id);

-- Sums of the records up to each account's watermark, by the UTC day that rated them.
CREATE TABLE usage_rollups (
    user_id TEXT NOT NULL,
    day TEXT NOT NULL,
    invoice_month TEXT NOT NULL,
    price_id INTEGER NOT NULL,
    -- 0 and 1970 are no window.
    plan_version_id INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    -- Whether these reverse records that an invoice carries.
    reversal INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_prompt_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    overage_tokens INTEGER NOT NULL,
    cost_usd TEXT NOT NULL,
    covered_amount TEXT NOT NULL,
    overage_cost TEXT NOT NULL,
    discount_amount TEXT NOT NULL,
    final_cost TEXT NOT NULL,
    PRIMARY KEY (
        user_id, day, invoice_month, price_id, plan_version_id, window_start, reversal
    )
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_rollups_day ON usage_rollups (day);
CREATE INDEX usage_rollups_invoice ON usage_rollups (user_id, invoice_month);

-- Each record as the rollup that it alone would make. No record is older than the year 2000, so
-- dividing its time rounds down.
CREATE VIEW record_totals AS
SELECT
    user_id,
    id,
    strftime('%Y-%m-%d', coalesce(rated_at, created_at) / 1000000, 'unixepoch') AS day,
    coalesce(invoice_month, billing_month) AS invoice_month,
    price_id,
    coalesce(plan_version_id, 0) AS plan_version_id,
    coalesce(window_start, 0) AS window_start,
    status = 3 AS reversal,
    CASE WHEN status >= 2 THEN -1 ELSE 1 END AS record_count,
    prompt_tokens,
    completion_tokens,
    coalesce(cached_prompt_tokens, 0) AS cached_prompt_tokens,
    coalesce(cache_write_tokens, 0) AS cache_write_tokens,
    coalesce(reasoning_tokens, 0) AS reasoning_tokens,
    coalesce(overage_tokens, 0) AS overage_tokens,
    cost_usd,
    coalesce(covered_amount, '0') AS covered_amount,
    coalesce(overage_cost, '0') AS overage_cost,
    coalesce(discount_amount, '0') AS discount_amount,
    final_cost,
    model
FROM billing_records;

-- What every reader of sums reads: the rollups, and the records behind each account's watermark.
-- It is exact at every moment, whenever they were last folded. CROSS JOIN has each account's
-- records looked up by their key, whatever the planner knows of them.
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
CROSS JOIN record_totals AS t
WHERE t.user_id = a.user_id
    AND t.id > coalesce(a.folded_to, x'')
    AND a.last_record_id IS NOT a.folded_to;

-- Coupons.

CREATE TABLE coupons (
    id BLOB PRIMARY KEY,
    code TEXT NOT NULL,
    type TEXT NOT NULL,
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
    id BLOB NOT NULL,
    coupon_id BLOB NOT NULL,
    discount_amount TEXT NOT NULL,
    billing_month TEXT NOT NULL,
    taken_at_apply TEXT NOT NULL,
    -- What was taken of months that no invoice has closed, by month.
    open_discounts TEXT NOT NULL DEFAULT '{}',
    -- The caller's id, by which a repeated call is told from another redemption.
    request_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX coupon_usages_coupon ON coupon_usages (user_id, coupon_id);
CREATE INDEX coupon_usages_id ON coupon_usages (id);
CREATE UNIQUE INDEX coupon_usages_request ON coupon_usages (user_id, request_id)
    WHERE request_id IS NOT NULL;

-- What fixed coupons took at once of value that a voided record had freed.
CREATE TABLE coupon_catch_ups (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    billing_month TEXT NOT NULL,
    amount TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, sequence)
) STRICT;

-- Invoices.

CREATE TABLE invoices (
    user_id TEXT NOT NULL,
    id BLOB NOT NULL,
    billing_month TEXT NOT NULL,
    status TEXT NOT NULL,
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
    -- Of a top-up, which was paid before.
    is_receipt INTEGER NOT NULL DEFAULT 0,
    -- Empty for a draft.
    invoice_number TEXT NOT NULL,
    -- The number in the series of invoices; empty for a draft.
    document_number TEXT NOT NULL DEFAULT '',
    -- Seller, buyer and tax note as of issuing.
    snapshot TEXT,
    -- Of the document that cancels a void one, in the series of credit notes.
    cancellation_number TEXT,
    cancelled_at INTEGER,
    items TEXT NOT NULL DEFAULT '[]',
    discounts TEXT NOT NULL DEFAULT '[]',
    tax_rate TEXT NOT NULL DEFAULT '0',
    credited_amount TEXT NOT NULL DEFAULT '0',
    credited_tax TEXT NOT NULL DEFAULT '0',
    credit_applied TEXT NOT NULL DEFAULT '0',
    -- What credit notes took off what the invoice asks for.
    credit_noted TEXT NOT NULL DEFAULT '0',
    -- What voided records took back of it.
    corrected_amount TEXT NOT NULL DEFAULT '0',
    corrected_tax TEXT NOT NULL DEFAULT '0',
    notes TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
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
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    billing_month TEXT NOT NULL,
    invoice_id BLOB,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    amount TEXT NOT NULL,
    subscription_id BLOB NOT NULL,
    -- What it pays for.
    period_start INTEGER NOT NULL,
    period_end INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, sequence)
) STRICT;
CREATE INDEX invoice_lines_month ON invoice_lines (user_id, billing_month);
-- The fees of a month.
CREATE INDEX invoice_lines_billing_month ON invoice_lines (billing_month);

-- What later invoices take back of earlier ones.
CREATE TABLE invoice_corrections (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    billing_month TEXT NOT NULL,
    invoice_id BLOB,
    corrects_invoice_id BLOB NOT NULL,
    -- Of a voided record, or else of a fee that an upgrade leaves unused.
    usage_month TEXT,
    model TEXT,
    tokens INTEGER,
    description TEXT,
    period_start INTEGER,
    period_end INTEGER,
    amount TEXT NOT NULL,
    tax_rate TEXT NOT NULL,
    tax_amount TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, sequence)
) STRICT;
CREATE INDEX invoice_corrections_month ON invoice_corrections (user_id, billing_month);

CREATE TABLE credit_notes (
    user_id TEXT NOT NULL,
    id BLOB NOT NULL,
    invoice_id BLOB NOT NULL,
    note_number TEXT NOT NULL,
    -- The number in the series of credit notes.
    document_number TEXT NOT NULL,
    -- Seller, buyer and tax note as of issuing.
    snapshot TEXT NOT NULL,
    amount TEXT NOT NULL,
    tax_amount TEXT NOT NULL,
    -- How much of it the invoice no longer asks for.
    applied_amount TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The caller's id, by which a repeated call is told from another note.
    request_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX credit_notes_id ON credit_notes (id);
CREATE UNIQUE INDEX credit_notes_document_number ON credit_notes (user_id, document_number);
CREATE UNIQUE INDEX credit_notes_request ON credit_notes (user_id, request_id)
    WHERE request_id IS NOT NULL;

-- Numbers of documents: one row per series and year, locked last.
CREATE TABLE document_series (
    series TEXT NOT NULL,
    year INTEGER NOT NULL,
    -- 0 before the first.
    last_number INTEGER NOT NULL,
    -- The date of the last document.
    last_at INTEGER,
    PRIMARY KEY (series, year)
) STRICT;

-- Payments.

-- A user as a provider knows them; test and real money have customers of their own.
CREATE TABLE payment_customers (
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    is_live INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, provider, is_live)
) STRICT;

CREATE TABLE payment_methods (
    user_id TEXT NOT NULL,
    id BLOB NOT NULL,
    provider TEXT NOT NULL,
    is_live INTEGER NOT NULL,
    provider_customer_id TEXT NOT NULL,
    provider_method_id TEXT NOT NULL,
    brand TEXT NOT NULL,
    last4 TEXT NOT NULL,
    expiry_month INTEGER,
    expiry_year INTEGER,
    is_default INTEGER NOT NULL,
    -- What the user has agreed to: who said so, when and to what.
    topup_consent_by TEXT,
    topup_consented_at INTEGER,
    topup_consent_threshold INTEGER,
    topup_consent_amount TEXT,
    collect_consent_by TEXT,
    collect_consented_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE UNIQUE INDEX payment_methods_one_default ON payment_methods (user_id) WHERE is_default;
CREATE UNIQUE INDEX payment_methods_object
    ON payment_methods (user_id, provider, provider_method_id);

-- A row before the provider hears of it.
CREATE TABLE payment_transactions (
    user_id TEXT NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    is_live INTEGER NOT NULL,
    provider_reference TEXT,
    status TEXT NOT NULL,
    amount TEXT NOT NULL,
    refunded_amount TEXT NOT NULL,
    disputed_amount TEXT NOT NULL,
    fee TEXT,
    currency TEXT NOT NULL,
    payment_method_id BLOB,
    -- What invoices get of it.
    allocations TEXT NOT NULL,
    -- Bought by a top-up, and what became of them.
    tokens INTEGER NOT NULL,
    tokens_taken_back INTEGER NOT NULL,
    tokens_frozen INTEGER NOT NULL,
    tokens_short INTEGER NOT NULL,
    is_automatic INTEGER NOT NULL,
    refund_of BLOB,
    failure_code TEXT,
    failure_message TEXT,
    next_action_url TEXT,
    attention TEXT,
    -- The caller's id, by which a repeated call is told from another payment.
    request_id TEXT,
    fingerprint BLOB,
    expires_at INTEGER,
    -- When the provider is asked again; NULL once it is settled.
    next_look_at INTEGER,
    -- When its money was first seen to have moved, and to be lost by a dispute.
    succeeded_at INTEGER,
    lost_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
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
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    received_at INTEGER NOT NULL,
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

CREATE TABLE events (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    fault TEXT,
    created_at INTEGER NOT NULL,
    place INTEGER,
    PRIMARY KEY (user_id, sequence)
) STRICT;
CREATE INDEX events_id ON events (id);
CREATE INDEX events_place ON events (place) WHERE place IS NOT NULL;
CREATE INDEX events_user_place ON events (user_id, place) WHERE place IS NOT NULL;
CREATE INDEX events_new ON events (created_at) WHERE place IS NULL;

CREATE TABLE event_log (
    name TEXT PRIMARY KEY,
    last_place INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL
) STRICT;
INSERT INTO event_log (name, last_place, last_sequence) VALUES ('events', 0, 0);

CREATE TABLE unpriced_models (
    hour INTEGER NOT NULL,
    model_id TEXT NOT NULL,
    PRIMARY KEY (hour, model_id)
) STRICT;

-- Where events are sent.

CREATE TABLE webhook_endpoints (
    id BLOB PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Which events it gets; an empty list leaves none out.
    event_types TEXT NOT NULL,
    user_ids TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_reason TEXT,
    disabled_at INTEGER,
    secret TEXT NOT NULL,
    -- Secrets that still sign, newest first, each with its end.
    old_secrets TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE outlets (
    outlet TEXT PRIMARY KEY NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    succeeded_at INTEGER,
    probe_at INTEGER,
    drained_to INTEGER,
    told_at INTEGER
) STRICT;
INSERT INTO outlets (outlet, failures) VALUES ('mail', 0), ('operator', 0);

CREATE TABLE deliveries (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    outlet TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    attempts_made INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    lease BLOB,
    leased_until INTEGER,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (user_id, sequence, outlet)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (outlet, next_at) WHERE status = 'pending';
CREATE INDEX deliveries_leased ON deliveries (outlet, leased_until) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_status ON deliveries (outlet, status);
CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE delivery_attempts (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    outlet TEXT NOT NULL,
    number INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    status_code INTEGER,
    error TEXT,
    answer TEXT NOT NULL,
    took_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, sequence, outlet, number)
) STRICT;

CREATE TABLE mails (
    user_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    outlet TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    content BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, sequence, outlet)
) STRICT;

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
INSERT INTO plan_versions (
    id, plan_id, name, monthly_quota, monthly_price, extra_token_price, overage_discount_rate,
    usage_pricing, effective_from, created_at
)
SELECT
    display_order, id, name, monthly_quota, monthly_price, extra_token_price,
    overage_discount_rate, usage_pricing, 0, created_at
FROM subscription_plans;
