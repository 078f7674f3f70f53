//! Reports.

use billing_core::{
    month::Month,
    report::{MonthFigures, MonthlyReport, RankBy, TopUser},
};
use billing_proto::v1;

use crate::{
    api::{Violations, values::amount},
    error::ApiError,
};

/// How many users a ranking has when a caller names no number.
const DEFAULT_TOP_USERS: usize = 10;
/// The most users of a ranking.
const MAX_TOP_USERS: usize = 100;

/// The month that is asked for.
///
/// # Errors
/// When it is no month.
pub(crate) fn month_of_report(request: &v1::GetMonthlyReportRequest) -> Result<Month, ApiError> {
    let mut violations = Violations::default();
    let month = violations.check("month", request.month.parse());
    violations.finish(month)
}

/// A month's report as it is sent.
#[must_use]
pub(crate) fn monthly_report(report: &MonthlyReport) -> v1::GetMonthlyReportResponse {
    let MonthFigures { usage, finances } = report.figures;
    v1::GetMonthlyReportResponse {
        month: report.month.to_string(),
        total_revenue: amount(usage.final_cost),
        total_tokens: usage.tokens,
        record_count: usage.records,
        avg_cost_per_record: amount(report.avg_cost_per_record),
        fees: amount(finances.fees),
        invoiced: amount(finances.invoiced),
        tax: amount(finances.tax),
        credited: amount(finances.credited),
        collected: amount(finances.collected),
        topups: amount(finances.topups),
        refunds: amount(finances.refunds),
        lost_disputes: amount(finances.lost_disputes),
        provider_fees: amount(finances.provider_fees),
        outstanding: amount(finances.outstanding),
        unapplied_credit: amount(finances.unapplied_credit),
        prepaid_tokens: amount(finances.prepaid_tokens),
        recurring_revenue: amount(finances.recurring_revenue),
        active_users: finances.active_users,
    }
}

/// Which users to rank: the month, the figure and how many.
///
/// # Errors
/// Every violation at once.
pub(crate) fn ranking(
    request: &v1::ListTopUsersRequest,
) -> Result<(Month, RankBy, usize), ApiError> {
    let mut violations = Violations::default();
    let month = violations.check("month", request.month.parse());
    let by = violations.check("by", rank_by(request.by));
    let limit = violations.check("limit", top_limit(request.limit));
    match (month, by, limit) {
        (Some(month), Some(by), Some(limit)) => Ok((month, by, limit)),
        _ => Err(violations.into_error()),
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
pub(crate) fn top_user(user: TopUser) -> v1::TopUser {
    v1::TopUser {
        user_id: user.user_id.into_string(),
        final_cost: amount(user.totals.final_cost),
        total_tokens: user.totals.tokens,
        record_count: user.totals.records,
    }
}
