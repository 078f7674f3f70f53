//! Where events are sent.

pub(super) mod convert;

use billing_core::webhook::WebhookSecret;
use billing_proto::v1::{self, webhook_service_server::WebhookService};
use tonic::Request;

use super::{Answer, page::Page, service::service};
use crate::{app::App, delivery::webhook::generate_secret, error::ApiError};

service! {
    WebhookService for App {
        Admin => create_webhook_endpoint(v1::CreateWebhookEndpointRequest)
            -> v1::CreateWebhookEndpointResponse;
        Admin => list_webhook_endpoints(v1::ListWebhookEndpointsRequest)
            -> v1::ListWebhookEndpointsResponse;
        Admin => update_webhook_endpoint(v1::UpdateWebhookEndpointRequest) -> v1::WebhookEndpoint;
        Admin => delete_webhook_endpoint(v1::DeleteWebhookEndpointRequest) -> v1::WebhookEndpoint;
        Admin => rotate_webhook_secret(v1::RotateWebhookSecretRequest)
            -> v1::RotateWebhookSecretResponse;
        Admin => recover_endpoint(v1::RecoverEndpointRequest) -> v1::RecoverEndpointResponse;
        Admin => send_test_event(v1::SendTestEventRequest) -> v1::SendTestEventResponse;
    }
}

impl App {
    async fn recover_endpoint(
        &self,
        request: Request<v1::RecoverEndpointRequest>,
    ) -> Answer<v1::RecoverEndpointResponse> {
        let (id, since) = convert::recovery(request.into_inner())?;
        let found = self.store().recover_endpoint(id, since).await?;
        Ok(v1::RecoverEndpointResponse {
            deliveries: i64::try_from(found).unwrap_or(i64::MAX),
        })
    }

    async fn send_test_event(
        &self,
        request: Request<v1::SendTestEventRequest>,
    ) -> Answer<v1::SendTestEventResponse> {
        let id = convert::endpoint_id(request.into_inner().id)?;
        self.store().tell_test(id).await?;
        Ok(v1::SendTestEventResponse {})
    }

    async fn create_webhook_endpoint(
        &self,
        request: Request<v1::CreateWebhookEndpointRequest>,
    ) -> Answer<v1::CreateWebhookEndpointResponse> {
        let rules = self.config().webhook_addresses();
        let sent = convert::new_endpoint(request.into_inner(), &rules)?;
        let (id, secret) = (self.ids().webhook_endpoint(), new_secret()?);
        let endpoint = sent.made(id, secret.clone(), self.now());
        let endpoint = self.store().create_webhook_endpoint(endpoint).await?;
        Ok(v1::CreateWebhookEndpointResponse {
            endpoint: Some(convert::endpoint(endpoint)),
            secret: secret.reveal().to_owned(),
        })
    }

    async fn list_webhook_endpoints(
        &self,
        request: Request<v1::ListWebhookEndpointsRequest>,
    ) -> Answer<v1::ListWebhookEndpointsResponse> {
        let request = request.into_inner();
        let page = Page::of_all("webhook_endpoints", request.page_size, &request.page_token)?;
        let found = self.store().webhook_endpoints(page.after, page.limit());
        let mut found = found.await?;
        Ok(v1::ListWebhookEndpointsResponse {
            next_page_token: page.cut(&mut found, |endpoint| endpoint.id),
            endpoints: found.into_iter().map(convert::endpoint).collect(),
        })
    }

    async fn update_webhook_endpoint(
        &self,
        request: Request<v1::UpdateWebhookEndpointRequest>,
    ) -> Answer<v1::WebhookEndpoint> {
        let rules = self.config().webhook_addresses();
        let (id, change) = convert::endpoint_change(request.into_inner(), &rules)?;
        let changed = self.store().update_webhook_endpoint(id, change).await?;
        Ok(convert::endpoint(changed))
    }

    async fn delete_webhook_endpoint(
        &self,
        request: Request<v1::DeleteWebhookEndpointRequest>,
    ) -> Answer<v1::WebhookEndpoint> {
        let id = convert::endpoint_id(request.into_inner().id)?;
        let deleted = self.store().delete_webhook_endpoint(id).await?;
        Ok(convert::endpoint(deleted))
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<v1::RotateWebhookSecretRequest>,
    ) -> Answer<v1::RotateWebhookSecretResponse> {
        let request = request.into_inner();
        let id = convert::endpoint_id(request.id)?;
        let secret = new_secret()?;
        let rotating = self
            .store()
            .rotate_webhook_secret(id, secret.clone(), request.revoke_old);
        Ok(v1::RotateWebhookSecretResponse {
            endpoint: Some(convert::endpoint(rotating.await?)),
            secret: secret.reveal().to_owned(),
        })
    }
}

fn new_secret() -> Result<WebhookSecret, ApiError> {
    generate_secret().map_err(|_| {
        tracing::error!("the system has no random bytes");
        ApiError::internal()
    })
}
