//! Figures over many records, and the records as a file.

mod breakdown;
mod convert;
mod export;

use billing_core::report::MonthlyReport;
use billing_proto::v1::{self, report_service_server::ReportService};
use tonic::Request;

use self::breakdown::SumsPage;
use super::{Answer, service::service};
use crate::{
    app::App,
    auth::caller,
    error::{ApiError, ErrorCode},
};

service! {
    ReportService for App where ExportUsageStream = export::Parts {
        Admin => get_monthly_report(v1::GetMonthlyReportRequest) -> v1::GetMonthlyReportResponse;
        User => get_usage_breakdown(v1::GetUsageBreakdownRequest) -> v1::GetUsageBreakdownResponse;
        Admin => list_top_users(v1::ListTopUsersRequest) -> v1::ListTopUsersResponse;
        User => export_usage(v1::ExportUsageRequest) -> export::Parts;
    }
}

impl App {
    async fn get_monthly_report(
        &self,
        request: Request<v1::GetMonthlyReportRequest>,
    ) -> Answer<v1::GetMonthlyReportResponse> {
        let month = convert::month_of_report(request.get_ref())?;
        let figures = self.store().month_figures(month).await?;
        let report = MonthlyReport::new(month, figures)
            .map_err(|error| ApiError::new(ErrorCode::Internal, format!("the average {error}")))?;
        Ok(convert::monthly_report(&report))
    }

    async fn get_usage_breakdown(
        &self,
        request: Request<v1::GetUsageBreakdownRequest>,
    ) -> Answer<v1::GetUsageBreakdownResponse> {
        let caller = caller(&request)?;
        let user = caller.resolve_or_all(&request.get_ref().user_id)?;
        let SumsPage { filter, page } = breakdown::page(user.as_ref(), request.into_inner())?;
        if filter.grouping.by_user {
            caller.require_admin()?;
        }
        let mut found = self.store().usage_sums(filter, page.limit()).await?;
        Ok(v1::GetUsageBreakdownResponse {
            next_page_token: page.cut(&mut found, breakdown::key),
            rows: found.iter().map(breakdown::row).collect(),
        })
    }

    async fn list_top_users(
        &self,
        request: Request<v1::ListTopUsersRequest>,
    ) -> Answer<v1::ListTopUsersResponse> {
        let (month, by, limit) = convert::ranking(request.get_ref())?;
        let users = self.store().top_users(month, by, limit).await?;
        Ok(v1::ListTopUsersResponse {
            users: users.into_iter().map(convert::top_user).collect(),
        })
    }

    async fn export_usage(
        &self,
        request: Request<v1::ExportUsageRequest>,
    ) -> Answer<export::Parts> {
        let user = caller(&request)?.resolve_or_all(&request.get_ref().user_id)?;
        let filter = export::filter(user.as_ref(), request.get_ref())?;
        Ok(export::parts(self.clone(), filter))
    }
}
