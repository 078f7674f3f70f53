//! The billing service: gRPC and REST on one listener.

pub mod error;
pub mod rest;
