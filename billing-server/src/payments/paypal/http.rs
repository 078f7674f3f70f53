//! One call of PayPal's API, and what its failures mean.

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{NAME, token::Tokens};
use crate::payments::provider::ProviderError;

/// The header of the key that makes a call happen once.
const KEY: &str = "PayPal-Request-Id";

/// PayPal's API with the app's keys.
pub(super) struct Api {
    http: Client,
    base: Url,
    tokens: Tokens,
}

/// One call.
pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    key: Option<String>,
    body: Option<Vec<u8>>,
}

impl Call {
    /// Reads something.
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            key: None,
            body: None,
        }
    }

    /// Sends something as JSON.
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] when it is no JSON.
    pub(super) fn post(path: String, body: &impl Serialize) -> Result<Self, ProviderError> {
        let body = serde_json::to_vec(body);
        let body =
            body.map_err(|error| malformed(format!("nothing, as it is no JSON: {error}")))?;
        Ok(Self {
            method: Method::POST,
            path,
            query: Vec::new(),
            key: None,
            body: Some(body),
        })
    }

    /// The same call with parameters.
    pub(super) fn query(mut self, query: Vec<(&'static str, String)>) -> Self {
        self.query = query;
        self
    }

    /// The same call, which happens once however often it comes with this key.
    pub(super) fn once(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }
}

impl Api {
    /// The API at a base address.
    pub(super) fn new(http: Client, base: &Url, client_id: String, client_secret: String) -> Self {
        let tokens = Tokens::new(at(base, "/v1/oauth2/token"), client_id, client_secret);
        Self {
            http,
            base: base.clone(),
            tokens,
        }
    }

    /// Makes a call. A token that PayPal does not accept is renewed once; nothing else is tried
    /// again, because what was asked may have been done.
    ///
    /// # Errors
    /// As [`refusal`] tells; [`ProviderError::Unavailable`] when no answer comes.
    pub(super) async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, ProviderError> {
        let token = self.tokens.token(&self.http, None).await?;
        match self.attempt(&call, &token).await {
            Err(ProviderError::Unauthorised(_)) => {
                let token = self.tokens.token(&self.http, Some(&token)).await?;
                self.attempt(&call, &token).await
            }
            answer => answer,
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        call: &Call,
        token: &str,
    ) -> Result<T, ProviderError> {
        let url = at(&self.base, &call.path);
        let mut request = self.http.request(call.method.clone(), url);
        request = request.bearer_auth(token).query(&call.query);
        if let Some(key) = &call.key {
            request = request.header(KEY, key);
        }
        if let Some(body) = &call.body {
            request = request
                .header("Content-Type", "application/json")
                .header("Prefer", "return=representation")
                .body(body.clone());
        }
        let answer = request.send().await.map_err(|_| unavailable())?;
        let (status, wait) = (answer.status(), retry_after(answer.headers()));
        let body = answer.bytes().await.map_err(|_| unavailable())?;
        if !status.is_success() {
            return Err(refusal(status, wait, &body));
        }
        let read = serde_json::from_slice(&body);
        read.map_err(|error| malformed(format!("{} {}: {error}", call.method, call.path)))
    }
}

/// An address of the API.
fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/');
    url.set_path(&format!("{prefix}{path}"));
    url
}

/// The id of an object as a part of a path. What cannot be PayPal's id is not asked for.
///
/// # Errors
/// [`ProviderError::NotFound`] for other text.
pub(super) fn object_id(id: &str) -> Result<&str, ProviderError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(is_plain) {
        return Err(ProviderError::NotFound(NAME));
    }
    Ok(id)
}

/// PayPal did not answer, so what was asked may have been done.
pub(super) const fn unavailable() -> ProviderError {
    ProviderError::Unavailable(NAME)
}

/// PayPal answered what cannot be understood.
pub(super) const fn malformed(what: String) -> ProviderError {
    ProviderError::Malformed {
        provider: NAME,
        what,
    }
}

/// How long PayPal asks to wait.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The body of a failure.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Failure {
    name: String,
    message: String,
    debug_id: String,
    details: Vec<Detail>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    issue: String,
    description: String,
}

