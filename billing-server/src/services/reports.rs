//! Figures over many records, and the records as a file.

use std::pin::Pin;

use billing_core::report::MonthlyReport;
use billing_proto::v1::{self, report_service_server::ReportService};
use billing_store::MonthFilter;
use futures_util::stream::{Stream, try_unfold};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{
    auth::{Caller, layer::caller},
    convert::{self, SumsPage, Violations},
    error::{ApiError, ErrorCode},
};

/// Records in one part of an export. Even if each had the longest texts that a record can have, the
/// part would be within the 4 MiB that gRPC clients accept.
const RECORDS_PER_PART: usize = 500;

#[async_trait]
impl ReportService for Services {
    type ExportUsageStream =
        Pin<Box<dyn Stream<Item = Result<v1::ExportUsageResponse, Status>> + Send>>;

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

    async fn get_usage_breakdown(
        &self,
        request: Request<v1::GetUsageBreakdownRequest>,
    ) -> Result<Response<v1::GetUsageBreakdownResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user_id = user_or_all(&caller, &request.user_id)?;
        let SumsPage { filter, page } = convert::sums_page(request, user_id)?;
        if filter.grouping.by_user {
            caller.require_admin()?;
        }
        let found = self.store().usage_sums(filter, page.limit()).await;
        let found = found.map_err(ApiError::from)?.into_iter();
        let mut found: Vec<_> = found.map(|sums| (convert::sums_key(&sums), sums)).collect();
        Ok(Response::new(v1::GetUsageBreakdownResponse {
            next_page_token: page.cut(&mut found, |(key, _)| key),
            rows: found.iter().map(|(_, sums)| convert::sums(sums)).collect(),
        }))
    }

    async fn list_top_users(
        &self,
        request: Request<v1::ListTopUsersRequest>,
    ) -> Result<Response<v1::ListTopUsersResponse>, Status> {
        caller(&request)?.require_admin()?;
        let (month, by, limit) = convert::ranking(request.get_ref())?;
        let users = self.store().top_users(month, by, limit).await;
        let users = users.map_err(ApiError::from)?.into_iter();
        Ok(Response::new(v1::ListTopUsersResponse {
            users: users.map(convert::top_user).collect(),
        }))
    }

    async fn export_usage(
        &self,
        request: Request<v1::ExportUsageRequest>,
    ) -> Result<Response<Self::ExportUsageStream>, Status> {
        let user_id = user_or_all(&*caller(&request)?, &request.get_ref().user_id)?;
        let filter = convert::export_filter(request.get_ref(), user_id)?;
        let services = self.clone();
        let parts = try_unfold(Some(filter), move |filter| {
            let services = services.clone();
            async move {
                match filter {
                    Some(filter) => Ok(Some(services.export_part(filter).await?)),
                    None => Ok(None),
                }
            }
        });
        Ok(Response::new(Box::pin(parts)))
    }
}

impl Services {
    /// The next part of an export, and what comes after it, if anything does.
    async fn export_part(
        &self,
        filter: MonthFilter,
    ) -> Result<(v1::ExportUsageResponse, Option<MonthFilter>), ApiError> {
        self.keep_on()?;
        let first = filter.after.is_none();
        let limit = i64::try_from(RECORDS_PER_PART).unwrap_or(i64::MAX);
        let records = self.store().month_records(filter.clone(), limit).await?;
        let chunk = convert::csv_part(first, &records)?;
        let last = records.into_iter().nth(RECORDS_PER_PART.saturating_sub(1));
        let next = last.map(|last| MonthFilter {
            after: Some((last.user_id, last.id)),
            ..filter
        });
        Ok((v1::ExportUsageResponse { chunk }, next))
    }
}

/// Whose usage is meant: operators who name nobody mean all users.
fn user_or_all(caller: &Caller, requested: &str) -> Result<Option<String>, ApiError> {
    if caller.is_admin() && requested.is_empty() {
        return Ok(None);
    }
    caller.user_or_self(requested).map(Some)
}
