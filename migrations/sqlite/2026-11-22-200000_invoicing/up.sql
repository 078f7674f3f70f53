-- SQLite. Keep in step with the PostgreSQL migration of the same name.

-- What a record was charged by, such as '0.03/0.06 2024-11-01T00:00:00Z 0.135 plan-pro';
-- empty for records from before it was kept.
ALTER TABLE billing_records ADD COLUMN terms TEXT NOT NULL DEFAULT '';

-- Sums by terms show every part of an invoice with its price. A key cannot be altered.
CREATE TABLE rollups_by_terms (
    user_id TEXT NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    invoice_month TEXT NOT NULL,
    terms TEXT NOT NULL DEFAULT '',
    record_count INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_prompt_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    overage_tokens INTEGER NOT NULL,
    cost_usd TEXT NOT NULL,
    covered_amount TEXT NOT NULL,
    overage_cost TEXT NOT NULL,
    discount_amount TEXT NOT NULL,
    final_cost TEXT NOT NULL,
    PRIMARY KEY (user_id, day, model, invoice_month, terms)
) STRICT, WITHOUT ROWID;
INSERT INTO rollups_by_terms (
    user_id, day, model, invoice_month, record_count, prompt_tokens, completion_tokens,
    overage_tokens, cost_usd, covered_amount, overage_cost, discount_amount, final_cost
)
SELECT
    user_id, day, model, invoice_month, record_count, prompt_tokens, completion_tokens,
    overage_tokens, cost_usd, covered_amount, overage_cost, discount_amount, final_cost
FROM usage_rollups;
DROP TABLE usage_rollups;
ALTER TABLE rollups_by_terms RENAME TO usage_rollups;
CREATE INDEX usage_rollups_day ON usage_rollups (day);
CREATE INDEX usage_rollups_invoice ON usage_rollups (user_id, invoice_month);

-- Who has a month that can be closed.
CREATE INDEX accounts_open_month ON accounts (open_month, user_id);

ALTER TABLE invoices ADD COLUMN discounts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE invoices ADD COLUMN tax_rate TEXT NOT NULL DEFAULT '0';
ALTER TABLE invoices ADD COLUMN credited_amount TEXT NOT NULL DEFAULT '0';
ALTER TABLE invoices ADD COLUMN credit_applied TEXT NOT NULL DEFAULT '0';
-- A draft has no number yet.
DROP INDEX invoices_number;
CREATE UNIQUE INDEX invoices_number ON invoices (user_id, invoice_number)
    WHERE invoice_number <> '';
-- One invoice per user and month, whatever happens.
CREATE UNIQUE INDEX invoices_one_per_month ON invoices (user_id, billing_month)
    WHERE status <> 'void';
CREATE INDEX invoices_due ON invoices (due_date) WHERE status = 'issued';

-- The caller's id, by which a repeated call is told from another note.
ALTER TABLE credit_notes ADD COLUMN request_id TEXT;
CREATE UNIQUE INDEX credit_notes_request ON credit_notes (user_id, request_id)
    WHERE request_id IS NOT NULL;