/// What a failure means. The issue counts where there is one, because the names are general.
pub(super) fn refusal(status: StatusCode, wait: Option<Duration>, body: &[u8]) -> ProviderError {
    let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
    // PayPal's support asks for the debug id.
    tracing::info!(
        status = status.as_u16(),
        name = failure.name,
        debug_id = failure.debug_id,
        "PayPal refuses a call"
    );
    let detail = failure.details.into_iter().next().unwrap_or_default();
    let or = |first: String, second: String| if first.is_empty() { second } else { first };
    let code = or(detail.issue, or(failure.name, status.as_u16().to_string()));
    match status {
        StatusCode::UNAUTHORIZED => ProviderError::Unauthorised(NAME),
        StatusCode::NOT_FOUND => ProviderError::NotFound(NAME),
        StatusCode::CONFLICT => ProviderError::Running(NAME),
        StatusCode::TOO_MANY_REQUESTS => ProviderError::Throttled {
            provider: NAME,
            wait,
        },
        StatusCode::REQUEST_TIMEOUT => unavailable(),
        _ if status.is_server_error() => unavailable(),
        _ if code == "PREVIOUS_REQUEST_IN_PROGRESS" => ProviderError::Running(NAME),
        _ if status.is_client_error() => ProviderError::Refused {
            provider: NAME,
            code,
            message: or(detail.description, failure.message),
        },
        _ => malformed(format!("status {}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn refused(code: &str, message: &str) -> ProviderError {
        ProviderError::Refused {
            provider: NAME,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    const ISSUE: &str = r#"{"name":"UNPROCESSABLE_ENTITY","message":"General.",
        "details":[{"issue":"AMOUNT_MISMATCH","description":"Does not add up."}]}"#;
    const RUNNING: &str = r#"{"name":"UNPROCESSABLE_ENTITY",
        "details":[{"issue":"PREVIOUS_REQUEST_IN_PROGRESS"}]}"#;

    #[rstest]
    #[case(401, "", ProviderError::Unauthorised(NAME))]
    #[case(403, r#"{"name":"NOT_AUTHORIZED"}"#, refused("NOT_AUTHORIZED", ""))]
    #[case(404, r#"{"name":"RESOURCE_NOT_FOUND"}"#, ProviderError::NotFound(NAME))]
    #[case(409, "", ProviderError::Running(NAME))]
    #[case(422, RUNNING, ProviderError::Running(NAME))]
    #[case(408, "", ProviderError::Unavailable(NAME))]
    #[case(500, "<html>", ProviderError::Unavailable(NAME))]
    #[case(503, "", ProviderError::Unavailable(NAME))]
    #[case(422, ISSUE, refused("AMOUNT_MISMATCH", "Does not add up."))]
    #[case(
        400,
        r#"{"name":"INVALID_REQUEST","message":"No."}"#,
        refused("INVALID_REQUEST", "No.")
    )]
    #[case(400, "no JSON", refused("400", ""))]
    fn a_status_has_one_meaning(
        #[case] status: u16,
        #[case] body: &str,
        #[case] error: ProviderError,
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(refusal(status, None, body.as_bytes()), error);
    }

    #[test]
    fn a_redirect_is_not_followed_and_not_understood() {
        let answer = refusal(StatusCode::FOUND, None, b"");
        assert!(matches!(answer, ProviderError::Malformed { .. }));
    }

    #[rstest]
    #[case("5O190127TN364715T", true)]
    #[case("PP-D-27803", true)]
    #[case("", false)]
    #[case("..", false)]
    #[case("a/b", false)]
    #[case("a?b", false)]
    fn only_ids_become_a_part_of_a_path(#[case] id: &str, #[case] is_asked_for: bool) {
        assert_eq!(object_id(id).is_ok(), is_asked_for);
    }

    #[test]
    fn a_base_may_have_a_path() {
        let base = Url::parse("https://proxy.example/paypal/").unwrap();
        let url = at(&base, "/v1/oauth2/token");
        assert_eq!(url.as_str(), "https://proxy.example/paypal/v1/oauth2/token");
    }
}
