//! Derives every route from the descriptors.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::on;
use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use tonic::service::Routes;
use tower_http::decompression::RequestDecompressionLayer;

use super::batch::Batch;
use super::endpoint::Endpoint;
use super::reply::{method_not_allowed, not_found};
use super::rule::{Binding, bindings};
use super::types::{is_file, unsupported_field};
use super::{Gate, RestError};

/// A router with a route for every `google.api.http` binding of the pool's services, JSON 404s and
/// JSON 405s. Calls that `gate` lets through run in process through `grpc`; a body may have
/// `max_body_bytes` bytes, counted after a gzip encoding is undone.
///
/// # Errors
/// If the protos have a rule, or a message behind one, that cannot be served.
pub(crate) fn router(
    pool: &DescriptorPool,
    grpc: Routes,
    gate: &Gate,
    max_body_bytes: usize,
) -> Result<Router, RestError> {
    let grpc = grpc.prepare();
    let mut router = Router::new();
    for Route {
        method,
        rpc,
        binding,
        ..
    } in routes(pool)?
    {
        router = add(router, binding, |body| Endpoint {
            batch: Batch::of(&method),
            method,
            rpc,
            body,
            grpc: grpc.clone(),
            gate: Arc::clone(gate),
            max_body_bytes,
        });
    }
    // Bodies are unpacked as they are read, so that the limit holds for what comes out. The layer's
    // own refusal of other encodings has no body; the endpoint's has.
    let unpacked = RequestDecompressionLayer::new()
        .gzip(true)
        .pass_through_unaccepted(true);
    Ok(router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(unpacked))
}

/// A call and one of its bindings.
pub(super) struct Route {
    /// The call.
    pub(super) method: MethodDescriptor,
    /// The call's path over gRPC.
    pub(super) rpc: PathAndQuery,
    /// How it is called over HTTP.
    pub(super) binding: Binding,
    /// The place of the binding among those of the call.
    pub(super) index: usize,
}

/// Every binding of the pool's services, in the order of the .proto files.
///
/// # Errors
/// If the protos have a rule, or a message behind one, that cannot be served.
pub(super) fn routes(pool: &DescriptorPool) -> Result<Vec<Route>, RestError> {
    let http = pool
        .get_extension_by_name("google.api.http")
        .ok_or(RestError::NoHttpOption)?;
    let mut routes = Vec::new();
    let mut taken = HashSet::new();
    for method in pool.services().flat_map(|service| methods(&service)) {
        let refused = |reason| RestError::Rule {
            method: method.full_name().to_owned(),
            reason,
        };
        let bindings = bindings(&method, &http).map_err(refused)?;
        for (index, binding) in bindings.into_iter().enumerate() {
            check(&method).map_err(refused)?;
            if !taken.insert(format!("{} {}", binding.verb_name, binding.path)) {
                return Err(refused(format!("{} is taken already", binding.path)));
            }
            routes.push(Route {
                rpc: rpc_path(&method).map_err(refused)?,
                method: method.clone(),
                binding,
                index,
            });
        }
    }
    Ok(routes)
}

fn methods(service: &ServiceDescriptor) -> Vec<MethodDescriptor> {
    service.methods().collect()
}

fn add(
    router: Router,
    binding: Binding,
    endpoint: impl FnOnce(super::rule::BodyRule) -> Endpoint,
) -> Router {
    let endpoint = Arc::new(endpoint(binding.body));
    let handler = move |request: Request| async move { endpoint.serve(request).await };
    router.route(&binding.path, on(binding.verb, handler))
}

fn check(method: &MethodDescriptor) -> Result<(), String> {
    if method.is_client_streaming() || (method.is_server_streaming() && !is_file(method)) {
        return Err("streams have no JSON form".to_owned());
    }
    let messages = [method.input(), method.output()];
    match messages.iter().find_map(unsupported_field) {
        Some(field) => Err(format!("{} has no JSON form", field.full_name())),
        None => Ok(()),
    }
}

fn rpc_path(method: &MethodDescriptor) -> Result<PathAndQuery, String> {
    let service = method.parent_service();
    let path = format!("/{}/{}", service.full_name(), method.name());
    path.parse().map_err(|_| format!("{path} is not a path"))
}
