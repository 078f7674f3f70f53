//! Users' subscriptions.

use billing_core::{
    ids::{SubscriptionId, UserId},
    subscription::{SubscriptionOrder, SubscriptionRefusal},
};
use billing_proto::v1::{self, subscription_service_server::SubscriptionService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{
    auth::layer::caller,
    convert::{self, Page},
    error::{ApiError, ErrorCode, FieldViolation},
};

#[async_trait]
impl SubscriptionService for Services {
    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<v1::Subscription>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        if request.trial_days != 0 || request.start_time.is_some() {
            caller.require_admin()?;
        }
        let id = SubscriptionId::trusted(self.new_id("sub", self.now()));
        let (user_id, new) = convert::new_subscription(request, id)?;
        self.order(user_id, SubscriptionOrder::Subscribe(new)).await
    }

    async fn get_subscription(
        &self,
        request: Request<v1::GetSubscriptionRequest>,
    ) -> Result<Response<v1::Subscription>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let user_id = convert::user(user)?;
        let store = self.store();
        let found = store.live_subscription(user_id.clone(), self.now()).await;
        match found.map_err(ApiError::from)? {
            Some(state) => Ok(Response::new(convert::subscription(&user_id, state))),
            None => Err(refused(SubscriptionRefusal::NotFound).into()),
        }
    }

    async fn list_subscriptions(
        &self,
        request: Request<v1::ListSubscriptionsRequest>,
    ) -> Result<Response<v1::ListSubscriptionsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user = caller.user_or_self(&request.user_id)?;
        let (size, token) = (request.page_size, &request.page_token);
        let (user_id, page) = Page::of_user("subscriptions", user, size, token)?;
        let after = page.after.clone().map(SubscriptionId::trusted);
        let found = self
            .store()
            .subscriptions(user_id.clone(), after, page.limit(), self.now())
            .await;
        let mut found = found.map_err(ApiError::from)?;
        Ok(Response::new(v1::ListSubscriptionsResponse {
            next_page_token: page.cut(&mut found, |state| state.record.id.as_str()),
            subscriptions: found
                .into_iter()
                .map(|state| convert::subscription(&user_id, state))
                .collect(),
        }))
    }

    async fn change_plan(
        &self,
        request: Request<v1::ChangePlanRequest>,
    ) -> Result<Response<v1::Subscription>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let (user_id, plan_id) = convert::change_of_plan(request)?;
        self.order(user_id, SubscriptionOrder::ChangePlan(plan_id))
            .await
    }

    async fn cancel_subscription(
        &self,
        request: Request<v1::CancelSubscriptionRequest>,
    ) -> Result<Response<v1::Subscription>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let at_period_end = request.get_ref().at_period_end;
        let order = SubscriptionOrder::Cancel { at_period_end };
        self.order(convert::user(user)?, order).await
    }

    async fn resume_subscription(
        &self,
        request: Request<v1::ResumeSubscriptionRequest>,
    ) -> Result<Response<v1::Subscription>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        self.order(convert::user(user)?, SubscriptionOrder::Resume)
            .await
    }
}

impl Services {
    async fn order(
        &self,
        user_id: UserId,
        order: SubscriptionOrder,
    ) -> Result<Response<v1::Subscription>, Status> {
        let store = self.store();
        let ordered = store.order_subscription(user_id.clone(), order, self.clock());
        let state = ordered.await.map_err(ApiError::from)?.map_err(refused)?;
        Ok(Response::new(convert::subscription(&user_id, state)))
    }
}

fn refused(refusal: SubscriptionRefusal) -> ApiError {
    let message = refusal.to_string();
    let code = match refusal {
        SubscriptionRefusal::Exists => ErrorCode::SubscriptionExists,
        SubscriptionRefusal::NotFound => ErrorCode::SubscriptionNotFound,
        SubscriptionRefusal::PlanNotFound(_) => ErrorCode::PlanNotFound,
        SubscriptionRefusal::PlanInactive(_) => ErrorCode::PlanInactive,
        SubscriptionRefusal::TrialUsed | SubscriptionRefusal::NotAllowed(_) => {
            ErrorCode::SubscriptionMoveNotAllowed
        }
        SubscriptionRefusal::StartInFuture | SubscriptionRefusal::StartTooEarly => {
            return ApiError::invalid(vec![FieldViolation {
                field: "start_time".to_owned(),
                description: message,
            }]);
        }
        SubscriptionRefusal::TooLarge(_) => ErrorCode::InvalidField,
    };
    ApiError::new(code, message)
}
