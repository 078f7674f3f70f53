ALTER TABLE billing_records DROP COLUMN void_reason;

DROP INDEX coupon_usages_request;
ALTER TABLE coupon_usages DROP COLUMN request_id;
ALTER TABLE coupon_usages DROP COLUMN open_discounts;

ALTER TABLE subscription_periods ADD COLUMN fee_month TEXT COLLATE "C" NOT NULL DEFAULT '1970-01';
ALTER TABLE subscription_periods ADD COLUMN fee NUMERIC NOT NULL DEFAULT 0;

DROP INDEX accounts_next_plan;
DROP INDEX accounts_plan;
DROP INDEX accounts_due;
ALTER TABLE accounts ADD COLUMN has_discount_history BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE accounts ADD COLUMN next_discount_from TIMESTAMPTZ;
ALTER TABLE accounts ADD COLUMN next_discount_rate NUMERIC;
ALTER TABLE accounts DROP COLUMN discount_until;
ALTER TABLE accounts DROP COLUMN discount_from;
ALTER TABLE accounts ADD COLUMN has_archived_periods BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE accounts DROP COLUMN archived_until;
ALTER TABLE accounts DROP COLUMN cancelled_at;
ALTER TABLE accounts DROP COLUMN subscribed_at;
ALTER TABLE accounts DROP COLUMN monthly_quota;

DROP TABLE plan_versions;
