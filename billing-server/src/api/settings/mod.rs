//! Users' billing settings.

mod convert;

use billing_proto::v1::{self, settings_service_server::SettingsService};
use tonic::Request;

use super::{Answer, service::service, values::user};
use crate::{app::App, auth::caller};

/// Why no tokens are bought by themselves.
pub(crate) const fn no_auto_topup(has_providers: bool) -> &'static str {
    if has_providers {
        "this version does not buy tokens by itself"
    } else {
        "no payment provider is configured"
    }
}
/// Why nothing is mailed.
pub(crate) const NO_MAIL_SERVER: &str = "no mail server is configured";

service! {
    SettingsService for App {
        User => get_settings(v1::GetSettingsRequest) -> v1::Settings;
        User => update_settings(v1::UpdateSettingsRequest) -> v1::Settings;
    }
}

impl App {
    async fn get_settings(&self, request: Request<v1::GetSettingsRequest>) -> Answer<v1::Settings> {
        let user = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let settings = self.store().settings(user).await?;
        Ok(convert::settings(settings, self.providers().are_there()))
    }

    async fn update_settings(
        &self,
        request: Request<v1::UpdateSettingsRequest>,
    ) -> Answer<v1::Settings> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user, change) = convert::settings_change(&user, request.into_inner())?;
        let settings = self.store().update_settings(user, change).await?;
        Ok(convert::settings(settings, self.providers().are_there()))
    }
}
