//! What callers learn who send something else to a path that speaks gRPC.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::error::{ApiError, ErrorCode};

use super::{body::media_type, reply};

/// The types of a gRPC call, of which parameters may follow.
const MEDIA_TYPES: [&str; 2] = ["application/grpc", "application/grpc+proto"];

/// Lets gRPC calls pass. Others would get a gRPC status within a 200 and take it for success, so
/// they are refused as REST refuses.
pub(crate) async fn grpc_only(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        let message = "this path speaks gRPC and takes POST alone; REST paths begin with /v1";
        let refused = ApiError::new(ErrorCode::MethodNotAllowed, message);
        let mut response = reply::error(&refused.into());
        let allowed = HeaderValue::from_static("POST");
        response.headers_mut().insert(header::ALLOW, allowed);
        return response;
    }
    if !is_grpc(request.headers()) {
        let message = "this path speaks gRPC: the content-type must be application/grpc; \
             REST paths begin with /v1";
        let refused = ApiError::new(ErrorCode::UnsupportedMediaType, message);
        return reply::error(&refused.into());
    }
    next.run(request).await
}

fn is_grpc(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|given| {
        let mut known = MEDIA_TYPES.iter();
        known.any(|known| given.eq_ignore_ascii_case(known))
    })
}
