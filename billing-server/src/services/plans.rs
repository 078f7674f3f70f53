//! The plans on offer.

use billing_proto::v1::{self, plan_service_server::PlanService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{auth::layer::caller, convert, error::ApiError};

#[async_trait]
impl PlanService for Services {
    async fn list_plans(
        &self,
        request: Request<v1::ListPlansRequest>,
    ) -> Result<Response<v1::ListPlansResponse>, Status> {
        let include_inactive = request.get_ref().include_inactive;
        if include_inactive {
            caller(&request)?.require_admin()?;
        }
        let plans = self
            .store()
            .plans(include_inactive)
            .await
            .map_err(ApiError::from)?;
        Ok(Response::new(v1::ListPlansResponse {
            plans: plans.into_iter().map(convert::plan).collect(),
        }))
    }
}
