//! Users' subscriptions.

pub(super) mod convert;

use billing_core::{ids::UserId, subscription::SubscriptionOrder};
use billing_proto::v1::{self, subscription_service_server::SubscriptionService};
use tonic::Request;

use super::{Answer, page::Page, service::service, values::user};
use crate::{app::App, auth::caller};

service! {
    SubscriptionService for App {
        User => subscribe(v1::SubscribeRequest) -> v1::Subscription;
        User => get_subscription(v1::GetSubscriptionRequest) -> v1::Subscription;
        User => list_subscriptions(v1::ListSubscriptionsRequest) -> v1::ListSubscriptionsResponse;
        User => change_plan(v1::ChangePlanRequest) -> v1::Subscription;
        User => cancel_subscription(v1::CancelSubscriptionRequest) -> v1::Subscription;
        User => resume_subscription(v1::ResumeSubscriptionRequest) -> v1::Subscription;
    }
}

impl App {
    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Answer<v1::Subscription> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user = caller.resolve(&request.user_id)?;
        if request.trial_days != 0 || request.start_time.is_some() {
            caller.require_admin()?;
        }
        let id = self.ids().subscription();
        let (user_id, new) = convert::new_subscription(&user, request, id)?;
        self.order(user_id, SubscriptionOrder::Subscribe(new)).await
    }

    async fn get_subscription(
        &self,
        request: Request<v1::GetSubscriptionRequest>,
    ) -> Answer<v1::Subscription> {
        let user_id = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let found = self.store().live_subscription(user_id.clone()).await?;
        Ok(convert::subscription(&user_id, found))
    }

    async fn list_subscriptions(
        &self,
        request: Request<v1::ListSubscriptionsRequest>,
    ) -> Answer<v1::ListSubscriptionsResponse> {
        let user = caller(&request)?.resolve_listed(&request.get_ref().user_id)?;
        let request = request.into_inner();
        let (size, token) = (request.page_size, &request.page_token);
        let (user_id, page) = Page::of_user("subscriptions", user.as_ref(), size, token)?;
        let found = self
            .store()
            .subscriptions(user_id, page.after, page.limit());
        let mut found = found.await?;
        let next_page_token = page.cut(&mut found, |(_, view)| view.record.id);
        let subscriptions = found.into_iter();
        Ok(v1::ListSubscriptionsResponse {
            subscriptions: subscriptions
                .map(|(user_id, view)| convert::subscription(&user_id, view))
                .collect(),
            next_page_token,
        })
    }

    async fn change_plan(
        &self,
        request: Request<v1::ChangePlanRequest>,
    ) -> Answer<v1::Subscription> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, choice) = convert::change_of_plan(&user, request.into_inner())?;
        let order = SubscriptionOrder::ChangePlan(choice);
        self.order(user_id, order).await
    }

    async fn cancel_subscription(
        &self,
        request: Request<v1::CancelSubscriptionRequest>,
    ) -> Answer<v1::Subscription> {
        let user_id = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let at_period_end = request.get_ref().at_period_end;
        let order = SubscriptionOrder::Cancel { at_period_end };
        self.order(user_id, order).await
    }

    async fn resume_subscription(
        &self,
        request: Request<v1::ResumeSubscriptionRequest>,
    ) -> Answer<v1::Subscription> {
        let user_id = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        self.order(user_id, SubscriptionOrder::Resume).await
    }

    async fn order(&self, user_id: UserId, order: SubscriptionOrder) -> Answer<v1::Subscription> {
        let ordered = self.store().order_subscription(user_id.clone(), order);
        Ok(convert::subscription(&user_id, ordered.await?))
    }
}
