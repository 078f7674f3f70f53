//! A user's figures at a glance.

mod convert;

use billing_proto::v1::{self, stats_service_server::StatsService};
use tonic::Request;

use super::{Answer, service::service, values::user};
use crate::{app::App, auth::caller};

service! {
    StatsService for App {
        User => get_stats(v1::GetStatsRequest) -> v1::GetStatsResponse;
        User => get_quota_warning(v1::GetQuotaWarningRequest) -> v1::GetQuotaWarningResponse;
    }
}

impl App {
    async fn get_stats(
        &self,
        request: Request<v1::GetStatsRequest>,
    ) -> Answer<v1::GetStatsResponse> {
        let user = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let usage = self.store().user_usage(user).await?;
        Ok(convert::stats(&usage))
    }

    async fn get_quota_warning(
        &self,
        request: Request<v1::GetQuotaWarningRequest>,
    ) -> Answer<v1::GetQuotaWarningResponse> {
        let user = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let account = self.store().account(user).await?;
        Ok(convert::quota_warning(&account.state))
    }
}
