//! Webhook endpoints.

use billing_core::{
    delivery::OutletHealth,
    event_type::EventType,
    ids::{UserId, WebhookEndpointId},
    refusal::Refusal,
    webhook::{
        DisabledReason, EndpointChange, EndpointFilter, WebhookEndpoint, WebhookSecret,
        WebhookSecrets,
    },
};
use billing_proto::v1;
use chrono::{DateTime, Utc};

use crate::{
    api::{
        Violations,
        mask::Mask,
        time::{start_time, timestamp},
        values::{made_id, note},
    },
    delivery::webhook::AddressRules,
    error::ApiError,
};

/// What a mask may name.
const SETTABLE: [&str; 5] = ["url", "event_types", "user_ids", "description", "enabled"];

/// An endpoint as it is sent: without its secrets.
#[must_use]
pub(crate) fn endpoint(endpoint: WebhookEndpoint) -> v1::WebhookEndpoint {
    let types = endpoint.filter.event_types.into_iter();
    let users = endpoint.filter.user_ids.into_iter();
    let disabled = endpoint.disabled;
    let reason = disabled.map(|disabled| disabled_reason(disabled.reason));
    let health = endpoint.health;
    v1::WebhookEndpoint {
        id: endpoint.id.to_string(),
        url: endpoint.url,
        description: endpoint.description,
        event_types: types.map(|kind| kind.name().to_owned()).collect(),
        user_ids: users.map(UserId::into_string).collect(),
        enabled: disabled.is_none(),
        disabled_reason: reason.map(i32::from),
        disabled_at: disabled.and_then(|disabled| timestamp(disabled.at)),
        failures_in_row: i32::try_from(health.failures).unwrap_or(i32::MAX),
        failing_since: health.failing_since.and_then(timestamp),
        last_success_at: health.succeeded_at.and_then(timestamp),
        created_at: timestamp(endpoint.created_at),
        updated_at: timestamp(endpoint.updated_at),
    }
}

fn disabled_reason(reason: DisabledReason) -> v1::WebhookDisabledReason {
    match reason {
        DisabledReason::Operator => v1::WebhookDisabledReason::Operator,
        DisabledReason::Gone => v1::WebhookDisabledReason::Gone,
        DisabledReason::Failing => v1::WebhookDisabledReason::Failing,
    }
}

/// What an operator says of a new endpoint.
#[derive(Debug)]
pub(super) struct NewEndpoint {
    url: String,
    description: String,
    filter: EndpointFilter,
}

impl NewEndpoint {
    /// The endpoint.
    pub(super) fn made(
        self,
        id: WebhookEndpointId,
        secret: WebhookSecret,
        now: DateTime<Utc>,
    ) -> WebhookEndpoint {
        WebhookEndpoint {
            id,
            url: self.url,
            description: self.description,
            filter: self.filter,
            disabled: None,
            secrets: WebhookSecrets::new(secret),
            health: OutletHealth::default(),
            created_at: now,
            updated_at: now,
        }
    }
}

/// An endpoint that an operator wants.
///
/// # Errors
/// Every field at fault.
pub(super) fn new_endpoint(
    request: v1::CreateWebhookEndpointRequest,
    rules: &AddressRules,
) -> Result<NewEndpoint, ApiError> {
    let mut violations = Violations::default();
    let url = checked_url(Some(request.url), rules, &mut violations);
    let description = violations.check("description", note(request.description));
    let filter = EndpointFilter {
        event_types: event_types(request.event_types, &mut violations),
        user_ids: user_ids(request.user_ids, &mut violations),
    };
    violations.extend(filter.violations());
    let (url, description) = violations.finish(url.zip(description))?;
    Ok(NewEndpoint {
        url,
        description,
        filter,
    })
}

/// A change of an endpoint that an operator wants.
///
/// # Errors
/// Every field at fault; or when no endpoint can have the id.
pub(super) fn endpoint_change(
    request: v1::UpdateWebhookEndpointRequest,
    rules: &AddressRules,
) -> Result<(WebhookEndpointId, EndpointChange), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let id = made_id("id", request.id, Refusal::WebhookEndpointNotFound, found);
    let is_known = |path: &str| SETTABLE.contains(&path);
    let mask = Mask::read(request.update_mask, is_known, found);
    let url = mask.pick("url", request.url, String::new());
    let description = mask.pick("description", request.description, String::new());
    let types = Some(request.event_types).filter(|types| !types.is_empty());
    let types = mask.pick("event_types", types, Vec::new());
    let users = Some(request.user_ids).filter(|users| !users.is_empty());
    let users = mask.pick("user_ids", users, Vec::new());
    let change = EndpointChange {
        url: checked_url(url, rules, found),
        description: found
            .check("description", description.map(note).transpose())
            .flatten(),
        event_types: types.map(|types| event_types(types, found)),
        user_ids: users.map(|users| user_ids(users, found)),
        enabled: mask.pick("enabled", request.enabled, true),
    };
    violations.extend(change.violations());
    let (id, change) = violations.finish(id.map(|id| (id, change)))?;
    Ok((id?, change))
}

/// Which endpoint is meant.
///
/// # Errors
/// When it is no id, or no endpoint can have it.
pub(super) fn endpoint_id(id: String) -> Result<WebhookEndpointId, ApiError> {
    let mut violations = Violations::default();
    let not_found = Refusal::WebhookEndpointNotFound;
    let id = made_id("id", id, not_found, &mut violations);
    Ok(violations.finish(id)??)
}

/// Which endpoint is to get what it missed, and since when.
///
/// # Errors
/// Every field at fault; or when no endpoint can have the id.
pub(super) fn recovery(
    request: v1::RecoverEndpointRequest,
) -> Result<(WebhookEndpointId, DateTime<Utc>), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let id = made_id("id", request.id, Refusal::WebhookEndpointNotFound, found);
    let since = start_time("since", request.since, found);
    if since.is_none() && found.is_empty() {
        found.check::<(), _>("since", Err("must be set"));
    }
    let (id, since) = violations.finish(id.zip(since))?;
    Ok((id?, since))
}

fn checked_url(
    url: Option<String>,
    rules: &AddressRules,
    violations: &mut Violations,
) -> Option<String> {
    let url = url?;
    violations.check("url", rules.check(&url)).map(|_| url)
}

fn event_types(names: Vec<String>, violations: &mut Violations) -> Vec<EventType> {
    let read = names.into_iter().enumerate().filter_map(|(index, name)| {
        let kind = EventType::named(&name).ok_or("must be a type such as invoice.issued");
        violations.check(&format!("event_types[{index}]"), kind)
    });
    read.collect()
}

fn user_ids(ids: Vec<String>, violations: &mut Violations) -> Vec<UserId> {
    let read = ids.into_iter().enumerate().filter_map(|(index, id)| {
        violations.check(&format!("user_ids[{index}]"), UserId::parse(id))
    });
    read.collect()
}
