//! REST for every call that has a `google.api.http` option: JSON in, the gRPC service in process,
//! JSON out. Paths, fields and types all come from the descriptors, so a new call in the protos is
//! a new route without code.
//!
//! axum refuses to merge two routers that both have a fallback, so the gRPC side gives up its own:
//! `rest.merge(grpc.into_axum_router().reset_fallback())`; `reply::not_found` answers gRPC calls
//! too.

mod batch;
mod body;
mod codec;
mod decimals;
mod endpoint;
mod grpc_only;
mod json;
mod json_in;
mod json_out;
mod number;
pub(crate) mod openapi;
mod params;
mod problems;
mod reply;
mod routes;
mod rule;
pub(crate) mod text;
mod types;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::HeaderMap;

use crate::error::ApiError;

pub(crate) use grpc_only::grpc_only;
pub(crate) use reply::error_reply;
pub(crate) use routes::router;

/// Decides by the path of a gRPC call and the request's headers whether the call may be made.
pub(crate) type Gate = Arc<dyn Fn(&str, &HeaderMap) -> Result<(), ApiError> + Send + Sync>;

/// Why the routes, or their description, cannot be derived from the descriptors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    /// The descriptors were encoded without their extensions.
    #[error("the descriptors do not define google.api.http")]
    NoHttpOption,
    /// A call's HTTP rule cannot be served.
    #[error("the http rule of {method} cannot be served: {reason}")]
    Rule {
        /// The call's full name.
        method: String,
        /// What is wrong with the rule or its messages.
        reason: String,
    },
    /// The description cannot be written.
    #[error("the description cannot be written: {0}")]
    Description(#[from] serde_json::Error),
}
