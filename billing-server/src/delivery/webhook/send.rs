//! One attempt to have a receiver take an event.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use billing_core::webhook::WebhookSecret;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use reqwest::{Client, Request, dns::Resolve, redirect, retry};
use tokio::time::{Instant, timeout};

use super::{
    AddressRules,
    address::RefusedHost,
    answer::{Body, retry_after},
    resolve::{CheckedResolver, SystemResolver},
    sign::signatures,
};
use crate::clock::{Clock, SystemClock};

/// The longest that an attempt may take, from the lookup of the host to the end of the answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a connection is kept that nothing is sent over: its address was checked when it was
/// made, but may be another's by then.
const IDLE: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("billing-server/", env!("CARGO_PKG_VERSION"));
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Sends events to endpoints.
pub(crate) struct WebhookSender {
    client: Client,
    rules: Arc<AddressRules>,
    deadline: Duration,
}

/// Where an event goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The endpoint's address.
    pub(crate) url: String,
    /// What signs, newest first.
    pub(crate) secrets: Vec<WebhookSecret>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The status of the answer, if one came.
    pub(crate) status: Option<u16>,
    /// Why there is no whole answer, in a lowercase sentence without secrets.
    pub(crate) error: Option<String>,
    /// The beginning of the answer, for operators only.
    pub(crate) answer: String,
    /// How long the receiver asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// How long the attempt took.
    pub(crate) took: Duration,
    /// What that means for the event.
    pub(crate) verdict: Verdict,
}

/// What an attempt means for its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver has it.
    Delivered,
    /// It may be tried again.
    Retry,
    /// The receiver wants nothing any more.
    Gone,
    /// It can never be sent; why.
    Unsendable(String),
}

/// An answer as far as it came.
#[derive(Default)]
struct Answer {
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    body: Body,
}

impl WebhookSender {
    /// A sender to addresses that the rules allow.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(rules: AddressRules) -> reqwest::Result<Self> {
        Self::with(rules, Arc::new(SystemResolver), DEADLINE)
    }

    fn with(
        rules: AddressRules,
        lookup: Arc<dyn Resolve>,
        deadline: Duration,
    ) -> reqwest::Result<Self> {
        let rules = Arc::new(rules);
        let resolver = CheckedResolver {
            lookup,
            rules: Arc::clone(&rules),
        };
        // A proxy would look hosts up by itself, and a redirect lead past the rules.
        let client = Client::builder()
            .dns_resolver(resolver)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_idle_timeout(IDLE)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self {
            client,
            rules,
            deadline,
        })
    }

    /// Sends an event's body, the same bytes every time. Whatever the receiver does, an attempt is
    /// over after 15 s.
    pub(crate) async fn send(&self, target: &Target, event_id: &str, body: &str) -> Attempt {
        let began = Instant::now();
        let mut answer = Answer::default();
        let (error, verdict) = match self.request(target, event_id, body) {
            Err(reason) => (Some(reason.clone()), Verdict::Unsendable(reason)),
            Ok(request) => {
                let error = self.exchange(request, &mut answer).await.err();
                let verdict = verdict(answer.status, error.is_some());
                (error, verdict)
            }
        };
        Attempt {
            status: answer.status.map(|status| status.as_u16()),
            error,
            answer: answer.body.into_text(),
            retry_after: answer.retry_after,
            took: began.elapsed(),
            verdict,
        }
    }

    /// The signed request, or why there is none.
    fn request(&self, target: &Target, id: &str, body: &str) -> Result<Request, String> {
        let url = self.rules.check(&target.url);
        let url = url.map_err(|error| format!("the address {error}"))?;
        // Receivers compare it with their clocks, whatever ours is set to for a test.
        let now = SystemClock.now().timestamp();
        let signatures = signatures(&target.secrets, id, now, body);
        let signatures = signatures.ok_or("a secret cannot be read")?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(TIMESTAMP, HeaderValue::from(now));
        for (name, text) in [(ID, id), (SIGNATURE, &signatures)] {
            let value = HeaderValue::from_str(text);
            let value = value.map_err(|_| format!("{name} cannot be a header"))?;
            headers.insert(name, value);
        }
        let request = self.client.post(url).headers(headers);
        let request = request.body(body.to_owned()).build();
        request.map_err(|error| describe(&error.without_url()))
    }

    async fn exchange(&self, request: Request, answer: &mut Answer) -> Result<(), String> {
        match timeout(self.deadline, self.read(request, answer)).await {
            Ok(read) => read.map_err(|error| describe(&error.without_url())),
            Err(_) => {
                let deadline = humantime::format_duration(self.deadline);
                Err(format!("no whole answer within {deadline}"))
            }
        }
    }

    async fn read(&self, request: Request, answer: &mut Answer) -> reqwest::Result<()> {
        let mut response = self.client.execute(request).await?;
        answer.status = Some(response.status());
        answer.retry_after = retry_after(response.headers(), SystemTime::now());
        while answer.body.wants_more() {
            match response.chunk().await? {
                Some(bytes) => answer.body.take(&bytes),
                None => break,
            }
        }
        // The connection of an answer with more to come is dropped with it.
        Ok(())
    }
}

/// A receiver that has not finished its answer may not have finished its work either.
fn verdict(status: Option<StatusCode>, is_broken: bool) -> Verdict {
    match status {
        Some(_) if is_broken => Verdict::Retry,
        Some(status) if status.is_success() => Verdict::Delivered,
        Some(StatusCode::GONE) => Verdict::Gone,
        _ => Verdict::Retry,
    }
}

/// A failure and its causes; the address is left out, for it may hold a secret.
fn describe(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| Error::source(*cause));
    let mut text = error.to_string();
    for cause in causes {
        if let Some(refused) = cause.downcast_ref::<RefusedHost>() {
            return refused.to_string();
        }
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}

#[cfg(test)]
mod tests;
