//! The billing service: gRPC and REST on one listener. Its door is the command line.

mod api;
mod app;
mod auth;
pub mod cli;
mod clock;
mod config;
mod delivery;
mod error;
mod ids;
mod jobs;
mod payments;
mod rest;
mod serve;
mod stdout;
mod telemetry;
