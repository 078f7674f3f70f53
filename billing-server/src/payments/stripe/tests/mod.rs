//! The adapter against a strict fake of Stripe, and against Stripe's own mock server.
