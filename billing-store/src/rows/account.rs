//! Rows of `accounts`, as far as rating reads and changes them.

use std::collections::BTreeMap;

use billing_core::{
    account::{Account, Counters, Discount, Subscription},
    ids::{PlanId, SubscriptionId, UserId},
    money::Money,
    month::Month,
};
use chrono::{DateTime, Utc};
use diesel::{Queryable, Selectable};

use super::{DbPrice, DbRate, DbTimestamp, month, present, usage_pricing};
use crate::{StoreError, schema::accounts};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountRow {
    user_id: String,
    open_month: String,
    subscription_id: Option<String>,
    plan_id: Option<String>,
    usage_pricing: Option<String>,
    extra_token_price: Option<DbPrice>,
    overage_discount_rate: Option<DbRate>,
    window_start: Option<DbTimestamp>,
    window_end: Option<DbTimestamp>,
    window_quota: Option<i64>,
    tokens_used: i64,
    quota_used: i64,
    topup_balance: i64,
    overage_tokens: i64,
    discount_rate: DbRate,
    discount_from: Option<DbTimestamp>,
    discount_until: Option<DbTimestamp>,
    uninvoiced: String,
}

/// What usage changes of an account.
#[derive(Debug)]
pub(crate) struct AccountUpdate {
    pub(crate) user_id: String,
    pub(crate) tokens_used: i64,
    pub(crate) quota_used: i64,
    pub(crate) topup_balance: i64,
    pub(crate) overage_tokens: i64,
    pub(crate) uninvoiced: String,
    pub(crate) updated_at: DbTimestamp,
}

impl TryFrom<AccountRow> for Account {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        Ok(Self {
            open_month: month("open_month", &row.open_month)?,
            discount: Discount {
                rate: row.discount_rate.0,
                from: row.discount_from.map(|from| from.0),
                until: row.discount_until.map(|until| until.0),
            },
            counters: Counters {
                tokens_used: row.tokens_used,
                quota_used: row.quota_used,
                topup_balance: row.topup_balance,
                overage_tokens: row.overage_tokens,
            },
            uninvoiced: parse_amounts(&row.uninvoiced)?,
            subscription: subscription(&row)?,
            user_id: UserId::trusted(row.user_id),
        })
    }
}

fn subscription(row: &AccountRow) -> Result<Option<Subscription>, StoreError> {
    let Some(id) = &row.subscription_id else {
        return Ok(None);
    };
    let pricing = present("usage_pricing", row.usage_pricing.as_deref())?;
    Ok(Some(Subscription {
        id: SubscriptionId::trusted(id.clone()),
        plan_id: PlanId::trusted(present("plan_id", row.plan_id.clone())?),
        usage_pricing: usage_pricing(pricing)?,
        quota: present("window_quota", row.window_quota)?,
        extra_token_price: present("extra_token_price", row.extra_token_price)?.0,
        overage_discount_rate: present("overage_discount_rate", row.overage_discount_rate)?.0,
        window_start: present("window_start", row.window_start)?.0,
        window_end: present("window_end", row.window_end)?.0,
    }))
}

impl AccountUpdate {
    pub(crate) fn new(account: &Account, now: DateTime<Utc>) -> Self {
        Self {
            user_id: account.user_id.as_str().to_owned(),
            tokens_used: account.counters.tokens_used,
            quota_used: account.counters.quota_used,
            topup_balance: account.counters.topup_balance,
            overage_tokens: account.counters.overage_tokens,
            uninvoiced: format_amounts(&account.uninvoiced),
            updated_at: DbTimestamp(now),
        }
    }
}

/// Amounts by month as a JSON object of strings: `{"2024-11":"14.24"}`.
fn format_amounts(amounts: &BTreeMap<Month, Money>) -> String {
    let members: Vec<_> = amounts
        .iter()
        .map(|(month, amount)| format!("\"{month}\":\"{amount}\""))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn parse_amounts(json: &str) -> Result<BTreeMap<Month, Money>, StoreError> {
    let texts: BTreeMap<&str, &str> =
        serde_json::from_str(json).map_err(|error| StoreError::corrupt("uninvoiced", error))?;
    texts
        .into_iter()
        .map(|(key, amount)| {
            let amount = amount
                .parse()
                .map_err(|error| StoreError::corrupt("uninvoiced", error))?;
            Ok((month("uninvoiced", key)?, amount))
        })
        .collect()
}
