//! Where events are sent.

use async_trait::async_trait;
use billing_core::{
    ids::WebhookEndpointId,
    webhook::{EndpointChange, WebhookEndpoint, WebhookSecret},
};

use crate::StoreError;

/// Where events are sent.
#[async_trait]
pub trait WebhookEndpointStore: Send + Sync {
    /// Keeps a new endpoint.
    ///
    /// # Errors
    /// When the database fails.
    async fn create_webhook_endpoint(
        &self,
        endpoint: WebhookEndpoint,
    ) -> Result<WebhookEndpoint, StoreError>;

    /// At most `limit` endpoints, newest first, those that come after one in that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn webhook_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: i64,
    ) -> Result<Vec<WebhookEndpoint>, StoreError>;

    /// One endpoint.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn webhook_endpoint(&self, id: WebhookEndpointId) -> Result<WebhookEndpoint, StoreError>;

    /// Changes an endpoint.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn update_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        change: EndpointChange,
    ) -> Result<WebhookEndpoint, StoreError>;

    /// Forgets an endpoint, and answers what it was.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn delete_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpoint, StoreError>;

    /// Signs an endpoint's events with a new secret. Old ones sign too for a while, unless they are
    /// revoked.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn rotate_webhook_secret(
        &self,
        id: WebhookEndpointId,
        secret: WebhookSecret,
        revoke_old: bool,
    ) -> Result<WebhookEndpoint, StoreError>;
}
