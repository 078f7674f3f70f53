-- PostgreSQL. Keep in step with the SQLite migration of the same name.

-- The terms of a plan from a time on. A period freezes the terms in force at its start, however
-- late the renewal is made.
CREATE TABLE plan_versions (
    plan_id TEXT COLLATE "C" NOT NULL,
    effective_from TIMESTAMPTZ NOT NULL,
    name TEXT NOT NULL,
    monthly_quota BIGINT NOT NULL,
    monthly_price NUMERIC NOT NULL,
    extra_token_price NUMERIC NOT NULL,
    overage_discount_rate NUMERIC NOT NULL,
    usage_pricing TEXT NOT NULL CHECK (usage_pricing IN ('included', 'metered')),
    PRIMARY KEY (plan_id, effective_from)
);
INSERT INTO plan_versions (
    plan_id, effective_from, name, monthly_quota, monthly_price, extra_token_price,
    overage_discount_rate, usage_pricing
)
SELECT
    id, created_at, name, monthly_quota, monthly_price, extra_token_price,
    overage_discount_rate, usage_pricing
FROM subscription_plans;
UPDATE catalog_version SET version = version + 1;

-- The quota of a whole window: an upgrade gives the running one its share of it only.
ALTER TABLE accounts ADD COLUMN monthly_quota BIGINT;
-- When the live subscription was made, and when it was cancelled for the end of its period.
ALTER TABLE accounts ADD COLUMN subscribed_at TIMESTAMPTZ;
ALTER TABLE accounts ADD COLUMN cancelled_at TIMESTAMPTZ;
-- Times before it may belong to an archived window.
ALTER TABLE accounts ADD COLUMN archived_until TIMESTAMPTZ;
ALTER TABLE accounts DROP COLUMN has_archived_periods;
-- When the discount rate is in force; other times are looked up in user_discounts.
ALTER TABLE accounts ADD COLUMN discount_from TIMESTAMPTZ;
ALTER TABLE accounts ADD COLUMN discount_until TIMESTAMPTZ;
ALTER TABLE accounts DROP COLUMN next_discount_rate;
ALTER TABLE accounts DROP COLUMN next_discount_from;
ALTER TABLE accounts DROP COLUMN has_discount_history;
CREATE INDEX accounts_due ON accounts (window_end) WHERE subscription_id IS NOT NULL;
CREATE INDEX accounts_plan ON accounts (plan_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX accounts_next_plan ON accounts (next_plan_id) WHERE next_plan_id IS NOT NULL;

-- A fee is an invoice line and nothing else.
ALTER TABLE subscription_periods DROP COLUMN fee;
ALTER TABLE subscription_periods DROP COLUMN fee_month;

-- What a redemption took of months that no invoice has closed, by month; and the caller's id, by
-- which a repeated call is told from another redemption.
ALTER TABLE coupon_usages ADD COLUMN open_discounts TEXT NOT NULL DEFAULT '{}';
ALTER TABLE coupon_usages ADD COLUMN request_id TEXT COLLATE "C";
CREATE UNIQUE INDEX coupon_usages_request ON coupon_usages (user_id, request_id)
    WHERE request_id IS NOT NULL;

-- Why the record was voided.
ALTER TABLE billing_records ADD COLUMN void_reason TEXT;
