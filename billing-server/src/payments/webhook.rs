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

use super::provider::{Hint, HintObject, ProviderClient, ProviderError, WebhookError};
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
        .route("/v1/webhooks/paypal", post(of_paypal))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(app)
}

async fn of_stripe(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    reply(take(&app, Provider::Stripe, &headers, &body).await)
}

async fn of_paypal(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    reply(take(&app, Provider::Paypal, &headers, &body).await)
}

fn reply(taken: Result<(), ApiError>) -> Response {
    match taken {
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
        WebhookError::Unavailable(_) => unavailable(&error),
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
        HintObject::Charge(reference) => Some(reference),
        HintObject::Refund(reference) => refunded(app, client, provider, reference).await?,
        HintObject::Method(_) | HintObject::Other => None,
    };
    let noted = app
        .store()
        .note_webhook(provider, event_id, event_type, reference);
    Ok(noted.await?)
}

/// What to look at for a refund: its own transaction, or the payment of one that somebody has made
/// at the provider's own site.
async fn refunded(
    app: &App,
    client: &dyn ProviderClient,
    provider: Provider,
    refund: String,
) -> Result<Option<String>, ApiError> {
    let known = app.store().transaction_of(provider, refund.clone()).await?;
    if known.is_some() {
        return Ok(Some(refund));
    }
    match client.refund_report(&refund).await {
        Ok(report) => Ok(report.charge),
        Err(ProviderError::NotFound(_)) => Ok(None),
        Err(error) => Err(unavailable(&error)),
    }
}

/// It has to come again.
fn unavailable(error: &impl ToString) -> ApiError {
    ApiError::new(ErrorCode::PaymentProviderUnavailable, error.to_string())
}
