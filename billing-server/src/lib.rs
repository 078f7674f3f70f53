//! The billing service: gRPC and REST on one listener.

pub mod auth;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod convert;
mod data;
pub mod error;
mod ids;
mod jobs;
pub mod rest;
mod serve;
pub mod services;
pub mod settings;
pub mod telemetry;
