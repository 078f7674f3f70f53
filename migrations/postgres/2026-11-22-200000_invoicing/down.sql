DROP INDEX credit_notes_request;
ALTER TABLE credit_notes DROP COLUMN request_id;

-- An invoice without a number did not exist before.
DELETE FROM invoices WHERE invoice_number = '';
DROP INDEX invoices_due;
DROP INDEX invoices_one_per_month;
DROP INDEX invoices_number;
CREATE UNIQUE INDEX invoices_number ON invoices (user_id, invoice_number);
ALTER TABLE invoices DROP COLUMN credit_applied;
ALTER TABLE invoices DROP COLUMN credited_amount;
ALTER TABLE invoices DROP COLUMN tax_rate;
ALTER TABLE invoices DROP COLUMN discounts;

DROP INDEX accounts_open_month;

-- Terms with a space name the window of a plan that covers the prices.
CREATE TABLE merged_rollups AS
SELECT
    user_id, day, model, invoice_month,
    sum(record_count)::BIGINT AS record_count,
    sum(prompt_tokens)::BIGINT AS prompt_tokens,
    sum(completion_tokens)::BIGINT AS completion_tokens,
    sum(CASE WHEN terms LIKE '% %' THEN prompt_tokens + completion_tokens ELSE 0 END)::BIGINT
        AS covered_tokens,
    sum(overage_tokens)::BIGINT AS overage_tokens,
    sum(cost_usd) AS cost_usd,
    sum(final_cost + discount_amount + covered_amount - overage_cost) AS discounted_cost,
    sum(CASE WHEN terms LIKE '% %' THEN cost_usd ELSE 0 END) AS covered_cost_usd,
    sum(covered_amount) AS covered_amount,
    sum(overage_cost) AS overage_cost,
    sum(discount_amount) AS discount_amount,
    sum(final_cost) AS final_cost
FROM usage_rollups
GROUP BY user_id, day, model, invoice_month;
DELETE FROM usage_rollups;
DROP INDEX usage_rollups_invoice;
ALTER TABLE usage_rollups DROP CONSTRAINT usage_rollups_pkey;
ALTER TABLE usage_rollups DROP COLUMN reasoning_tokens;
ALTER TABLE usage_rollups DROP COLUMN cache_write_tokens;
ALTER TABLE usage_rollups DROP COLUMN cached_prompt_tokens;
ALTER TABLE usage_rollups DROP COLUMN terms;
ALTER TABLE usage_rollups ADD COLUMN covered_tokens BIGINT NOT NULL;
ALTER TABLE usage_rollups ADD COLUMN discounted_cost NUMERIC NOT NULL;
ALTER TABLE usage_rollups ADD COLUMN covered_cost_usd NUMERIC NOT NULL;
ALTER TABLE usage_rollups ADD PRIMARY KEY (user_id, day, model, invoice_month);
INSERT INTO usage_rollups (
    user_id, day, model, invoice_month, record_count, prompt_tokens, completion_tokens,
    covered_tokens, overage_tokens, cost_usd, discounted_cost, covered_cost_usd, covered_amount,
    overage_cost, discount_amount, final_cost
)
SELECT
    user_id, day, model, invoice_month, record_count, prompt_tokens, completion_tokens,
    covered_tokens, overage_tokens, cost_usd, discounted_cost, covered_cost_usd, covered_amount,
    overage_cost, discount_amount, final_cost
FROM merged_rollups;
DROP TABLE merged_rollups;

ALTER TABLE billing_records DROP COLUMN terms;
