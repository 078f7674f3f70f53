//! Events as they are sent and asked for.

use billing_core::{event_type::EventType, ids::EventId, refusal::Refusal};
use billing_proto::v1;
use billing_store::{EventFilter, StoredEvent};
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
    let filters = ["events", name_of(user), &request.r#type, &after];
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
pub(crate) fn event(event: StoredEvent) -> Result<v1::Event, ApiError> {
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
    })
}
