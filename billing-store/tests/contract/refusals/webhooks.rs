//! Webhook endpoints that there are none of.

use billing_core::{
    ids::WebhookEndpointId,
    refusal::Refusal,
    webhook::{EndpointChange, WebhookSecret},
};

use super::{Case, case, world::World};
use crate::support::unique;

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let store = world.store.store.as_ref();
    let id = WebhookEndpointId::new(unique());
    let none = || Refusal::WebhookEndpointNotFound(id.to_string());
    let change = store.update_webhook_endpoint(id, EndpointChange::default());
    let secret = WebhookSecret::trusted("secret".to_owned());
    let rotation = store.rotate_webhook_secret(id, secret, true);
    vec![
        case("reading no endpoint", store.webhook_endpoint(id), none()),
        case("changing no endpoint", change, none()),
        case(
            "deleting no endpoint",
            store.delete_webhook_endpoint(id),
            none(),
        ),
        case("a secret of no endpoint", rotation, none()),
    ]
}
