//! Users' billing settings.

use billing_proto::v1::{self, settings_service_server::SettingsService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{auth::layer::caller, convert, error::ApiError};

#[async_trait]
impl SettingsService for Services {
    async fn get_settings(
        &self,
        request: Request<v1::GetSettingsRequest>,
    ) -> Result<Response<v1::Settings>, Status> {
        let user = convert::user(caller(&request)?.user_or_self(&request.get_ref().user_id)?)?;
        let settings = self.store().settings(user).await.map_err(ApiError::from)?;
        Ok(Response::new(convert::settings(settings)))
    }

    async fn update_settings(
        &self,
        request: Request<v1::UpdateSettingsRequest>,
    ) -> Result<Response<v1::Settings>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let (user, change) = convert::settings_change(user, request.into_inner())?;
        let settings = self
            .store()
            .update_settings(user, change, self.clock())
            .await
            .map_err(ApiError::from)?;
        Ok(Response::new(convert::settings(settings)))
    }
}
