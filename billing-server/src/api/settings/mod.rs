//! Users' billing settings.

mod convert;

use billing_core::settings::Settings;
use billing_proto::v1::{self, settings_service_server::SettingsService};
use tonic::Request;

use super::{Answer, service::service, values::user};
use crate::{app::App, auth::caller, delivery::mail};

/// Why no tokens are bought by themselves, of nobody.
pub(crate) const NO_AUTO_TOPUP: &str = "no payment provider is configured";
/// Why nothing is mailed, to nobody.
pub(crate) const NO_MAIL_SERVER: &str = "no mail server is configured";
/// Why nothing is mailed to a user.
const NO_ADDRESS: &str = "the user has no billing_email";
const MAIL_IS_OFF: &str = "send_invoice_email is off";

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
        self.answer_settings(settings).await
    }

    async fn update_settings(
        &self,
        request: Request<v1::UpdateSettingsRequest>,
    ) -> Answer<v1::Settings> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let (user, mut change) = convert::settings_change(&user, request.into_inner())?;
        // What somebody sets for others is nobody's consent.
        change.agrees_to_topups &= caller.subject == user.as_str();
        let settings = self.store().update_settings(user, change).await?;
        self.answer_settings(settings).await
    }

    /// Settings with what comes of them.
    async fn answer_settings(&self, settings: Settings) -> Answer<v1::Settings> {
        let no_topup = match self.providers().automatic(self.config()) {
            None => Some(NO_AUTO_TOPUP.to_owned()),
            Some(policy) => {
                let account = self.store().account(settings.user_id.clone()).await?;
                let reason = account.why_no_topup(&policy, self.now());
                reason.map(|reason| reason.to_string())
            }
        };
        let no_mail = self.why_no_mail(&settings);
        Ok(convert::settings(settings, no_topup, no_mail))
    }

    fn why_no_mail(&self, settings: &Settings) -> Option<String> {
        let reason = if self.mail().is_none() {
            NO_MAIL_SERVER
        } else if !settings.send_invoice_email {
            MAIL_IS_OFF
        } else if settings.billing_email.is_empty() {
            NO_ADDRESS
        } else {
            let checked = mail::check_address(&settings.billing_email);
            return checked.err().map(|error| format!("billing_email {error}"));
        };
        Some(reason.to_owned())
    }
}
