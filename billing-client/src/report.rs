//! Figures of users and months.

use billing_proto::v1::{self, report_service_client::ReportServiceClient};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::stream::{Stream, TryStreamExt};
use rust_decimal::Decimal;

use crate::{BillingClient, Error, convert};

impl BillingClient {
    /// Sums up usage by day, model and user, one page of rows in that order.
    ///
    /// # Errors
    /// `INVALID_FIELD` when a filter is malformed, `OTHER_USER` for another user and
    /// `SCOPE_MISSING` for sums by user without the scope `admin`.
    pub async fn usage_breakdown(&self, query: BreakdownQuery) -> Result<BreakdownPage, Error> {
        let answer = self.call(query.0, |service, request| async move {
            ReportServiceClient::new(service)
                .get_usage_breakdown(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Ranks the users of a calendar month, `YYYY-MM`: at most `limit`, from 1 to 100.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`.
    pub async fn top_users(
        &self,
        month: impl Into<String>,
        by: RankBy,
        limit: i32,
    ) -> Result<Vec<TopUser>, Error> {
        let by = match by {
            RankBy::Cost => v1::TopUsersBy::Cost,
            RankBy::Tokens => v1::TopUsersBy::Tokens,
            RankBy::Records => v1::TopUsersBy::Records,
        };
        let message = v1::ListTopUsersRequest {
            month: month.into(),
            by: by.into(),
            limit,
        };
        let answer = self.call(message, |service, request| async move {
            ReportServiceClient::new(service)
                .list_top_users(request)
                .await
        });
        let users = answer.await?.users.into_iter();
        users.map(TopUser::try_from).collect()
    }

    /// Exports the usage records of a calendar month, `YYYY-MM`, as parts of a CSV file: a header,
    /// then a line per record. An empty `user_id` means the token's subject, or with the scope
    /// `admin` all users. The file has no limit in time; one that breaks off ends with an error and
    /// is to be fetched anew.
    ///
    /// # Errors
    /// `OTHER_USER` when the token does not allow it.
    pub async fn export_usage(
        &self,
        month: impl Into<String>,
        user_id: impl Into<String>,
    ) -> Result<impl Stream<Item = Result<String, Error>> + Send + 'static, Error> {
        let message = v1::ExportUsageRequest {
            month: month.into(),
            user_id: user_id.into(),
            format: v1::ExportFormat::Csv.into(),
        };
        // The timeout is for opening alone: the service is not told of it.
        let open = |_| {
            let (mut service, message) = (ReportServiceClient::new(self.raw()), message.clone());
            async move { Ok(service.export_usage(message).await?.into_inner()) }
        };
        let parts = self.start().run(Error::is_retryable, open).await?;
        Ok(parts.map_ok(|part| part.chunk).map_err(Error::from))
    }
}

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

/// Which usage to sum up, and how. Filters that are set apply together.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct BreakdownQuery(v1::GetUsageBreakdownRequest);

impl BreakdownQuery {
    /// The usage of a calendar month, `YYYY-MM`.
    pub fn of_month(month: impl Into<String>) -> Self {
        Self(v1::GetUsageBreakdownRequest {
            month: month.into(),
            ..v1::GetUsageBreakdownRequest::default()
        })
    }

    /// The usage from one midnight (UTC) to another, at most 366 days later.
    pub fn between(start_time: DateTime<Utc>, end_time: DateTime<Utc>) -> Self {
        Self(v1::GetUsageBreakdownRequest {
            start_time: Some(convert::to_timestamp(start_time)),
            end_time: Some(convert::to_timestamp(end_time)),
            ..v1::GetUsageBreakdownRequest::default()
        })
    }

    /// Only usage of this user; unset means the token's subject, or with the scope `admin` all
    /// users.
    pub fn user(mut self, user_id: impl Into<String>) -> Self {
        self.0.user_id = user_id.into();
        self
    }

    /// Only usage of a model.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.0.model = model.into();
        self
    }

    /// Sums up by UTC day.
    pub fn by_day(self) -> Self {
        self.by(v1::UsageGrouping::Day)
    }

    /// Sums up by model.
    pub fn by_model(self) -> Self {
        self.by(v1::UsageGrouping::Model)
    }

    /// Sums up by user, which needs the scope `admin`.
    pub fn by_user(self) -> Self {
        self.by(v1::UsageGrouping::User)
    }

    fn by(mut self, grouping: v1::UsageGrouping) -> Self {
        self.0.group_by.push(grouping.into());
        self
    }

    /// Rows per page, at most 1,000; 50 unless set.
    pub fn page_size(mut self, rows: i32) -> Self {
        self.0.page_size = rows;
        self
    }

    /// Goes on after the page that gave this token, with the same filters.
    pub fn page_token(mut self, token: impl Into<String>) -> Self {
        self.0.page_token = token.into();
        self
    }
}

/// One page of sums.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakdownPage {
    /// The sums.
    pub rows: Vec<BreakdownRow>,
    /// Asks for the next page; none when this is the last.
    pub next_page_token: Option<String>,
}

impl TryFrom<v1::GetUsageBreakdownResponse> for BreakdownPage {
    type Error = Error;

    fn try_from(page: v1::GetUsageBreakdownResponse) -> Result<Self, Error> {
        let rows = page.rows.into_iter().map(BreakdownRow::try_from);
        Ok(Self {
            rows: rows.collect::<Result<_, _>>()?,
            next_page_token: filled(page.next_page_token),
        })
    }
}

/// What usage adds up to. A voided record and its correction cancel out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakdownRow {
    /// The UTC day; none unless summed up by it.
    pub day: Option<NaiveDate>,
    /// The model; none unless summed up by it.
    pub model: Option<String>,
    /// Who is billed; none unless summed up by it.
    pub user_id: Option<String>,
    /// Recorded calls that were not voided.
    pub record_count: i64,
    /// Tokens of prompts.
    pub prompt_tokens: i64,
    /// Tokens of completions.
    pub completion_tokens: i64,
    /// All tokens.
    pub total_tokens: i64,
    /// Tokens at list price, in USD.
    pub cost_usd: Decimal,
    /// What coupons took off records, in USD.
    pub discount_amount: Decimal,
    /// What the records add to bills, in USD.
    pub final_cost: Decimal,
}

impl TryFrom<v1::UsageBreakdownRow> for BreakdownRow {
    type Error = Error;

    fn try_from(row: v1::UsageBreakdownRow) -> Result<Self, Error> {
        let day = filled(row.day).map(|day| day.parse()).transpose();
        Ok(Self {
            day: day.map_err(|_| Error::Decode { field: "day" })?,
            model: filled(row.model),
            user_id: filled(row.user_id),
            record_count: row.record_count,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            total_tokens: row.total_tokens,
            cost_usd: convert::amount(row.cost_usd, "cost_usd")?,
            discount_amount: convert::amount(row.discount_amount, "discount_amount")?,
            final_cost: convert::amount(row.final_cost, "final_cost")?,
        })
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// What users are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RankBy {
    /// What their usage costs them.
    Cost,
    /// Their tokens.
    Tokens,
    /// Their recorded calls.
    Records,
}

/// What a user used in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopUser {
    /// The user.
    pub user_id: String,
    /// What the month's usage costs the user, in USD.
    pub final_cost: Decimal,
    /// Tokens used.
    pub total_tokens: i64,
    /// Recorded calls that were not voided.
    pub record_count: i64,
}

impl TryFrom<v1::TopUser> for TopUser {
    type Error = Error;

    fn try_from(user: v1::TopUser) -> Result<Self, Error> {
        Ok(Self {
            user_id: user.user_id,
            final_cost: convert::amount(user.final_cost, "final_cost")?,
            total_tokens: user.total_tokens,
            record_count: user.record_count,
        })
    }
}
