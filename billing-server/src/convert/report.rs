//! Statistics and reports.

use billing_core::{
    account::Account,
    month::Month,
    report::{MonthlyReport, RankBy, TopUser},
    subscription::Subscription,
};
use billing_proto::v1;
use billing_store::UserUsage;

use super::{Violations, value::amount};
use crate::error::ApiError;

/// How many users a ranking has when a caller names no number.
const DEFAULT_TOP_USERS: usize = 10;
/// The most users of a ranking.
const MAX_TOP_USERS: usize = 100;

/// What a plan's id has before the name that users know it by.
const PLAN_PREFIX: &str = "plan-";

/// A user's figures as they are sent.
#[must_use]
pub fn stats(usage: &UserUsage) -> v1::GetStatsResponse {
    let account = &usage.account;
    let subscription = account.subscription.as_ref();
    let window = subscription.map(|subscription| &subscription.window);
    v1::GetStatsResponse {
        current_month_cost: amount(usage.month.final_cost),
        current_month_tokens: usage.month.tokens,
        subscription_plan: subscription.map(plan_name).unwrap_or_default(),
        tokens_quota: window.map_or(0, |window| window.quota),
        tokens_used: window.map_or(0, |window| window.counters.tokens_used),
        tokens_remaining: account.tokens_remaining(),
        total_cost: amount(usage.total_cost),
    }
}

fn plan_name(subscription: &Subscription) -> String {
    let id = subscription.plan_id.as_str();
    id.strip_prefix(PLAN_PREFIX).unwrap_or(id).to_owned()
}

/// Whether a user is running out of tokens, as it is sent.
#[must_use]
pub fn quota_warning(account: &Account) -> v1::GetQuotaWarningResponse {
    let quota_warning = account.quota_warning();
    let message = match (quota_warning, account.tokens_remaining()) {
        (false, _) => "Your quota is sufficient.".to_owned(),
        (true, 0) => "Your quota is used up.".to_owned(),
        (true, left) => format!("Your quota is almost used up: {left} tokens are left."),
    };
    v1::GetQuotaWarningResponse {
        quota_warning,
        message,
    }
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

/// Which users to rank: the month, the figure and how many.
///
/// # Errors
/// Every violation at once.
pub fn ranking(request: &v1::ListTopUsersRequest) -> Result<(Month, RankBy, usize), ApiError> {
    let mut violations = Violations::default();
    let month = violations.check("month", request.month.parse());
    let by = violations.check("by", rank_by(request.by));
    let limit = violations.check("limit", top_limit(request.limit));
    match (month, by, limit) {
        (Some(month), Some(by), Some(limit)) => Ok((month, by, limit)),
        _ => Err(ApiError::invalid(violations.into_vec())),
    }
}

fn rank_by(number: i32) -> Result<RankBy, &'static str> {
    match v1::TopUsersBy::try_from(number) {
        Ok(v1::TopUsersBy::Unspecified | v1::TopUsersBy::Cost) => Ok(RankBy::Cost),
        Ok(v1::TopUsersBy::Tokens) => Ok(RankBy::Tokens),
        Ok(v1::TopUsersBy::Records) => Ok(RankBy::Records),
        Err(_) => Err("must be cost, tokens or records"),
    }
}

fn top_limit(asked: i32) -> Result<usize, String> {
    match usize::try_from(asked) {
        Ok(0) => Ok(DEFAULT_TOP_USERS),
        Ok(limit) if limit <= MAX_TOP_USERS => Ok(limit),
        _ => Err(format!("must be from 1 to {MAX_TOP_USERS}")),
    }
}

/// A user of a ranking as it is sent.
#[must_use]
pub fn top_user(user: TopUser) -> v1::TopUser {
    v1::TopUser {
        user_id: user.user_id.into_string(),
        final_cost: amount(user.totals.final_cost),
        total_tokens: user.totals.tokens,
        record_count: user.totals.records,
    }
}
