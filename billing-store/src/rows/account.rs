//! Rows of `accounts`.

use billing_core::{
    account::{AccountState, Alerts, Discount, Tax},
    catalog::Catalog,
    event::QuotaLevel,
    ids::{PlanId, RecordId, SubscriptionId, UserId},
    payment::{Automation, TopupSettings},
    quota_window::{Counters, QuotaWindow, Span},
    subscription::{Subscription, SubscriptionState},
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use super::{
    Amounts, AutomationJson, DbMoney, DbRate, DbTimestamp, DbUuid,
    document::tax_exemption,
    month,
    plan::{EarlierJson, earlier_json, earlier_terms, plan_version},
    present, subscription,
    table::table_row,
};
use crate::{
    StoreError,
    json::Json,
    sql_types::{DbFixed, ExactDecimal, JsonText, UtcTimestamp, UuidBytes},
};

table_row! {
    AccountRow, AccountColumns in accounts {
        user_id: String as Text = "text", Key;
        version: i64 as BigInt = "bigint", Read;
        open_month: String as Text = "text", Set;
        reopened_month: Option<String> as Nullable<Text> = "text", Set;
        subscription_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Set;
        plan_id: Option<String> as Nullable<Text> = "text", Set;
        plan_version_id: Option<i32> as Nullable<Integer> = "integer", Set;
        subscription_status: Option<String> as Nullable<Text> = "text", Set;
        billing_cycle: Option<String> as Nullable<Text> = "text", Set;
        period_anchor: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        period_start: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        period_end: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        window_start: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        window_end: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        window_quota: Option<i64> as Nullable<BigInt> = "bigint", Set;
        earlier_terms: Option<EarlierJson> as Nullable<JsonText> = "jsonb", Set;
        next_plan_id: Option<String> as Nullable<Text> = "text", Set;
        next_billing_cycle: Option<String> as Nullable<Text> = "text", Set;
        subscribed_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        cancelled_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        auto_renew: bool as Bool = "boolean", Set;
        trial_used: bool as Bool = "boolean", Set;
        tokens_used: i64 as BigInt = "bigint", Counter;
        quota_used: i64 as BigInt = "bigint", Counter;
        topup_balance: i64 as BigInt = "bigint", Counter;
        overage_tokens: i64 as BigInt = "bigint", Counter;
        discount_rate: DbRate as ExactDecimal = "numeric", Set;
        discount_from: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        discount_until: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        tax_rate: DbRate as ExactDecimal = "numeric", Set;
        tax_exemption: Option<String> as Nullable<Text> = "text", Set;
        credit_balance: DbMoney as ExactDecimal = "numeric", Set;
        uninvoiced: Json<Amounts> as JsonText = "jsonb", Counter;
        closed_cost: DbMoney as ExactDecimal = "numeric", Set;
        last_record_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Counter;
        folded_to: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Read;
        tail_records: i64 as BigInt = "bigint", Counter;
        has_redemptions: bool as Bool = "boolean", Set;
        archived_until: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        alert_levels_announced: Json<Vec<String>> as JsonText = "jsonb", Counter;
        alert_threshold: i64 as BigInt = "bigint", Set;
        enable_alerts: bool as Bool = "boolean", Set;
        auto_topup: bool as Bool = "boolean", Set;
        auto_topup_threshold: i64 as BigInt = "bigint", Set;
        auto_topup_amount: DbMoney as ExactDecimal = "numeric", Set;
        automation: Option<Json<AutomationJson>> as Nullable<JsonText> = "jsonb", Set;
        collect_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        event_sequence: i64 as BigInt = "bigint", Counter;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Counter;
    }
}

impl AccountRow {
    /// The account, whose plan version is the catalog's.
    pub(crate) fn into_state(self, catalog: &Catalog) -> Result<AccountState, StoreError> {
        let levels = self.alert_levels_announced.0.iter();
        let time = |at: Option<DbTimestamp>| at.map(|at| at.0);
        Ok(AccountState {
            open_month: month("open_month", &self.open_month)?,
            discount: Discount {
                rate: self.discount_rate.0,
                from: time(self.discount_from),
                until: time(self.discount_until),
            },
            subscription: self.live_subscription(catalog)?,
            trial_used: self.trial_used,
            topup_balance: self.topup_balance,
            closed_cost: self.closed_cost.0,
            has_redemptions: self.has_redemptions,
            archived_until: time(self.archived_until),
            alerts: Alerts {
                threshold: self.alert_threshold,
                enabled: self.enable_alerts,
                announced: levels.map(|text| level(text)).collect::<Result<_, _>>()?,
            },
            auto_topup: TopupSettings {
                enabled: self.auto_topup,
                threshold: self.auto_topup_threshold,
                amount: self.auto_topup_amount.0,
            },
            automation: match self.automation {
                Some(json) => json.0.into_domain(time(self.collect_at))?,
                None => Automation::default(),
            },
            tax: Tax {
                rate: self.tax_rate.0,
                exemption: self.tax_exemption.map(tax_exemption).transpose()?,
            },
            credit_balance: self.credit_balance.0,
            sequence: self.event_sequence,
            last_record_id: self.last_record_id.map(|id| RecordId::new(id.0)),
            folded_to: self.folded_to.map(|id| RecordId::new(id.0)),
            tail_records: self.tail_records,
            uninvoiced: self.uninvoiced.0.0,
            user_id: UserId::trusted(self.user_id),
        })
    }

    fn live_subscription(&self, catalog: &Catalog) -> Result<Option<Subscription>, StoreError> {
        let Some(id) = self.subscription_id else {
            return Ok(None);
        };
        let span = |start: Option<DbTimestamp>, end: Option<DbTimestamp>| {
            Ok::<_, StoreError>(Span {
                start: present("period_start", start)?.0,
                end: present("period_end", end)?.0,
            })
        };
        let version = present("plan_version_id", self.plan_version_id)?;
        let window = QuotaWindow {
            earlier: earlier_terms(catalog, self.earlier_terms.as_ref())?,
            quota: present("window_quota", self.window_quota)?,
            counters: Counters {
                tokens_used: self.tokens_used,
                quota_used: self.quota_used,
                overage_tokens: self.overage_tokens,
            },
            ..QuotaWindow::new(
                span(self.window_start, self.window_end)?,
                plan_version(catalog, version)?,
            )
        };
        let status = present("subscription_status", self.subscription_status.as_deref())?;
        let cycle = present("billing_cycle", self.billing_cycle.as_deref())?;
        let next_cycle = self.next_billing_cycle.as_deref();
        Ok(Some(Subscription {
            id: SubscriptionId::new(id.0),
            state: SubscriptionState::new(subscription::status(status)?, self.auto_renew),
            cycle: subscription::cycle(cycle)?,
            anchor: present("period_anchor", self.period_anchor)?.0,
            period: span(self.period_start, self.period_end)?,
            window,
            next_plan_id: self.next_plan_id.clone().map(PlanId::trusted),
            next_cycle: next_cycle.map(subscription::cycle).transpose()?,
            created_at: present("subscribed_at", self.subscribed_at)?.0,
            cancelled_at: self.cancelled_at.map(|at| at.0),
        }))
    }

    /// The account as it is stored at `now`.
    pub(crate) fn new(state: &AccountState, now: DateTime<Utc>) -> Self {
        let live = state.subscription.as_ref();
        let time = |pick: fn(&Subscription) -> DateTime<Utc>| live.map(|l| DbTimestamp(pick(l)));
        let window = live.map(|live| &live.window);
        let counters = window.map_or(Counters::default(), |window| window.counters);
        let levels = state.alerts.announced.iter();
        Self {
            user_id: state.user_id.as_str().to_owned(),
            // Raised by the statement that stores the row.
            version: 0,
            open_month: state.open_month.to_string(),
            reopened_month: state.reopened_month().map(|month| month.to_string()),
            subscription_id: live.map(|l| DbUuid(l.id.uuid())),
            plan_id: live.map(|l| l.plan_id().to_string()),
            plan_version_id: window.map(|window| window.version.id.number()),
            subscription_status: live.map(|l| subscription::status_text(l.state.status()).into()),
            billing_cycle: live.map(|l| subscription::cycle_text(l.cycle).to_owned()),
            period_anchor: time(|l| l.anchor),
            period_start: time(|l| l.period.start),
            period_end: time(|l| l.period.end),
            window_start: time(|l| l.window.span.start),
            window_end: time(|l| l.window.span.end),
            window_quota: window.map(|window| window.quota),
            earlier_terms: window.and_then(|window| earlier_json(&window.earlier)),
            next_plan_id: live.and_then(|l| l.next_plan_id.as_ref().map(ToString::to_string)),
            next_billing_cycle: live
                .and_then(|l| l.next_cycle)
                .map(|cycle| subscription::cycle_text(cycle).to_owned()),
            subscribed_at: time(|l| l.created_at),
            cancelled_at: live.and_then(|l| l.cancelled_at.map(DbTimestamp)),
            auto_renew: live.is_none_or(|l| l.state.renews()),
            trial_used: state.trial_used,
            tokens_used: counters.tokens_used,
            quota_used: counters.quota_used,
            topup_balance: state.topup_balance,
            overage_tokens: counters.overage_tokens,
            discount_rate: DbFixed(state.discount.rate),
            discount_from: state.discount.from.map(DbTimestamp),
            discount_until: state.discount.until.map(DbTimestamp),
            tax_rate: DbFixed(state.tax.rate),
            tax_exemption: state.tax.exemption.map(|of| of.name().to_owned()),
            credit_balance: DbFixed(state.credit_balance),
            uninvoiced: Json(Amounts(state.uninvoiced.clone())),
            closed_cost: DbFixed(state.closed_cost),
            last_record_id: state.last_record_id.map(|id| DbUuid(id.uuid())),
            folded_to: state.folded_to.map(|id| DbUuid(id.uuid())),
            tail_records: state.tail_records,
            has_redemptions: state.has_redemptions,
            archived_until: state.archived_until.map(DbTimestamp),
            alert_levels_announced: Json(levels.map(|level| level.name().to_owned()).collect()),
            alert_threshold: state.alerts.threshold,
            enable_alerts: state.alerts.enabled,
            auto_topup: state.auto_topup.enabled,
            auto_topup_threshold: state.auto_topup.threshold,
            auto_topup_amount: DbFixed(state.auto_topup.amount),
            automation: AutomationJson::new(&state.automation).map(Json),
            collect_at: state.automation.collecting.due_at.map(DbTimestamp),
            event_sequence: state.sequence,
            updated_at: DbTimestamp(now),
        }
    }
}

fn level(text: &str) -> Result<QuotaLevel, StoreError> {
    let named = QuotaLevel::named(text);
    named.ok_or_else(|| StoreError::corrupt("alert_levels_announced", text))
}
