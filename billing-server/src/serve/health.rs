//! Whether the server can do its work: the gRPC health service and the HTTP probes.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
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

/// The name that stands for the whole server.
const WHOLE_SERVER: &str = "";

/// The gRPC health service, and the task that keeps it true: the health of all `services` follows
/// the database.
pub(super) async fn watch(
    store: Arc<dyn Store>,
    services: Vec<String>,
) -> (HealthServer<impl Health>, JoinHandle<()>) {
    let (reporter, service) = health_reporter();
    // The database has just been opened, and a caller may ask before the first probe is done.
    report(&reporter, &services, true).await;
    let watching = tokio::spawn(async move {
        let mut probes = interval(PROBE_INTERVAL);
        let mut serving = true;
        loop {
            probes.tick().await;
            let now = is_alive(store.as_ref()).await;
            if serving != now {
                serving = now;
                report(&reporter, &services, now).await;
            }
        }
    });
    (service, watching)
}

async fn report(reporter: &HealthReporter, services: &[String], serving: bool) {
    let status = if serving {
        ServingStatus::Serving
    } else {
        tracing::error!("the database does not answer; health is NOT_SERVING");
        ServingStatus::NotServing
    };
    let services = services.iter().map(String::as_str);
    for service in services.chain([WHOLE_SERVER]) {
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
