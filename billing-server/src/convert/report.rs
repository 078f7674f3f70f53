//! Statistics and reports.

use billing_core::{account::Subscription, report::MonthlyReport};
use billing_proto::v1;
use billing_store::UserUsage;

use super::value::amount;

/// What a plan's id has before the name that users know it by.
const PLAN_PREFIX: &str = "plan-";

/// A user's figures as they are sent.
#[must_use]
pub fn stats(usage: &UserUsage) -> v1::GetStatsResponse {
    let account = &usage.account;
    let subscription = account.subscription.as_ref();
    v1::GetStatsResponse {
        current_month_cost: amount(usage.month.final_cost),
        current_month_tokens: usage.month.tokens,
        subscription_plan: subscription.map(plan_name).unwrap_or_default(),
        tokens_quota: subscription.map_or(0, |subscription| subscription.quota),
        tokens_used: subscription.map_or(0, |_| account.counters.tokens_used),
        tokens_remaining: account.tokens_remaining(),
        total_cost: amount(usage.total_cost),
    }
}

fn plan_name(subscription: &Subscription) -> String {
    let id = subscription.plan_id.as_str();
    id.strip_prefix(PLAN_PREFIX).unwrap_or(id).to_owned()
}

/// A month's report as it is sent.
#[must_use]
pub fn monthly_report(report: &MonthlyReport) -> v1::GetMonthlyReportResponse {
    v1::GetMonthlyReportResponse {
        month: report.month.to_string(),
        total_revenue: amount(report.totals.final_cost),
        total_tokens: report.totals.tokens,
        record_count: report.totals.records,
        avg_cost_per_record: amount(report.avg_cost_per_record),
    }
}
