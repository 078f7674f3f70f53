//! The connection.

use crate::{BillingClientBuilder, RawService, retry::Limits};

/// A connection to the billing service. Clones share it and are cheap.
///
/// Each method of the API is a method here that takes the API's request and answers with its
/// answer; [`METHODS`](crate::METHODS) lists them. Every call fails with an [`Error`](crate::Error)
/// when the service refuses it or cannot be reached within the limits that the builder was given.
#[derive(Debug, Clone)]
pub struct BillingClient {
    service: RawService,
    pub(crate) limits: Limits,
}

impl BillingClient {
    /// Sets up a client of the service at `endpoint`, such as `http://127.0.0.1:8080`.
    pub fn builder(endpoint: impl Into<String>) -> BillingClientBuilder {
        BillingClientBuilder::new(endpoint.into())
    }

    pub(crate) fn new(service: RawService, limits: Limits) -> Self {
        Self { service, limits }
    }

    /// The connection with its token, for generated clients: `UsageServiceClient::new(raw)`.
    /// Calls made on it are neither repeated nor bounded in time.
    #[must_use]
    pub fn raw(&self) -> RawService {
        self.service.clone()
    }
}
