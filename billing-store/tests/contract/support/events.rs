//! Events as the tests read them.

use std::sync::atomic::{AtomicU64, Ordering};

use billing_core::{event::EventData, ids::EventId};
use billing_store::{EventRenderer, RenderedEvent};
use chrono::SecondsFormat;
use serde_json::json;
use uuid::Uuid;

/// The name of a plan of which nothing can be told.
pub(crate) const UNSPEAKABLE: &str = "Unspeakable";

/// Renders what tests look at; the API's own words are the server's.
pub(crate) fn renderer() -> EventRenderer {
    let last = AtomicU64::new(0);
    EventRenderer::new(move |written| {
        let id = last.fetch_add(1, Ordering::Relaxed);
        RenderedEvent {
            id: EventId::new(Uuid::from_u64_pair(id, 0)),
            body: body(&written.event.data),
        }
    })
}

fn body(data: &EventData) -> Result<String, String> {
    let body = match data {
        EventData::QuotaAlert(alert) => json!({
            "level": alert.level.name(),
            "window_start": alert.window_start.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "tokens_remaining": alert.tokens_remaining,
            "tokens_total": alert.tokens_total,
        }),
        EventData::PlanChanged(plan) if plan.name == UNSPEAKABLE => {
            return Err("it is unspeakable".to_owned());
        }
        EventData::Invoice(_, invoice) => json!({"status": invoice.status.name()}),
        EventData::PriceChanged(price) => json!({"model_id": price.model_id.as_str()}),
        other => json!({"type": other.event_type().name()}),
    };
    Ok(body.to_string())
}
