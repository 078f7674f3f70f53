-- PostgreSQL. Keep in step with the SQLite migration of the same name.

-- What a record was charged by, such as '0.03/0.06 2024-11-01T00:00:00Z 0.135 plan-pro';
-- empty for records from before it was kept.
ALTER TABLE billing_records ADD COLUMN terms TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Sums by terms show every part of an invoice with its price.
ALTER TABLE usage_rollups ADD COLUMN terms TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE usage_rollups ADD COLUMN cached_prompt_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_rollups ADD COLUMN cache_write_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_rollups ADD COLUMN reasoning_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_rollups DROP COLUMN covered_tokens;
ALTER TABLE usage_rollups DROP COLUMN discounted_cost;
ALTER TABLE usage_rollups DROP COLUMN covered_cost_usd;
ALTER TABLE usage_rollups DROP CONSTRAINT usage_rollups_pkey;
ALTER TABLE usage_rollups ADD PRIMARY KEY (user_id, day, model, invoice_month, terms);
CREATE INDEX usage_rollups_invoice ON usage_rollups (user_id, invoice_month);

-- Who has a month that can be closed.
CREATE INDEX accounts_open_month ON accounts (open_month, user_id);

ALTER TABLE invoices ADD COLUMN discounts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE invoices ADD COLUMN tax_rate NUMERIC NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD COLUMN credited_amount NUMERIC NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD COLUMN credit_applied NUMERIC NOT NULL DEFAULT 0;
-- A draft has no number yet.
DROP INDEX invoices_number;
CREATE UNIQUE INDEX invoices_number ON invoices (user_id, invoice_number)
    WHERE invoice_number <> '';
-- One invoice per user and month, whatever happens.
CREATE UNIQUE INDEX invoices_one_per_month ON invoices (user_id, billing_month)
    WHERE status <> 'void';
CREATE INDEX invoices_due ON invoices (due_date) WHERE status = 'issued';

-- The caller's id, by which a repeated call is told from another note.
ALTER TABLE credit_notes ADD COLUMN request_id TEXT COLLATE "C";
CREATE UNIQUE INDEX credit_notes_request ON credit_notes (user_id, request_id)
    WHERE request_id IS NOT NULL;
