//! A plain HTTP client that keeps bodies as they were sent, digit by digit.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// A client of one server with one token.
#[derive(Debug, Clone)]
pub struct Rest {
    client: Client,
    url: String,
    token: String,
}

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body's text, to compare numbers exactly.
    pub body: String,
}

impl Answer {
    /// The body as JSON; its numbers are floats here.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

impl Rest {
    pub(super) fn new(url: String, token: &str) -> Self {
        Self {
            client: Client::new(),
            url,
            token: token.to_owned(),
        }
    }

    /// Reads a path such as `/v1/billing/stats`.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn get(&self, path: &str) -> Answer {
        Self::send(self.request(Method::GET, path)).await
    }

    /// Posts JSON, given as text so that a test can choose every digit.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn post(&self, path: &str, json: &str) -> Answer {
        Self::send(Self::with_json(self.request(Method::POST, path), json)).await
    }

    /// Puts JSON.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn put(&self, path: &str, json: &str) -> Answer {
        Self::send(Self::with_json(self.request(Method::PUT, path), json)).await
    }

    /// Patches with JSON.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn patch(&self, path: &str, json: &str) -> Answer {
        Self::send(Self::with_json(self.request(Method::PATCH, path), json)).await
    }

    /// A request with the token, for tests of methods and headers.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        if self.token.is_empty() {
            return request;
        }
        request.bearer_auth(&self.token)
    }

    fn with_json(request: RequestBuilder, json: &str) -> RequestBuilder {
        let request = request.header("content-type", "application/json");
        request.body(json.to_owned())
    }

    async fn send(request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let status = response.status().as_u16();
        let body = response.text().await.expect("the body is text");
        Answer { status, body }
    }
}
