//! Whether the server can do its work: the gRPC health service and the HTTP probes.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
use billing_proto::v1::{
    account_service_server, coupon_service_server, invoice_service_server, plan_service_server,
    pricing_service_server, report_service_server, settings_service_server, stats_service_server,
    subscription_service_server, usage_service_server,
};
use billing_store::Store;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{interval, timeout},
};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::{HealthReporter, health_reporter},
};

/// How often the database is asked for a sign of life.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// How long a sign of life may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The services whose health follows the database; the empty name stands for the whole server.
const SERVICES: [&str; 11] = [
    "",
    usage_service_server::SERVICE_NAME,
    pricing_service_server::SERVICE_NAME,
    plan_service_server::SERVICE_NAME,
    subscription_service_server::SERVICE_NAME,
    account_service_server::SERVICE_NAME,
    coupon_service_server::SERVICE_NAME,
    settings_service_server::SERVICE_NAME,
    stats_service_server::SERVICE_NAME,
    report_service_server::SERVICE_NAME,
    invoice_service_server::SERVICE_NAME,
];

/// The gRPC health service, and the task that keeps it true.
pub(super) async fn watch(store: Arc<dyn Store>) -> (HealthServer<impl Health>, JoinHandle<()>) {
    let (reporter, service) = health_reporter();
    // The database has just been opened, and a caller may ask before the first probe is done.
    report(&reporter, true).await;
    let watching = tokio::spawn(async move {
        let mut probes = interval(PROBE_INTERVAL);
        let mut serving = true;
        loop {
            probes.tick().await;
            let now = is_alive(store.as_ref()).await;
            if serving != now {
                serving = now;
                report(&reporter, now).await;
            }
        }
    });
    (service, watching)
}

async fn report(reporter: &HealthReporter, serving: bool) {
    let status = if serving {
        ServingStatus::Serving
    } else {
        tracing::error!("the database does not answer; health is NOT_SERVING");
        ServingStatus::NotServing
    };
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}

async fn is_alive(store: &dyn Store) -> bool {
    matches!(timeout(PROBE_TIMEOUT, store.ping()).await, Ok(Ok(())))
}

/// `/healthz`: the process runs; `/readyz`: the database answers too.
pub(super) fn probes(store: Arc<dyn Store>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/readyz", get(ready))
        .with_state(store)
}

async fn ready(State(store): State<Arc<dyn Store>>) -> (StatusCode, Json<Value>) {
    if is_alive(store.as_ref()).await {
        (StatusCode::OK, Json(json!({"status": "ready"})))
    } else {
        let status = json!({"status": "database unavailable"});
        (StatusCode::SERVICE_UNAVAILABLE, Json(status))
    }
}
