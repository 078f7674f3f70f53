//! The access token: fetched with the app's keys, kept until shortly before it ends.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    NAME,
    http::{malformed, refusal, retry_after, unavailable},
};
use crate::payments::provider::ProviderError;

/// A token is given up this long before its end, so that it does not end on the way.
const MARGIN: Duration = Duration::from_secs(60);

/// The tokens of one app. It has no `Debug`, because it holds secrets.
pub(super) struct Tokens {
    url: Url,
    client_id: String,
    client_secret: String,
    // Held while a token is fetched, so that all who need one wait for the same.
    current: Mutex<Option<Token>>,
}

struct Token {
    text: String,
    until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

impl Tokens {
    /// The tokens that a URL gives for an app's keys.
    pub(super) fn new(url: Url, client_id: String, client_secret: String) -> Self {
        Self {
            url,
            client_id,
            client_secret,
            current: Mutex::new(None),
        }
    }

    /// A token that is good for a while, other than one that PayPal has just refused.
    ///
    /// # Errors
    /// [`ProviderError::Unauthorised`] when the keys are not accepted, and whatever else keeps
    /// PayPal from answering.
    pub(super) async fn token(
        &self,
        http: &Client,
        refused: Option<&str>,
    ) -> Result<String, ProviderError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref()
            && token.until > Instant::now()
            && refused != Some(token.text.as_str())
        {
            return Ok(token.text.clone());
        }
        *current = None;
        let fresh = self.fetch(http).await?;
        let text = fresh.text.clone();
        *current = Some(fresh);
        Ok(text)
    }

    async fn fetch(&self, http: &Client) -> Result<Token, ProviderError> {
        let asked_at = Instant::now();
        let answer = http
            .post(self.url.clone())
            .basic_auth(&self.client_id, Some(&self.client_secret))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .map_err(|_| unavailable())?;
        let status = answer.status();
        let wait = retry_after(answer.headers());
        let body = answer.bytes().await.map_err(|_| unavailable())?;
        if status == StatusCode::BAD_REQUEST {
            return Err(ProviderError::Unauthorised(NAME));
        }
        if !status.is_success() {
            return Err(refusal(status, wait, &body));
        }
        // What cannot be read may hold the token, so nothing of it is told.
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| malformed("the answer holds no access token".to_owned()))?;
        let lifetime = Duration::from_secs(answer.expires_in).saturating_sub(MARGIN);
        Ok(Token {
            text: answer.access_token,
            until: asked_at.checked_add(lifetime).unwrap_or(asked_at),
        })
    }
}
