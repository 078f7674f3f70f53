//! Rows of `accounts`.

use billing_core::{
    account::{Account, Discount},
    alert::Alerts,
    ids::{PlanId, SubscriptionId, UserId},
    plan::PlanTerms,
    subscription::{Standing, Subscription},
    window::{Counters, Span, Window},
};
use chrono::{DateTime, Utc};
use diesel::{AsChangeset, Queryable, Selectable};

use super::{
    DbMoney, DbPrice, DbRate, DbTimestamp, alert, amounts, month, present, subscription,
    usage_pricing, usage_pricing_text,
};
use crate::{StoreError, schema::accounts, sql_types::DbFixed};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountRow {
    user_id: String,
    open_month: String,
    subscription_id: Option<String>,
    plan_id: Option<String>,
    subscription_status: Option<String>,
    billing_cycle: Option<String>,
    usage_pricing: Option<String>,
    monthly_price: Option<DbMoney>,
    monthly_quota: Option<i64>,
    extra_token_price: Option<DbPrice>,
    overage_discount_rate: Option<DbRate>,
    period_anchor: Option<DbTimestamp>,
    period_start: Option<DbTimestamp>,
    period_end: Option<DbTimestamp>,
    window_start: Option<DbTimestamp>,
    window_end: Option<DbTimestamp>,
    window_quota: Option<i64>,
    next_plan_id: Option<String>,
    subscribed_at: Option<DbTimestamp>,
    cancelled_at: Option<DbTimestamp>,
    auto_renew: bool,
    trial_used: bool,
    tokens_used: i64,
    quota_used: i64,
    topup_balance: i64,
    overage_tokens: i64,
    discount_rate: DbRate,
    discount_from: Option<DbTimestamp>,
    discount_until: Option<DbTimestamp>,
    uninvoiced: String,
    has_redemptions: bool,
    archived_until: Option<DbTimestamp>,
    alert_levels_announced: String,
    alert_threshold: i64,
    enable_alerts: bool,
    event_sequence: i64,
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
    pub(crate) alert_levels_announced: String,
    pub(crate) event_sequence: i64,
    pub(crate) updated_at: DbTimestamp,
}

/// What changes of an account with its subscription, discount or coupons.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = accounts, treat_none_as_null = true)]
pub(crate) struct AccountTerms {
    subscription_id: Option<String>,
    plan_id: Option<String>,
    subscription_status: Option<String>,
    billing_cycle: Option<String>,
    usage_pricing: Option<String>,
    monthly_price: Option<DbMoney>,
    monthly_quota: Option<i64>,
    extra_token_price: Option<DbPrice>,
    overage_discount_rate: Option<DbRate>,
    period_anchor: Option<DbTimestamp>,
    period_start: Option<DbTimestamp>,
    period_end: Option<DbTimestamp>,
    window_start: Option<DbTimestamp>,
    window_end: Option<DbTimestamp>,
    window_quota: Option<i64>,
    next_plan_id: Option<String>,
    subscribed_at: Option<DbTimestamp>,
    cancelled_at: Option<DbTimestamp>,
    auto_renew: bool,
    trial_used: bool,
    discount_rate: DbRate,
    discount_from: Option<DbTimestamp>,
    discount_until: Option<DbTimestamp>,
    has_redemptions: bool,
    archived_until: Option<DbTimestamp>,
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
            trial_used: row.trial_used,
            topup_balance: row.topup_balance,
            uninvoiced: amounts::parse("uninvoiced", &row.uninvoiced)?,
            has_redemptions: row.has_redemptions,
            archived_until: row.archived_until.map(|until| until.0),
            alerts: Alerts {
                threshold: row.alert_threshold,
                enabled: row.enable_alerts,
                announced: alert::parse_levels(&row.alert_levels_announced)?,
            },
            sequence: row.event_sequence,
            subscription: live_subscription(&row)?,
            user_id: UserId::trusted(row.user_id),
        })
    }
}

