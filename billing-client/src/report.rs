//! Figures of users and months.

use billing_proto::v1;
use rust_decimal::Decimal;

use crate::{Error, convert};

/// A user's figures. Costs are what usage costs: no plan fees, no tax.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What the usage of the running calendar month costs, in USD.
    pub current_month_cost: Decimal,
    /// Tokens used in the running calendar month.
    pub current_month_tokens: i64,
    /// The plan's id without a leading `plan-`; empty without a plan.
    pub subscription_plan: String,
    /// Tokens of the running quota window; 0 without a plan.
    pub tokens_quota: i64,
    /// Tokens used in the running quota window; 0 without a plan.
    pub tokens_used: i64,
    /// Tokens left of quota and topped-up balance; 0 without a plan.
    pub tokens_remaining: i64,
    /// What all usage has cost, in USD.
    pub total_cost: Decimal,
}

impl TryFrom<v1::GetStatsResponse> for Stats {
    type Error = Error;

    fn try_from(stats: v1::GetStatsResponse) -> Result<Self, Error> {
        Ok(Self {
            current_month_cost: convert::amount(stats.current_month_cost, "current_month_cost")?,
            current_month_tokens: stats.current_month_tokens,
            subscription_plan: stats.subscription_plan,
            tokens_quota: stats.tokens_quota,
            tokens_used: stats.tokens_used,
            tokens_remaining: stats.tokens_remaining,
            total_cost: convert::amount(stats.total_cost, "total_cost")?,
        })
    }
}

/// Whether a user is running out of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaWarning {
    /// Whether he is; false without a plan.
    pub quota_warning: bool,
    /// A sentence for users.
    pub message: String,
}

impl From<v1::GetQuotaWarningResponse> for QuotaWarning {
    fn from(answer: v1::GetQuotaWarningResponse) -> Self {
        Self {
            quota_warning: answer.quota_warning,
            message: answer.message,
        }
    }
}

/// A month's figures over all users.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MonthlyReport {
    /// The calendar month, `YYYY-MM` (UTC).
    pub month: String,
    /// What the month's usage costs its users, in USD.
    pub total_revenue: Decimal,
    /// Tokens used.
    pub total_tokens: i64,
    /// Recorded calls that were not voided.
    pub record_count: i64,
    /// Revenue per record in USD, rounded half-up to 6 decimals; 0 without records.
    pub avg_cost_per_record: Decimal,
}

impl TryFrom<v1::GetMonthlyReportResponse> for MonthlyReport {
    type Error = Error;

    fn try_from(report: v1::GetMonthlyReportResponse) -> Result<Self, Error> {
        Ok(Self {
            month: report.month,
            total_revenue: convert::amount(report.total_revenue, "total_revenue")?,
            total_tokens: report.total_tokens,
            record_count: report.record_count,
            avg_cost_per_record: convert::amount(
                report.avg_cost_per_record,
                "avg_cost_per_record",
            )?,
        })
    }
}
