//! Events: what happened, as others are told of it.

mod convert;

use billing_core::ids::EventId;
use billing_proto::v1::{self, event_service_server::EventService};
use billing_store::StoredEvent;
use tonic::Request;

use super::{Answer, service::service};
use crate::{app::App, auth::caller, error::ApiError};

/// How many events get their places at once.
const PLACED_AT_ONCE: i64 = 500;

/// How many deliveries one call has attempted again.
const REDELIVERED_AT_ONCE: i64 = 1_000;

service! {
    EventService for App {
        User => list_events(v1::ListEventsRequest) -> v1::ListEventsResponse;
        User => get_event(v1::GetEventRequest) -> v1::Event;
        Admin => redeliver_event(v1::RedeliverEventRequest) -> v1::RedeliverEventResponse;
        Admin => redeliver_dead(v1::RedeliverDeadRequest) -> v1::RedeliverDeadResponse;
    }
}

impl App {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Answer<v1::ListEventsResponse> {
        let caller = caller(&request)?;
        let user = caller.resolve_listed(&request.get_ref().user_id)?;
        if request.get_ref().delivery_status() != v1::DeliveryStatus::Unspecified {
            caller.require_admin()?;
        }
        let (filter, page) = convert::listed(user.as_ref(), request.get_ref())?;
        self.place_events().await?;
        let after = page.after.or(Some(request.get_ref().after_position));
        let mut found = self.store().events(filter, after, page.limit()).await?;
        let next_page_token = page.cut(&mut found, |event| event.position);
        let events = found
            .into_iter()
            .map(|event| convert::event(event, Vec::new()));
        Ok(v1::ListEventsResponse {
            events: events.collect::<Result<_, _>>()?,
            next_page_token,
        })
    }

    async fn get_event(&self, request: Request<v1::GetEventRequest>) -> Answer<v1::Event> {
        let caller = caller(&request)?.clone();
        let id = convert::event_id(&request.get_ref().id)?;
        self.place_events().await?;
        let event = self.store().event(id).await?;
        if !caller.is_admin() && !is_of(&event, &caller.subject) {
            // Whose it is, is nobody else's to know.
            return Err(not_found(id));
        }
        let deliveries = match caller.is_admin() {
            true => self.store().deliveries(&event).await?,
            false => Vec::new(),
        };
        convert::event(event, deliveries)
    }

    async fn redeliver_event(
        &self,
        request: Request<v1::RedeliverEventRequest>,
    ) -> Answer<v1::RedeliverEventResponse> {
        let request = request.into_inner();
        let id = convert::event_id(&request.id)?;
        let outlet = convert::outlet(&request.outlet)?;
        self.place_events().await?;
        let found = self.store().redeliver(id, outlet).await?;
        Ok(v1::RedeliverEventResponse {
            deliveries: i64::try_from(found).unwrap_or(i64::MAX),
        })
    }

    async fn redeliver_dead(
        &self,
        request: Request<v1::RedeliverDeadRequest>,
    ) -> Answer<v1::RedeliverDeadResponse> {
        let outlet = convert::outlet(&request.get_ref().outlet)?;
        let found = self.store().redeliver_dead(outlet, REDELIVERED_AT_ONCE);
        Ok(v1::RedeliverDeadResponse {
            deliveries: i64::try_from(found.await?).unwrap_or(i64::MAX),
        })
    }

    /// Gives what was committed its place, so that a caller reads what they have just caused.
    async fn place_events(&self) -> Answer<()> {
        while self.store().place_events(PLACED_AT_ONCE).await? > 0 {}
        Ok(())
    }
}

fn is_of(event: &StoredEvent, subject: &str) -> bool {
    event
        .user_id
        .as_ref()
        .is_some_and(|user_id| user_id.as_str() == subject)
}

fn not_found(id: EventId) -> ApiError {
    billing_core::refusal::Refusal::EventNotFound(id.to_string()).into()
}
