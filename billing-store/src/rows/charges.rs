//! What invoices charge for: sums of usage, and rows of `invoice_lines`.

use billing_core::{
    ids::{ModelId, SubscriptionId, UserId},
    invoice::UsageSum,
    usage::Tokens,
    user::{InvoiceLine, LineKind},
};
use chrono::{DateTime, Utc};
use diesel::{Insertable, Queryable, Selectable};

use super::{
    DbMoney, DbTimestamp, money, month,
    sums::{Whole, whole},
};
use crate::{StoreError, schema::invoice_lines, sql_types::DbFixed};

/// The length of YYYY-MM.
const MONTH_LENGTH: usize = 7;

/// What usage of one user, model, terms and day or calendar month adds up to.
#[derive(Debug, Queryable)]
pub(crate) struct UsageSumRow {
    pub(crate) user_id: String,
    model: String,
    /// YYYY-MM or YYYY-MM-DD.
    time: String,
    terms: String,
    prompt_tokens: Option<Whole>,
    completion_tokens: Option<Whole>,
    cached_prompt_tokens: Option<Whole>,
    cache_write_tokens: Option<Whole>,
    reasoning_tokens: Option<Whole>,
    overage_tokens: Option<Whole>,
    cost_usd: Option<DbMoney>,
    covered_amount: Option<DbMoney>,
    overage_cost: Option<DbMoney>,
    discount_amount: Option<DbMoney>,
    final_cost: Option<DbMoney>,
}

impl TryFrom<UsageSumRow> for UsageSum {
    type Error = StoreError;

    fn try_from(row: UsageSumRow) -> Result<Self, StoreError> {
        Ok(Self {
            model: ModelId::trusted(row.model),
            billing_month: month("day", row.time.get(..MONTH_LENGTH).unwrap_or_default())?,
            terms: row
                .terms
                .parse()
                .map_err(|error| StoreError::corrupt("terms", error))?,
            tokens: Tokens {
                prompt: whole("prompt_tokens", row.prompt_tokens)?,
                completion: whole("completion_tokens", row.completion_tokens)?,
                cached_prompt: whole("cached_prompt_tokens", row.cached_prompt_tokens)?,
                cache_write: whole("cache_write_tokens", row.cache_write_tokens)?,
                reasoning: whole("reasoning_tokens", row.reasoning_tokens)?,
            },
            overage_tokens: whole("overage_tokens", row.overage_tokens)?,
            cost_usd: money(row.cost_usd),
            covered_amount: money(row.covered_amount),
            overage_cost: money(row.overage_cost),
            discount_amount: money(row.discount_amount),
            final_cost: money(row.final_cost),
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = invoice_lines)]
pub(crate) struct LineRow {
    pub(crate) user_id: String,
    id: String,
    billing_month: String,
    pub(crate) invoice_id: Option<String>,
    type_: String,
    description: String,
    amount: DbMoney,
    subscription_id: Option<String>,
    created_at: DbTimestamp,
}

/// Before the number of a line in its id.
const LINE_PREFIX: &str = "line-";

impl LineRow {
    pub(crate) fn new(user_id: &UserId, line: &InvoiceLine, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            // As many digits as the number can have, so that ids sort like lines.
            id: format!("{LINE_PREFIX}{:019}", line.sequence),
            billing_month: line.month.to_string(),
            invoice_id: None,
            type_: match line.kind {
                LineKind::PlanFee => "plan_fee",
                LineKind::Proration => "proration",
            }
            .to_owned(),
            description: line.description.clone(),
            amount: DbFixed(line.amount),
            subscription_id: Some(line.subscription_id.to_string()),
            created_at: DbTimestamp(now),
        }
    }
}

impl TryFrom<&LineRow> for InvoiceLine {
    type Error = StoreError;

    fn try_from(row: &LineRow) -> Result<Self, StoreError> {
        let number = row.id.strip_prefix(LINE_PREFIX);
        let sequence = number.and_then(|number| number.parse().ok());
        Ok(Self {
            sequence: sequence.ok_or_else(|| StoreError::corrupt("id", &row.id))?,
            month: month("billing_month", &row.billing_month)?,
            kind: match row.type_.as_str() {
                "plan_fee" => LineKind::PlanFee,
                "proration" => LineKind::Proration,
                other => return Err(StoreError::corrupt("type", other)),
            },
            description: row.description.clone(),
            amount: row.amount.0,
            subscription_id: SubscriptionId::trusted(
                row.subscription_id.clone().unwrap_or_default(),
            ),
        })
    }
}