fn live_subscription(row: &AccountRow) -> Result<Option<Subscription>, StoreError> {
    let Some(id) = &row.subscription_id else {
        return Ok(None);
    };
    let terms = PlanTerms {
        usage_pricing: usage_pricing(present("usage_pricing", row.usage_pricing.as_deref())?)?,
        monthly_quota: present("monthly_quota", row.monthly_quota)?,
        monthly_price: present("monthly_price", row.monthly_price)?.0,
        extra_token_price: present("extra_token_price", row.extra_token_price)?.0,
        overage_discount_rate: present("overage_discount_rate", row.overage_discount_rate)?.0,
    };
    let span = |start: Option<DbTimestamp>, end: Option<DbTimestamp>| {
        Ok::<_, StoreError>(Span {
            start: present("period_start", start)?.0,
            end: present("period_end", end)?.0,
        })
    };
    let window = Window {
        quota: present("window_quota", row.window_quota)?,
        counters: Counters {
            tokens_used: row.tokens_used,
            quota_used: row.quota_used,
            overage_tokens: row.overage_tokens,
        },
        ..Window::new(span(row.window_start, row.window_end)?, &terms)
    };
    let status = present("subscription_status", row.subscription_status.as_deref())?;
    let cycle = present("billing_cycle", row.billing_cycle.as_deref())?;
    Ok(Some(Subscription {
        id: SubscriptionId::trusted(id.clone()),
        plan_id: PlanId::trusted(present("plan_id", row.plan_id.clone())?),
        standing: Standing::new(subscription::status(status)?, row.auto_renew),
        cycle: subscription::cycle(cycle)?,
        terms,
        anchor: present("period_anchor", row.period_anchor)?.0,
        period: span(row.period_start, row.period_end)?,
        window,
        next_plan_id: row.next_plan_id.clone().map(PlanId::trusted),
        created_at: present("subscribed_at", row.subscribed_at)?.0,
        cancelled_at: row.cancelled_at.map(|at| at.0),
    }))
}

impl AccountUpdate {
    pub(crate) fn new(account: &Account, now: DateTime<Utc>) -> Self {
        let live = account.subscription.as_ref();
        let counters = live.map_or(Counters::default(), |live| live.window.counters);
        Self {
            user_id: account.user_id.as_str().to_owned(),
            tokens_used: counters.tokens_used,
            quota_used: counters.quota_used,
            topup_balance: account.topup_balance,
            overage_tokens: counters.overage_tokens,
            uninvoiced: amounts::format(&account.uninvoiced),
            alert_levels_announced: alert::format_levels(&account.alerts.announced),
            event_sequence: account.sequence,
            updated_at: DbTimestamp(now),
        }
    }
}

impl From<&Account> for AccountTerms {
    fn from(account: &Account) -> Self {
        let live = account.subscription.as_ref();
        let time = |pick: fn(&Subscription) -> DateTime<Utc>| live.map(|l| DbTimestamp(pick(l)));
        Self {
            subscription_id: live.map(|l| l.id.to_string()),
            plan_id: live.map(|l| l.plan_id.to_string()),
            subscription_status: live
                .map(|l| subscription::status_text(l.standing.status()).to_owned()),
            billing_cycle: live.map(|l| subscription::cycle_text(l.cycle).to_owned()),
            usage_pricing: live.map(|l| usage_pricing_text(l.terms.usage_pricing).to_owned()),
            monthly_price: live.map(|l| DbFixed(l.terms.monthly_price)),
            monthly_quota: live.map(|l| l.terms.monthly_quota),
            extra_token_price: live.map(|l| DbFixed(l.terms.extra_token_price)),
            overage_discount_rate: live.map(|l| DbFixed(l.terms.overage_discount_rate)),
            period_anchor: time(|l| l.anchor),
            period_start: time(|l| l.period.start),
            period_end: time(|l| l.period.end),
            window_start: time(|l| l.window.span.start),
            window_end: time(|l| l.window.span.end),
            window_quota: live.map(|l| l.window.quota),
            next_plan_id: live.and_then(|l| l.next_plan_id.as_ref().map(ToString::to_string)),
            subscribed_at: time(|l| l.created_at),
            cancelled_at: live.and_then(|l| l.cancelled_at.map(DbTimestamp)),
            auto_renew: live.is_none_or(|l| l.standing.renews()),
            trial_used: account.trial_used,
            discount_rate: DbFixed(account.discount.rate),
            discount_from: account.discount.from.map(DbTimestamp),
            discount_until: account.discount.until.map(DbTimestamp),
            has_redemptions: account.has_redemptions,
            archived_until: account.archived_until.map(DbTimestamp),
        }
    }
}
