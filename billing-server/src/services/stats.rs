//! A user's figures at a glance.

use billing_proto::v1::{self, stats_service_server::StatsService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{auth::layer::caller, convert, error::ApiError};

#[async_trait]
impl StatsService for Services {
    async fn get_stats(
        &self,
        request: Request<v1::GetStatsRequest>,
    ) -> Result<Response<v1::GetStatsResponse>, Status> {
        let user = convert::user(caller(&request)?.user_or_self(&request.get_ref().user_id)?)?;
        let usage = self.store().user_usage(user, self.now()).await;
        let usage = usage.map_err(ApiError::from)?;
        Ok(Response::new(convert::stats(&usage)))
    }

    async fn get_quota_warning(
        &self,
        request: Request<v1::GetQuotaWarningRequest>,
    ) -> Result<Response<v1::GetQuotaWarningResponse>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let user = convert::user(user)?;
        let account = self.store().account(user, self.now()).await;
        Ok(Response::new(convert::quota_warning(
            &account.map_err(ApiError::from)?,
        )))
    }
}
