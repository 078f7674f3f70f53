//! Everything that one listener serves: gRPC, reflection, REST and probes.

use std::sync::Arc;

use axum::Router;
use billing_proto::{FILE_DESCRIPTOR_SET, v1::debug_service_server};
use billing_store::Store;
use http::{HeaderName, HeaderValue, Method, header};
use prost_reflect::DescriptorPool;
use tonic::service::Routes;
use tonic_health::pb::health_server;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::health;
use crate::{
    auth::{AuthLayer, Verifier},
    commands::CommandError,
    rest::{self, Gate, openapi},
    settings::{Settings, SettingsError},
    telemetry::{catch_panics, request_layers},
};

/// Puts authentication around the gRPC services and REST in front of them.
pub(super) fn all(
    settings: &Settings,
    grpc: Routes,
    verifier: Arc<Verifier>,
    store: Arc<dyn Store>,
) -> Result<Routes, CommandError> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(CommandError::failure)?;
    let reflection = || reflection(&pool, settings.test_clock.is_some());
    let auth = AuthLayer::new(verifier, settings.reflection_public);
    let grpc = grpc
        .add_service(reflection().build_v1().map_err(CommandError::failure)?)
        .add_service(
            reflection()
                .build_v1alpha()
                .map_err(CommandError::failure)?,
        )
        .into_axum_router()
        .reset_fallback()
        .layer(catch_panics())
        .layer(auth.clone());
    let gate: Gate = Arc::new(move |path, headers| auth.authenticate(path, headers).map(drop));
    let rest = rest::router(
        &pool,
        Routes::from(grpc.clone()),
        &gate,
        settings.max_message_bytes,
    )
    .map_err(CommandError::failure)?;
    let description = openapi::router(&pool, &gate).map_err(CommandError::failure)?;
    let mut web = rest.merge(health::probes(store)).merge(description);
    if let Some(origin) = &settings.cors_origin {
        web = web.layer(cors(origin)?);
    }
    Ok(Routes::from(with_request_ids(web.merge(grpc))))
}

/// Describes the services that are served, and the details of errors so that tools can show them.
fn reflection(pool: &DescriptorPool, test_clock: bool) -> tonic_reflection::server::Builder<'_> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(health_server::SERVICE_NAME);
    pool.services()
        .filter(|service| test_clock || service.full_name() != debug_service_server::SERVICE_NAME)
        .fold(builder, |builder, service| {
            builder.with_service_name(service.full_name())
        })
}

fn with_request_ids(router: Router) -> Router {
    router.layer(request_layers())
}

/// Lets pages of one origin call REST with a token.
fn cors(origin: &str) -> Result<CorsLayer, CommandError> {
    let origin = HeaderValue::from_str(origin)
        .map_err(|error| SettingsError::new("cors_origin", error.to_string()))?;
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
            header::CONTENT_TYPE,
            HeaderName::from_static("x-request-id"),
        ]))
}
