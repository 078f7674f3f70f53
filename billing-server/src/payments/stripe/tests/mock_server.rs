//! Stripe own mock server.
