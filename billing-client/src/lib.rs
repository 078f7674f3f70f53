//! Typed client of the billing service.
