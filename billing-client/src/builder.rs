//! How a client is set up.

use std::time::Duration;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::{
    BillingClient, Error, RetryPolicy,
    auth::{Auth, RawService, Secret},
    retry::Limits,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A dead peer is noticed within two of these, not when the kernel gives up after minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Collects the settings of a [`BillingClient`].
#[derive(Debug, Clone)]
#[must_use]
pub struct BillingClientBuilder {
    endpoint: String,
    token: Option<Secret>,
    tls_ca: Option<Vec<u8>>,
    connect_timeout: Duration,
    limits: Limits,
}

impl BillingClientBuilder {
    pub(crate) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            token: None,
            tls_ca: None,
            connect_timeout: CONNECT_TIMEOUT,
            limits: Limits::default(),
        }
    }

    /// The bearer token to send with every call. It never shows up in `Debug` output.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Secret(token.into()));
        self
    }

    /// How long one attempt of a call may take, as the server is told too; 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// How long a call may take with all its attempts and waits; 30 s unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// How long connecting may take; 5 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How often and how fast to repeat a call that failed for a passing reason.
    pub fn retries(mut self, policy: RetryPolicy) -> Self {
        self.limits.retries = policy;
        self
    }

    /// The certificate authority, in PEM, that vouches for an `https` endpoint; the system's unless
    /// set.
    pub fn tls_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls_ca = Some(pem.into());
        self
    }

    /// Connects now.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is unusable, [`Error::Transport`] when nobody answers.
    pub async fn connect(self) -> Result<BillingClient, Error> {
        let channel = self.endpoint()?.connect().await;
        self.client(channel.map_err(|error| Error::transport(&error))?)
    }

    /// Connects with the first call. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is unusable.
    pub fn connect_lazy(self) -> Result<BillingClient, Error> {
        let channel = self.endpoint()?.connect_lazy();
        self.client(channel)
    }

    fn client(&self, channel: Channel) -> Result<BillingClient, Error> {
        let auth = Auth::new(self.token.as_ref())?;
        Ok(BillingClient::new(
            RawService::new(channel, auth),
            self.limits,
        ))
    }

    fn endpoint(&self) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::from_shared(self.endpoint.clone())
            .map_err(|_| Error::config("endpoint is not a URL"))?
            .connect_timeout(self.connect_timeout)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let https = endpoint.uri().scheme_str() == Some("https");
        match &self.tls_ca {
            None if https => endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(|_| Error::config("the system has no certificate authorities")),
            None => Ok(endpoint),
            // Going on would send the token in the clear to somebody who asked for TLS.
            Some(_) if !https => Err(Error::config("tls_ca needs an https endpoint")),
            Some(pem) => endpoint
                .tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
                .map_err(|_| Error::config("tls_ca is not usable")),
        }
    }
}
