//! Subscription plans.

pub(super) mod convert;

use billing_proto::v1::{self, plan_service_server::PlanService};
use tonic::Request;

use super::{Answer, service::service};
use crate::{app::App, auth::caller};

service! {
    PlanService for App {
        Anyone => list_plans(v1::ListPlansRequest) -> v1::ListPlansResponse;
        Anyone => get_plan(v1::GetPlanRequest) -> v1::Plan;
        Admin => create_plan(v1::CreatePlanRequest) -> v1::Plan;
        Admin => update_plan(v1::UpdatePlanRequest) -> v1::Plan;
        Admin => deactivate_plan(v1::DeactivatePlanRequest) -> v1::Plan;
    }
}

impl App {
    async fn list_plans(
        &self,
        request: Request<v1::ListPlansRequest>,
    ) -> Answer<v1::ListPlansResponse> {
        let include_inactive = request.get_ref().include_inactive;
        if include_inactive {
            caller(&request)?.require_admin()?;
        }
        let plans = self.store().plans(include_inactive).await?;
        Ok(v1::ListPlansResponse {
            plans: plans.into_iter().map(convert::plan).collect(),
        })
    }

    async fn get_plan(&self, request: Request<v1::GetPlanRequest>) -> Answer<v1::Plan> {
        let id = convert::plan_id(request.into_inner().id)?;
        Ok(convert::plan(self.store().plan(id).await?))
    }

    async fn create_plan(&self, request: Request<v1::CreatePlanRequest>) -> Answer<v1::Plan> {
        let (id, content) = convert::new_plan(request.into_inner())?;
        Ok(convert::plan(self.store().create_plan(id, content).await?))
    }

    async fn update_plan(&self, request: Request<v1::UpdatePlanRequest>) -> Answer<v1::Plan> {
        let (id, change) = convert::plan_change(request.into_inner())?;
        Ok(convert::plan(self.store().update_plan(id, change).await?))
    }

    async fn deactivate_plan(
        &self,
        request: Request<v1::DeactivatePlanRequest>,
    ) -> Answer<v1::Plan> {
        let request = request.into_inner();
        let id = convert::plan_id(request.id)?;
        let deactivating = self.store().deactivate_plan(id, request.keep_subscribers);
        Ok(convert::plan(deactivating.await?))
    }
}
