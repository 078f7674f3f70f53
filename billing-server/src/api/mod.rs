//! The handlers of the API and, beside each, the conversions between its messages and the domain's
//! types: decode, ask the store once, encode. Raw texts and unchecked numbers stop here. Who may
//! call a method is said beside it and checked by `auth` before the handler runs; a handler adds
//! what depends on the request.

mod accounts;
mod coupons;
pub(crate) mod csv;
mod debug;
mod events;
mod formula;
mod invoices;
mod mask;
mod page;
mod payments;
mod plans;
mod prices;
mod reports;
mod service;
mod settings;
mod stats;
mod subscriptions;
mod time;
pub(crate) mod usage;
mod values;
mod violations;
mod webhooks;

use std::sync::Arc;

use billing_proto::v1::{
    account_service_server::AccountServiceServer, coupon_service_server::CouponServiceServer,
    debug_service_server::DebugServiceServer, event_service_server::EventServiceServer,
    invoice_service_server::InvoiceServiceServer, payment_service_server::PaymentServiceServer,
    plan_service_server::PlanServiceServer, pricing_service_server::PricingServiceServer,
    report_service_server::ReportServiceServer, settings_service_server::SettingsServiceServer,
    stats_service_server::StatsServiceServer,
    subscription_service_server::SubscriptionServiceServer,
    usage_service_server::UsageServiceServer, webhook_service_server::WebhookServiceServer,
};
use tonic::{codec::CompressionEncoding, service::Routes};

use self::violations::Violations;
pub(crate) use self::{
    coupons::convert::redemption,
    formula::neutral,
    invoices::convert::{credit_note, invoice},
    payments::convert::transaction,
    plans::convert::plan,
    prices::convert::model_price,
    settings::{NO_AUTO_TOPUP, NO_MAIL_SERVER},
    subscriptions::convert::subscription,
    time::timestamp,
    webhooks::convert::endpoint as webhook_endpoint,
};
use crate::{app::App, auth::ServiceAccess, clock::TestClock, error::ApiError};

/// Who may call what, of every service.
pub(crate) const ACCESS: &[ServiceAccess] = &[
    accounts::ACCESS,
    coupons::ACCESS,
    debug::ACCESS,
    events::ACCESS,
    invoices::ACCESS,
    payments::ACCESS,
    plans::ACCESS,
    prices::ACCESS,
    reports::ACCESS,
    settings::ACCESS,
    stats::ACCESS,
    subscriptions::ACCESS,
    usage::ACCESS,
    webhooks::ACCESS,
];

/// What a handler answers.
type Answer<T> = Result<T, ApiError>;

/// All gRPC services. `test_clock` adds the one that moves it.
#[must_use]
pub(crate) fn routes(
    app: &App,
    max_message_bytes: usize,
    test_clock: Option<Arc<TestClock>>,
) -> Routes {
    macro_rules! limited {
        ($server:ident) => {
            $server::new(app.clone())
                .max_decoding_message_size(max_message_bytes)
                .accept_compressed(CompressionEncoding::Gzip)
        };
    }
    let mut routes = Routes::new(limited!(UsageServiceServer))
        .add_service(limited!(PricingServiceServer))
        .add_service(limited!(PlanServiceServer))
        .add_service(limited!(SubscriptionServiceServer))
        .add_service(limited!(AccountServiceServer))
        .add_service(limited!(CouponServiceServer))
        .add_service(limited!(SettingsServiceServer))
        .add_service(limited!(StatsServiceServer))
        .add_service(limited!(ReportServiceServer))
        .add_service(limited!(InvoiceServiceServer))
        .add_service(limited!(PaymentServiceServer))
        .add_service(limited!(EventServiceServer))
        .add_service(limited!(WebhookServiceServer));
    if let Some(clock) = test_clock {
        let debug = debug::MovableClock::new(clock, app);
        routes = routes.add_service(DebugServiceServer::new(debug));
    }
    routes
}
