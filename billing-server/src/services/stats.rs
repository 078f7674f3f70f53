//! A user's figures at a glance.

use billing_core::month::Month;
use billing_proto::v1::{self, stats_service_server::StatsService};
use tonic::{Request, Response, Status, async_trait};

use super::{Services, user_id};
use crate::{auth::layer::caller, convert, error::ApiError};

#[async_trait]
impl StatsService for Services {
    async fn get_stats(
        &self,
        request: Request<v1::GetStatsRequest>,
    ) -> Result<Response<v1::GetStatsResponse>, Status> {
        let user = user_id(caller(&request)?.user_or_self(&request.get_ref().user_id)?)?;
        let month = Month::of(self.now());
        let usage = self
            .store()
            .user_usage(user, month)
            .await
            .map_err(ApiError::from)?;
        Ok(Response::new(convert::stats(&usage)))
    }

    async fn get_quota_warning(
        &self,
        _: Request<v1::GetQuotaWarningRequest>,
    ) -> Result<Response<v1::GetQuotaWarningResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }
}
