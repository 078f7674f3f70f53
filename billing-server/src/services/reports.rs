//! Figures over all users.

use billing_core::report::MonthlyReport;
use billing_proto::v1::{self, report_service_server::ReportService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{
    auth::layer::caller,
    convert::{self, Violations},
    error::{ApiError, ErrorCode},
};

#[async_trait]
impl ReportService for Services {
    async fn get_monthly_report(
        &self,
        request: Request<v1::GetMonthlyReportRequest>,
    ) -> Result<Response<v1::GetMonthlyReportResponse>, Status> {
        caller(&request)?.require_admin()?;
        let mut violations = Violations::default();
        let Some(month) = violations.check("month", request.get_ref().month.parse()) else {
            return Err(violations.into_status());
        };
        let totals = self
            .store()
            .month_totals(month)
            .await
            .map_err(ApiError::from)?;
        let report = MonthlyReport::new(month, totals)
            .map_err(|error| ApiError::new(ErrorCode::Internal, format!("the average {error}")))?;
        Ok(Response::new(convert::monthly_report(&report)))
    }
}
