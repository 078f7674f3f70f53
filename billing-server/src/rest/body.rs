//! Reads a request's body within its limit.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::error::{ApiError, ErrorCode};

use super::json::{self, Json};

/// Reads the body as a JSON object; an empty body is an empty object. `lenient` names a list of
/// which single entries may be no JSON.
///
/// # Errors
/// `BODY_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE` or `INVALID_JSON`.
pub(super) async fn read_object(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
    lenient: Option<&str>,
) -> Result<Vec<(String, Json)>, ApiError> {
    check_encoding(headers)?;
    let document = read_bytes(headers, body, max_bytes).await?;
    if document.is_empty() {
        return Ok(Vec::new());
    }
    if !is_json(headers) {
        let message = "the body's content-type must be application/json";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
    }
    match json::parse(&document, lenient) {
        Ok(Json::Object(entries)) => Ok(entries),
        Ok(_) => Err(invalid_json("it must be an object")),
        Err(reason) => Err(invalid_json(&reason)),
    }
}

async fn read_bytes(headers: &HeaderMap, body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("the body is larger than {max_bytes} bytes");
        ApiError::new(ErrorCode::BodyTooLarge, message)
    };
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    match Limited::new(body, max_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(invalid_json(
            "it ended early, or is not what its content-encoding says",
        )),
    }
}

/// Refuses a body that is still encoded: gzip is undone before.
fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let message = "the body's content-encoding must be gzip or identity";
    Err(ApiError::new(ErrorCode::UnsupportedMediaType, message))
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|given| given.eq_ignore_ascii_case("application/json"))
}

/// The content-type without its parameters, in any case of letters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    content_type.split(';').next().map(str::trim)
}

fn invalid_json(reason: &str) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidJson,
        format!("the body is not valid json: {reason}"),
    )
}
