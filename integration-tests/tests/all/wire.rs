//! An operator's gRPC clients of every service that decides what usage costs.

use billing_proto::v1::{
    account_service_client::AccountServiceClient, coupon_service_client::CouponServiceClient,
    debug_service_client::DebugServiceClient, invoice_service_client::InvoiceServiceClient,
    plan_service_client::PlanServiceClient, pricing_service_client::PricingServiceClient,
    settings_service_client::SettingsServiceClient, stats_service_client::StatsServiceClient,
    subscription_service_client::SubscriptionServiceClient,
    usage_service_client::UsageServiceClient,
};
use integration_tests::{TestServer, server::bearer};
use tonic::{
    Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::support::EVERYTHING;

type Connection = InterceptedService<Channel, Bearer>;

/// Adds a token to every call; unlike a closure it has a name.
#[derive(Clone)]
pub(crate) struct Bearer(String);

impl Interceptor for Bearer {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        bearer(&self.0)(request)
    }
}

/// One connection, as the client of each service.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) accounts: AccountServiceClient<Connection>,
    pub(crate) coupons: CouponServiceClient<Connection>,
    pub(crate) debug: DebugServiceClient<Connection>,
    pub(crate) invoices: InvoiceServiceClient<Connection>,
    pub(crate) plans: PlanServiceClient<Connection>,
    pub(crate) prices: PricingServiceClient<Connection>,
    pub(crate) settings: SettingsServiceClient<Connection>,
    pub(crate) stats: StatsServiceClient<Connection>,
    pub(crate) subscriptions: SubscriptionServiceClient<Connection>,
    pub(crate) usage: UsageServiceClient<Connection>,
}

impl Wire {
    pub(crate) async fn operator(server: &TestServer) -> Self {
        let token = Bearer(server.token("operator", EVERYTHING).await);
        let connection = InterceptedService::new(server.channel().await, token);
        Self {
            accounts: AccountServiceClient::new(connection.clone()),
            coupons: CouponServiceClient::new(connection.clone()),
            debug: DebugServiceClient::new(connection.clone()),
            invoices: InvoiceServiceClient::new(connection.clone()),
            plans: PlanServiceClient::new(connection.clone()),
            prices: PricingServiceClient::new(connection.clone()),
            settings: SettingsServiceClient::new(connection.clone()),
            stats: StatsServiceClient::new(connection.clone()),
            subscriptions: SubscriptionServiceClient::new(connection.clone()),
            usage: UsageServiceClient::new(connection),
        }
    }
}
