//! The way to a provider's API, where secrets are sent.

use std::time::Duration;

use reqwest::{Client, Url, redirect, retry};

/// Hosts of this machine, where nobody listens in.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// An address to which a secret may be sent: https, or http on this machine.
pub(super) fn api_base(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(|host| HERE.contains(&host)),
        _ => false,
    };
    (is_safe && url.query().is_none() && url.fragment().is_none()).then_some(url)
}

/// A client for an API at an address. It goes nowhere else, and tries nothing again by itself:
/// whoever calls decides about that.
///
/// # Errors
/// When TLS cannot be set up.
pub(super) fn client(
    base: &Url,
    connect_timeout: Duration,
    timeout: Duration,
) -> reqwest::Result<Client> {
    Client::builder()
        .https_only(base.scheme() == "https")
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .build()
}
