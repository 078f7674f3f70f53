//! Webhooks of payment providers. They are hints: what they are about is looked up.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::post,
};
use billing_core::payment::Provider;
use chrono::Utc;
use http::{HeaderMap, StatusCode};

use super::provider::{Hint, HintObject, WebhookError};
use crate::{
    app::App,
    error::{ApiError, ErrorCode},
    rest::error_reply,
};

/// The longest webhook.
const MAX_BYTES: usize = 512 * 1024;

/// The paths that providers call.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/v1/webhooks/stripe", post(of_stripe))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(app)
}

async fn of_stripe(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    match take(&app, Provider::Stripe, &headers, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error_reply(error),
    }
}

/// Whoever sent it may send it again: it is taken once.
async fn take(
    app: &App,
    provider: Provider,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(), ApiError> {
    let client = app.providers().get(provider)?;
    // Signatures are as old as they are, whatever the test clock says.
    let verified = client.verify_webhook(headers, body, Utc::now()).await;
    let hint = verified.map_err(|error| match &error {
        WebhookError::Forged(_) => ApiError::new(ErrorCode::WebhookSignature, error.to_string()),
        WebhookError::Unavailable(_) => {
            ApiError::new(ErrorCode::PaymentProviderUnavailable, error.to_string())
        }
    })?;
    tracing::info!(
        event.id = hint.event_id,
        event.type_ = hint.event_type,
        "a webhook came"
    );
    if hint.is_live != client.is_live() {
        return Ok(());
    }
    let Hint {
        event_id,
        event_type,
        about,
        ..
    } = hint;
    let reference = match about {
        HintObject::Charge(reference) | HintObject::Refund(reference) => Some(reference),
        HintObject::Method(_) | HintObject::Other => None,
    };
    let noted = app
        .store()
        .note_webhook(provider, event_id, event_type, reference);
    Ok(noted.await?)
}
