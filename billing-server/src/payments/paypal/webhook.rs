//! Whether PayPal sent a webhook: by the certificate that signed it, or else by asking PayPal.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use reqwest::{Client, Url};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    SettingsError,
    certificate::{Chain, Checked, address, anchors},
    http::{Api, Call},
};
use crate::payments::provider::{ProviderError, WebhookError};

/// The algorithm of all signatures that are checked here; PayPal is asked about others.
const ALGORITHM: &str = "SHA256withRSA";
/// Certificates that are kept. PayPal has one or two at a time.
const KEPT: usize = 16;

/// What checks the webhooks of one address.
pub(super) struct Webhooks {
    http: Client,
    api_base: Url,
    webhook_id: String,
    is_live: bool,
    anchors: Vec<TrustAnchor<'static>>,
    // By their address. Only those that were found to be PayPal's.
    chains: Mutex<HashMap<Url, Chain>>,
}

/// What comes in the headers.
struct Signed<'a> {
    transmission_id: &'a str,
    transmission_time: &'a str,
    signature: &'a str,
    certificate_url: &'a str,
    algorithm: &'a str,
}

/// What PayPal is asked.
#[derive(Serialize)]
struct Question<'a> {
    auth_algo: &'a str,
    cert_url: &'a str,
    transmission_id: &'a str,
    transmission_sig: &'a str,
    transmission_time: &'a str,
    webhook_id: &'a str,
    // As it came: PayPal checks the bytes.
    webhook_event: &'a RawValue,
}

#[derive(Deserialize)]
struct Verdict {
    verification_status: String,
}

impl<'a> Signed<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, WebhookError> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or_else(|| forged(format!("the header {name} is missing")))
        };
        Ok(Self {
            transmission_id: header("paypal-transmission-id")?,
            transmission_time: header("paypal-transmission-time")?,
            signature: header("paypal-transmission-sig")?,
            certificate_url: header("paypal-cert-url")?,
            algorithm: header("paypal-auth-algo")?,
        })
    }

    /// What the signature is over.
    fn message(&self, webhook_id: &str, body: &[u8]) -> String {
        let checksum = crc32fast::hash(body);
        let (id, time) = (self.transmission_id, self.transmission_time);
        format!("{id}|{time}|{webhook_id}|{checksum}")
    }
}

fn forged(why: impl Into<String>) -> WebhookError {
    WebhookError::Forged(why.into())
}

impl Webhooks {
    /// What checks the webhooks of an address.
    ///
    /// # Errors
    /// When a trust root is no certificate.
    pub(super) fn new(
        http: Client,
        api_base: &Url,
        webhook_id: String,
        is_live: bool,
        roots: &[CertificateDer<'_>],
    ) -> Result<Self, SettingsError> {
        let read = anchors(roots);
        Ok(Self {
            http,
            api_base: api_base.clone(),
            webhook_id,
            is_live,
            anchors: read.map_err(|error| SettingsError::TrustRoot(error.to_string()))?,
            chains: Mutex::new(HashMap::new()),
        })
    }

    /// Checks a webhook. The age of a transmission says nothing, because PayPal sends one again
    /// for three days; an event that comes twice is known by its id.
    ///
    /// # Errors
    /// [`WebhookError::Forged`] when PayPal did not send it, [`WebhookError::Unavailable`] when
    /// neither way tells now.
    pub(super) async fn verify(
        &self,
        api: &Api,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        let signed = Signed::read(headers)?;
        let url = address(signed.certificate_url, &self.api_base)
            .ok_or_else(|| forged("its certificate is not at PayPal"))?;
        let signature = STANDARD
            .decode(signed.signature)
            .map_err(|_| forged("its signature is no base64"))?;
        let checked = if signed.algorithm == ALGORITHM {
            let message = signed.message(&self.webhook_id, body);
            self.by_certificate(url, now, message.as_bytes(), &signature)
                .await
        } else {
            Checked::Untrusted("the algorithm is another".to_owned())
        };
        match checked {
            Checked::Genuine => Ok(()),
            Checked::Forged => Err(forged("its certificate did not sign it")),
            Checked::Untrusted(why) => {
                tracing::info!(why, "PayPal is asked about a webhook");
                self.by_asking(api, &signed, body).await
            }
        }
    }

    async fn by_certificate(
        &self,
        url: Url,
        now: DateTime<Utc>,
        message: &[u8],
        signature: &[u8],
    ) -> Checked {
        let known = self.lock().get(&url).cloned();
        let is_new = known.is_none();
        let chain = match known {
            Some(chain) => chain,
            None => match self.fetch(url.clone()).await {
                Some(chain) => chain,
                None => return Checked::Untrusted("the certificate cannot be had".to_owned()),
            },
        };
        let checked = chain.check(&self.anchors, now, self.is_live, message, signature);
        let mut chains = self.lock();
        if matches!(checked, Checked::Untrusted(_)) {
            chains.remove(&url);
        } else if is_new {
            if chains.len() >= KEPT {
                chains.clear();
            }
            chains.insert(url, chain);
        }
        checked
    }

    /// The map is whole after each step, so a panic elsewhere leaves it usable.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Url, Chain>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, url: Url) -> Option<Chain> {
        let answer = self.http.get(url).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        Chain::read(&answer.bytes().await.ok()?)
    }

    async fn by_asking(
        &self,
        api: &Api,
        signed: &Signed<'_>,
        body: &Bytes,
    ) -> Result<(), WebhookError> {
        let event = serde_json::from_slice::<&RawValue>(body);
        let question = Question {
            auth_algo: signed.algorithm,
            cert_url: signed.certificate_url,
            transmission_id: signed.transmission_id,
            transmission_sig: signed.signature,
            transmission_time: signed.transmission_time,
            webhook_id: &self.webhook_id,
            webhook_event: event.map_err(|_| forged("it is not JSON"))?,
        };
        let path = "/v1/notifications/verify-webhook-signature".to_owned();
        let unavailable = |error: ProviderError| WebhookError::Unavailable(error.to_string());
        let call = Call::post(path, &question).map_err(unavailable)?;
        match api.send::<Verdict>(call).await {
            Ok(verdict) if verdict.verification_status == "SUCCESS" => Ok(()),
            Ok(_) => Err(forged("PayPal says so")),
            Err(ProviderError::Refused { code, .. }) => Err(forged(format!("PayPal says {code}"))),
            Err(error) => Err(unavailable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (
                "paypal-transmission-id",
                "69cd13f0-d67a-11e5-baa3-778b53f4ae55",
            ),
            ("paypal-transmission-time", "2016-02-18T20:01:35Z"),
            ("paypal-transmission-sig", "AAAA"),
            (
                "paypal-cert-url",
                "https://api.paypal.com/v1/notifications/certs/CERT-1",
            ),
            ("paypal-auth-algo", ALGORITHM),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_message_has_the_checksum_of_the_body_in_decimal() {
        let headers = headers();
        let signed = Signed::read(&headers).ok().unwrap();
        let message = signed.message("1JE4291016473214C", b"123456789");
        // 0xCBF43926 is the known checksum of these digits.
        assert_eq!(
            message,
            "69cd13f0-d67a-11e5-baa3-778b53f4ae55|2016-02-18T20:01:35Z|1JE4291016473214C|3421780262"
        );
    }

    #[test]
    fn each_header_is_needed() {
        let all = headers();
        for name in all.keys() {
            let mut headers = all.clone();
            headers.remove(name);
            let error = Signed::read(&headers).err().unwrap();
            assert_eq!(error, forged(format!("the header {name} is missing")));
        }
    }
}
