//! Subscription plans.

use billing_core::{ids::PlanId, plan::PlanRefusal};
use billing_proto::v1::{self, plan_service_server::PlanService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{
    auth::layer::caller,
    convert::{self, Violations},
    error::{ApiError, ErrorCode},
};

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

    async fn get_plan(
        &self,
        request: Request<v1::GetPlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        let id = plan_id(request.into_inner().id)?;
        let plan = self
            .store()
            .plan(id.clone())
            .await
            .map_err(ApiError::from)?
            .ok_or_else(|| ApiError::from(PlanRefusal::NotFound(id)))?;
        Ok(Response::new(convert::plan(plan)))
    }

    async fn create_plan(
        &self,
        request: Request<v1::CreatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        caller(&request)?.require_admin()?;
        let (id, content) = convert::new_plan(request.into_inner()).map_err(ApiError::invalid)?;
        let created = self
            .store()
            .create_plan(id, content, self.clock())
            .await
            .map_err(ApiError::from)?;
        let plan = created.map_err(ApiError::from)?;
        Ok(Response::new(convert::plan(plan)))
    }

    async fn update_plan(
        &self,
        request: Request<v1::UpdatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        caller(&request)?.require_admin()?;
        let (id, change) = convert::plan_change(request.into_inner()).map_err(ApiError::invalid)?;
        let updated = self
            .store()
            .update_plan(id, change, self.clock())
            .await
            .map_err(ApiError::from)?;
        let plan = updated.map_err(ApiError::from)?;
        Ok(Response::new(convert::plan(plan)))
    }

    async fn deactivate_plan(
        &self,
        request: Request<v1::DeactivatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        caller(&request)?.require_admin()?;
        let request = request.into_inner();
        let id = plan_id(request.id)?;
        let deactivated = self
            .store()
            .deactivate_plan(id, request.keep_subscribers, self.clock())
            .await
            .map_err(ApiError::from)?;
        let plan = deactivated.map_err(ApiError::from)?;
        Ok(Response::new(convert::plan(plan)))
    }
}

fn plan_id(id: String) -> Result<PlanId, Status> {
    let mut violations = Violations::default();
    let id = violations.check("id", PlanId::parse(id));
    id.ok_or_else(|| violations.into_status())
}

impl From<PlanRefusal> for ApiError {
    fn from(refusal: PlanRefusal) -> Self {
        let code = match refusal {
            PlanRefusal::NotFound(_) => ErrorCode::PlanNotFound,
            PlanRefusal::Exists(_) => ErrorCode::PlanExists,
            PlanRefusal::InUse { .. } => ErrorCode::PlanInUse,
        };
        Self::new(code, refusal.to_string())
    }
}
