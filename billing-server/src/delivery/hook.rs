//! One attempt to deliver an event to a webhook endpoint.

use std::time::Duration;

use billing_core::{delivery::AttemptResult, ids::WebhookEndpointId, webhook::WebhookSecret};
use billing_store::{AttemptReport, StoreError, StoredEvent};
use chrono::TimeDelta;

use super::webhook::{Attempt, Target, Verdict, WebhookSender};
use crate::{
    app::App,
    clock::{Clock, SystemClock},
};

/// Sends an event to an endpoint as it is now.
pub(super) async fn attempt(
    app: &App,
    sender: &WebhookSender,
    id: WebhookEndpointId,
    event: &StoredEvent,
) -> (AttemptResult, AttemptReport) {
    // Receivers and operators compare it with their clocks, whatever ours is set to for a test.
    let made_at = SystemClock.now();
    let endpoint = match app.store().webhook_endpoint(id).await {
        Ok(endpoint) => endpoint,
        Err(error) => return unread(made_at, &error),
    };
    let signing = endpoint.secrets.signing(app.now());
    let target = Target {
        secrets: signing.map(WebhookSecret::clone).collect(),
        url: endpoint.url,
    };
    let sent = sender
        .send(&target, &event.id.to_string(), &event.body)
        .await;
    let result = result(&sent);
    let error = match sent.verdict {
        Verdict::Unsendable(reason) => Some(reason),
        _ => sent.error,
    };
    let report = AttemptReport {
        made_at,
        status_code: sent.status,
        error,
        answer: sent.answer,
        took: sent.took,
    };
    (result, report)
}

fn result(sent: &Attempt) -> AttemptResult {
    match sent.verdict {
        Verdict::Delivered => AttemptResult::Delivered,
        Verdict::Retry => {
            let asked = sent
                .retry_after
                .and_then(|wait| TimeDelta::from_std(wait).ok());
            AttemptResult::Failed(asked)
        }
        Verdict::Gone => AttemptResult::Gone,
        Verdict::Unsendable(_) => AttemptResult::Refused,
    }
}

/// Nothing is sent to an endpoint that is gone; one that could not be read is tried again.
fn unread(
    made_at: chrono::DateTime<chrono::Utc>,
    error: &StoreError,
) -> (AttemptResult, AttemptReport) {
    let result = match error {
        StoreError::Rejected(_) => AttemptResult::Skipped,
        _ => AttemptResult::Failed(None),
    };
    let report = AttemptReport {
        made_at,
        status_code: None,
        error: Some(error.to_string()),
        answer: String::new(),
        took: Duration::ZERO,
    };
    (result, report)
}
