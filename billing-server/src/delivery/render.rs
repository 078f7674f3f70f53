//! Events in the words of the API, rendered once, within the transaction that they tell of.

use std::sync::Arc;

use billing_core::{
    event::{EventData, QuotaAlert, UnpricedModel},
    ids::UserId,
};
use billing_proto::v1;
use billing_store::{EventRenderer, RenderedEvent, WrittenEvent};
use prost::Message;

use crate::{
    api::{self, timestamp},
    clock::Clock,
    error::ApiError,
    ids::Ids,
    rest::text::to_answer,
};

/// The version of the bodies' form.
pub(crate) const VERSION: i32 = 1;

/// Renders events for the store, with ids at the times of a clock.
pub(crate) fn renderer(clock: Arc<dyn Clock>) -> EventRenderer {
    let ids = Ids::new(clock);
    EventRenderer::new(move |written| {
        let id = ids.event();
        let body = body(&written, id.to_string());
        RenderedEvent {
            id,
            body: body.map_err(|error| error.to_string()),
        }
    })
}

fn body(written: &WrittenEvent<'_>, id: String) -> Result<String, ApiError> {
    let body = v1::EventBody {
        id,
        r#type: written.event.data.event_type().name().to_owned(),
        timestamp: timestamp(written.at),
        version: VERSION,
        user_id: written.user_id.map(UserId::to_string),
        sequence: written.event.sequence,
        data: Some(v1::JsonObject {
            json: data(&written.event.data, written.user_id)?,
        }),
    };
    to_answer("billing.v1.EventBody", &body)
}

/// What an event is about, as REST shows it.
fn data(data: &EventData, user_id: Option<&UserId>) -> Result<String, ApiError> {
    match data {
        EventData::QuotaAlert(alert) => json("QuotaAlert", &quota_alert(alert)),
        EventData::Unpriced(model) => json("UnpricedModel", &unpriced(model)),
        EventData::Subscription(_, view) => {
            let user_id = user_id.ok_or_else(ApiError::internal)?;
            let view = view.as_ref().clone();
            json("Subscription", &api::subscription(user_id, view))
        }
        EventData::CouponApplied(redemption) => {
            let user_id = user_id.ok_or_else(ApiError::internal)?;
            let redemption = redemption.as_ref().clone();
            json("Redemption", &api::redemption(user_id, redemption))
        }
        EventData::Invoice(_, invoice) => {
            let mut shown = api::invoice(invoice.as_ref().clone())?;
            // They may be many; whoever wants them reads the invoice.
            shown.items.clear();
            json("Invoice", &shown)
        }
        EventData::CreditNote(note) => {
            json("CreditNote", &api::credit_note(note.as_ref().clone())?)
        }
        EventData::Payment(_, transaction) => {
            let shown = api::transaction(transaction.as_ref().clone(), false);
            json("Transaction", &shown)
        }
        EventData::PriceChanged(price) => json("ModelPrice", &api::model_price(price)),
        EventData::Endpoint(_, endpoint) => {
            let shown = api::webhook_endpoint(endpoint.as_ref().clone());
            json("WebhookEndpoint", &shown)
        }
        EventData::PlanChanged(plan) => json("Plan", &api::plan(plan.as_ref().clone())),
    }
}

fn json(message: &str, shown: &impl Message) -> Result<String, ApiError> {
    to_answer(&format!("billing.v1.{message}"), shown)
}

fn quota_alert(alert: &QuotaAlert) -> v1::QuotaAlert {
    v1::QuotaAlert {
        level: alert.level.name().to_owned(),
        window_start: timestamp(alert.window_start),
        tokens_remaining: alert.tokens_remaining,
        tokens_total: alert.tokens_total,
    }
}

fn unpriced(model: &UnpricedModel) -> v1::UnpricedModel {
    v1::UnpricedModel {
        model_id: model.model_id.to_string(),
        provider: model.provider.clone(),
    }
}
