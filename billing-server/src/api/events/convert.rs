//! Events as they are sent and asked for.

use billing_core::{
    delivery::{DeliveryStatus, Outlet},
    event_type::EventType,
    ids::EventId,
    refusal::Refusal,
};
use billing_proto::v1;
use billing_store::{AttemptReport, EventFilter, StoredDelivery, StoredEvent};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    api::{
        Violations,
        page::{Page, listed as name_of},
        time::{time, timestamp},
    },
    auth::ResolvedUser,
    delivery::VERSION,
    error::ApiError,
};

/// What is read of an event's body.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Which event is meant.
///
/// # Errors
/// When it is no event's id, there is no such event.
pub(crate) fn event_id(id: &str) -> Result<EventId, Refusal> {
    EventId::parse(id).map_err(|_| Refusal::EventNotFound(id.to_owned()))
}

/// Which events to list.
///
/// # Errors
/// Every violation at once.
pub(crate) fn listed(
    user: Option<&ResolvedUser>,
    request: &v1::ListEventsRequest,
) -> Result<(EventFilter, Page<i64>), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let since = time("after", request.after, found);
    let after = since.map(|at| at.to_rfc3339()).unwrap_or_default();
    let status = request.delivery_status.to_string();
    let filters = ["events", name_of(user), &request.r#type, &after, &status];
    let page = Page::read(&filters, request.page_size, &request.page_token, found);
    let user_id = found.check("user_id", user.map(ResolvedUser::id).transpose());
    let event_type = found.check("type", event_type(&request.r#type));
    if request.after_position < 0 {
        found.check::<(), _>("after_position", Err("must not be negative"));
    }
    let filter = user_id
        .zip(event_type)
        .map(|(user_id, event_type)| EventFilter {
            user_id,
            event_type,
            since,
            delivery_status: delivery_status(request.delivery_status()),
        });
    violations.finish(filter.zip(page))
}

fn event_type(name: &str) -> Result<Option<EventType>, String> {
    if name.is_empty() {
        return Ok(None);
    }
    let known = EventType::named(name).map(Some);
    known.ok_or_else(|| format!("{name:?} is no type of event"))
}

/// An event as it is sent.
///
/// # Errors
/// When its body is not what was written.
pub(crate) fn event(
    event: StoredEvent,
    deliveries: Vec<StoredDelivery>,
) -> Result<v1::Event, ApiError> {
    let data = match event.fault {
        Some(_) => None,
        None => {
            let body: Body<'_> =
                serde_json::from_str(&event.body).map_err(|_| ApiError::internal())?;
            Some(v1::JsonObject {
                json: body.data.get().to_owned(),
            })
        }
    };
    Ok(v1::Event {
        id: event.id.to_string(),
        r#type: event.event_type.name().to_owned(),
        timestamp: timestamp(event.created_at),
        version: VERSION,
        user_id: event.user_id.map(|id| id.into_string()),
        sequence: event.sequence,
        data,
        position: event.position,
        fault: event.fault.unwrap_or_default(),
        deliveries: deliveries.into_iter().map(delivery).collect(),
    })
}

/// Which outlet is meant; `None` for all.
///
/// # Errors
/// When it is none's name.
pub(crate) fn outlet(name: &str) -> Result<Option<Outlet>, ApiError> {
    if name.is_empty() {
        return Ok(None);
    }
    let known = name.parse().map(Some);
    known.map_err(|_| ApiError::violation("outlet", "must be mail, operator or an endpoint's id"))
}

fn delivery_status(status: v1::DeliveryStatus) -> Option<DeliveryStatus> {
    match status {
        v1::DeliveryStatus::Unspecified => None,
        v1::DeliveryStatus::Pending => Some(DeliveryStatus::Pending),
        v1::DeliveryStatus::Delivered => Some(DeliveryStatus::Delivered),
        v1::DeliveryStatus::Paused => Some(DeliveryStatus::Paused),
        v1::DeliveryStatus::Dead => Some(DeliveryStatus::Dead),
        v1::DeliveryStatus::Skipped => Some(DeliveryStatus::Skipped),
    }
}

fn delivery(stored: StoredDelivery) -> v1::Delivery {
    let StoredDelivery {
        outlet,
        delivery,
        attempts,
    } = stored;
    let status = match delivery.status {
        DeliveryStatus::Pending => v1::DeliveryStatus::Pending,
        DeliveryStatus::Delivered => v1::DeliveryStatus::Delivered,
        DeliveryStatus::Paused => v1::DeliveryStatus::Paused,
        DeliveryStatus::Dead => v1::DeliveryStatus::Dead,
        DeliveryStatus::Skipped => v1::DeliveryStatus::Skipped,
    };
    let next_at = Some(delivery.next_at).filter(|_| status == v1::DeliveryStatus::Pending);
    v1::Delivery {
        outlet: outlet.to_string(),
        status: status.into(),
        next_attempt_at: next_at.and_then(timestamp),
        finished_at: delivery.finished_at.and_then(timestamp),
        attempts: attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(report: AttemptReport) -> v1::DeliveryAttempt {
    v1::DeliveryAttempt {
        made_at: timestamp(report.made_at),
        status_code: report.status_code.map(i32::from).unwrap_or_default(),
        error: report.error.unwrap_or_default(),
        answer: report.answer,
        took_ms: i64::try_from(report.took.as_millis()).unwrap_or(i64::MAX),
    }
}
