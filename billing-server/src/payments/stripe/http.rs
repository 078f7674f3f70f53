//! One call to Stripe, and what its answer means. Nothing is tried again here.

use std::time::Duration;

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER},
};
use reqwest::{Client, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use super::{
    NAME,
    objects::{ErrorBody, List, PaymentIntent},
};
use crate::payments::provider::ProviderError;

/// The version whose objects and parameters are used here: the one of the OpenAPI file inside
/// stripe-mock v0.197.0, against which every call is tested.
pub(super) const API_VERSION: &str = "2025-09-30.clover";
/// The most objects of a page that Stripe gives.
const PAGE: &str = "100";
/// The longest message of Stripe that is passed on, in characters.
const LONGEST_MESSAGE: usize = 500;
/// What keys and secrets of Stripe contain.
const SECRET_MARKS: [&str; 5] = ["sk_test_", "sk_live_", "rk_", "whsec_", "_secret_"];

/// Parameters, named as Stripe names them: `metadata[transaction_id]`.
pub(super) type Params<'a> = [(&'a str, &'a str)];

/// The way to Stripe.
pub(super) struct Http {
    client: Client,
    base: Url,
    /// Marked as sensitive, so that it is in no log.
    authorization: HeaderValue,
}

/// A call that did not succeed.
pub(super) struct Failure {
    /// Why.
    pub(super) error: ProviderError,
    /// The intent whose payment was declined.
    pub(super) declined: Option<Box<PaymentIntent>>,
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self {
            error,
            declined: None,
        }
    }
}

/// What an object's id consists of. Ids come from callers too, and become part of an address.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(plain)
}

impl Http {
    /// Calls at a base address with a key, as an `Authorization` header.
    pub(super) const fn new(client: Client, base: Url, authorization: HeaderValue) -> Self {
        Self {
            client,
            base,
            authorization,
        }
    }

    /// Reads an object or a list.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        params: &Params<'_>,
    ) -> Result<T, Failure> {
        let request = self.client.get(self.url(path)?).query(params);
        self.send(request).await
    }

    /// Has something done, once for a key.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        key: &str,
        path: &[&str],
        params: &Params<'_>,
    ) -> Result<T, Failure> {
        let request = self.client.post(self.url(path)?).form(params);
        self.send(request.header("Idempotency-Key", key)).await
    }

    /// Reads a whole list, page by page. `id` tells an object's id.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        params: &Params<'_>,
        id: impl Fn(&T) -> String + Send,
    ) -> Result<Vec<T>, ProviderError> {
        let mut all: Vec<T> = Vec::new();
        loop {
            let last = all.last().map(&id);
            let mut params = params.to_vec();
            params.push(("limit", PAGE));
            if let Some(last) = &last {
                params.push(("starting_after", last));
            }
            let page: List<T> = self.get(path, &params).await?;
            let is_last = !page.has_more;
            // Otherwise the same page would be asked for again and again.
            if page.data.is_empty() && !is_last {
                return Err(malformed("an empty page before the last"));
            }
            all.extend(page.data);
            if is_last {
                return Ok(all);
            }
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        if !path.iter().all(|part| is_id(part)) {
            return Err(ProviderError::NotFound(NAME).into());
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| ProviderError::Unavailable(NAME))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        Ok(url)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let answer = request
            .header(AUTHORIZATION, self.authorization.clone())
            .header("Stripe-Version", API_VERSION)
            .send()
            .await
            .map_err(unavailable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(unavailable)?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| malformed(&error.to_string()).into());
        }
        Err(failure(status, &headers, &body))
    }
}

/// No answer: the reason is for operators only.
fn unavailable(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    let reason: &dyn std::error::Error = &error;
    tracing::warn!(error = reason, "no answer of Stripe");
    ProviderError::Unavailable(NAME)
}

/// An answer that cannot be understood. What is wrong with it may quote it.
pub(super) fn malformed(what: &str) -> ProviderError {
    ProviderError::Malformed {
        provider: NAME,
        what: without_secrets(what),
    }
}

/// What Stripe or this adapter will not do.
pub(super) fn refused(code: &str, message: &str) -> ProviderError {
    ProviderError::Refused {
        provider: NAME,
        code: code.to_owned(),
        message: without_secrets(message),
    }
}

/// What an answer means that is no success.
fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ProviderError::Unauthorised(NAME),
        StatusCode::NOT_FOUND => ProviderError::NotFound(NAME),
        StatusCode::CONFLICT => ProviderError::Running(NAME),
        StatusCode::TOO_MANY_REQUESTS => ProviderError::Throttled {
            provider: NAME,
            wait: wait(headers),
        },
        // Stripe's own failures, and those of someone it depends on.
        status if status.is_server_error() || status == StatusCode::FAILED_DEPENDENCY => {
            ProviderError::Unavailable(NAME)
        }
        status if status.is_client_error() => return told(status, body),
        status => malformed(&format!("the status {status}")),
    };
    error.into()
}

/// What the body says of a call that was refused, or of a payment that was declined.
fn told(status: StatusCode, body: &[u8]) -> Failure {
    let Ok(ErrorBody { error }) = serde_json::from_slice(body) else {
        return malformed(&format!("the status {status} without Stripe's error")).into();
    };
    let code = error.code.as_deref().or(error.kind.as_deref());
    let message = error.message.as_deref().unwrap_or_default();
    let refusal = refused(code.unwrap_or(status.as_str()), message);
    let mut reason = error;
    let declined = reason
        .payment_intent
        .take()
        .filter(|_| status == StatusCode::PAYMENT_REQUIRED)
        .map(|mut intent| {
            intent.last_payment_error.get_or_insert(reason);
            intent
        });
    Failure {
        error: refusal,
        declined,
    }
}

/// How long to wait, in whole seconds.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// A message of at most [`LONGEST_MESSAGE`] characters, with every word hidden that looks like a
/// secret.
fn without_secrets(message: &str) -> String {
    let hidden = |word: &'_ str| SECRET_MARKS.iter().any(|mark| word.contains(mark));
    let words = message
        .split(' ')
        .map(|word| if hidden(word) { "***" } else { word });
    let clean = words.collect::<Vec<_>>().join(" ");
    clean.chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests;
