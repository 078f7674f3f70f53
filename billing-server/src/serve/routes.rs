//! Everything that one listener serves: gRPC, reflection, REST and probes.

use std::sync::Arc;

use axum::{
    Router,
    middleware::{from_fn, map_response},
};
use billing_proto::{FILE_DESCRIPTOR_SET, v1::debug_service_server};
use billing_store::Store;
use http::{HeaderName, HeaderValue, Method, header};
use prost_reflect::DescriptorPool;
use tonic::service::Routes;
use tonic_health::pb::health_server;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{error::ServeError, health};
use crate::{
    api,
    auth::{AccessTable, AuthLayer, Verifier},
    config::{Config, ConfigError},
    error::with_reason,
    rest::{self, Gate, openapi},
    telemetry::{catch_panics, request_layers},
};

/// The names of the services that are served: the one that moves the clock only with `test_clock`.
pub(super) fn services(pool: &DescriptorPool, test_clock: bool) -> Vec<String> {
    let names = pool
        .services()
        .map(|service| service.full_name().to_owned());
    let served = |name: &String| test_clock || name != debug_service_server::SERVICE_NAME;
    names.filter(served).collect()
}

/// Puts authentication around the gRPC services and REST in front of them.
pub(super) fn all(
    config: &Config,
    pool: &DescriptorPool,
    grpc: Routes,
    verifier: Arc<Verifier>,
    store: Arc<dyn Store>,
    webhooks: Router,
) -> Result<Routes, ServeError> {
    let reflection = || reflection(pool, config.test_clock.is_some());
    let access = AccessTable::new(pool, api::ACCESS).map_err(ServeError::failed)?;
    let auth = AuthLayer::new(verifier, Arc::new(access), config.reflection_public);
    let grpc = grpc
        .add_service(reflection().build_v1().map_err(ServeError::failed)?)
        .add_service(reflection().build_v1alpha().map_err(ServeError::failed)?)
        .into_axum_router()
        .reset_fallback()
        .layer(map_response(with_reason))
        .layer(catch_panics())
        .layer(auth.clone());
    let gate: Gate = Arc::new(move |path, headers| auth.admit(path, headers).map(drop));
    let rest = rest::router(
        pool,
        Routes::from(grpc.clone()),
        &gate,
        config.max_message_bytes,
    )
    .map_err(ServeError::failed)?;
    let description = openapi::router(pool, &gate).map_err(ServeError::failed)?;
    let probes = health::probes(store);
    let mut web = rest.merge(probes).merge(description).merge(webhooks);
    if let Some(origin) = &config.cors_origin {
        web = web.layer(cors(origin)?);
    }
    let grpc = grpc.layer(from_fn(rest::grpc_only));
    Ok(Routes::from(with_request_ids(web.merge(grpc))))
}

/// Describes the services that are served, and the details of errors so that tools can show them.
fn reflection(pool: &DescriptorPool, test_clock: bool) -> tonic_reflection::server::Builder<'_> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(health_server::SERVICE_NAME);
    services(pool, test_clock)
        .into_iter()
        .fold(builder, |builder, service| {
            builder.with_service_name(service)
        })
}

fn with_request_ids(router: Router) -> Router {
    router.layer(request_layers())
}

/// Lets pages of one origin call REST with a token.
fn cors(origin: &str) -> Result<CorsLayer, ServeError> {
    let origin = HeaderValue::from_str(origin)
        .map_err(|error| ConfigError::new("cors_origin", error.to_string()))?;
    let origin = if origin == "*" {
        AllowOrigin::any()
    } else {
        AllowOrigin::exact(origin)
    };
    Ok(CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_ENCODING,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-request-id"),
        ]))
}
