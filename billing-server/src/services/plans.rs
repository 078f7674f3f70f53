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

    async fn get_plan(&self, _: Request<v1::GetPlanRequest>) -> Result<Response<v1::Plan>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn create_plan(
        &self,
        _: Request<v1::CreatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn update_plan(
        &self,
        _: Request<v1::UpdatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn deactivate_plan(
        &self,
        _: Request<v1::DeactivatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        Err(Status::unimplemented("not served yet"))
    }
}
