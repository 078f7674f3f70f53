//! A panic in a handler becomes an INTERNAL answer instead of a lost connection.

use std::any::Any;

use http::Response;
use tonic::Status;
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

use crate::error::{ApiError, ErrorCode};

/// Answers a panic with INTERNAL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrpcInternal;

impl ResponseForPanic for GrpcInternal {
    type ResponseBody = tonic::body::Body;

    fn response_for_panic(
        &mut self,
        panic: Box<dyn Any + Send + 'static>,
    ) -> Response<tonic::body::Body> {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        tracing::error!(
            panic.message = text.unwrap_or("not text"),
            "a handler panicked"
        );
        Status::from(ApiError::new(ErrorCode::Internal, "internal error")).into_http()
    }
}

/// The layer around the gRPC handlers, so that the REST bridge in front of them sees a status too.
#[must_use]
pub(crate) fn catch_panics() -> CatchPanicLayer<GrpcInternal> {
    CatchPanicLayer::custom(GrpcInternal)
}
