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

CREATE TABLE merged_rollups (
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
-- Terms with a space name the window of a plan that covers the prices.
INSERT INTO merged_rollups
SELECT
    user_id, day, model, invoice_month, sum(record_count), sum(prompt_tokens),
    sum(completion_tokens),
    sum(CASE WHEN terms LIKE '% %' THEN prompt_tokens + completion_tokens ELSE 0 END),
    sum(overage_tokens), exact_sum(cost_usd),
    exact_sum(exact_add(
        exact_add(exact_add(final_cost, discount_amount), covered_amount),
        CASE WHEN overage_cost LIKE '-%' THEN substr(overage_cost, 2) ELSE '-' || overage_cost END
    )),
    exact_sum(CASE WHEN terms LIKE '% %' THEN cost_usd ELSE '0' END),
    exact_sum(covered_amount), exact_sum(overage_cost), exact_sum(discount_amount),
    exact_sum(final_cost)
FROM usage_rollups
GROUP BY user_id, day, model, invoice_month;
DROP TABLE usage_rollups;
ALTER TABLE merged_rollups RENAME TO usage_rollups;
CREATE INDEX usage_rollups_day ON usage_rollups (day);

ALTER TABLE billing_records DROP COLUMN terms;
