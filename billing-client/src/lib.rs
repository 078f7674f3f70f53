//! Typed client of the billing service.
//!
//! [`BillingClient`] speaks gRPC, hides the wire's types behind values with exact decimals and UTC
//! times, and repeats calls that failed for a passing reason. Every call it offers is safe to
//! repeat: a usage record keeps its request id over all attempts, so it is charged once.
//!
//! ```no_run
//! use billing_client::{BillingClient, Usage};
//!
//! # async fn example() -> Result<(), billing_client::Error> {
//! let client = BillingClient::builder("http://127.0.0.1:8080")
//!     .token("a token with the scope usage:write")
//!     .connect()
//!     .await?;
//! let usage = Usage::for_user("user-123", "gpt-4")
//!     .prompt_tokens(1_200)
//!     .completion_tokens(350);
//! let recorded = client.record_usage(usage).await?;
//! println!("charged {} USD", recorded.record.final_cost);
//! # Ok(())
//! # }
//! ```
//!
//! An [`Error`] tells by [`Error::reason`] why a call was refused and by [`Error::is_retryable`]
//! whether repeating it later can help.

mod auth;
mod batch;
mod builder;
mod client;
mod convert;
mod error;
mod plan;
mod price;
mod report;
mod result;
mod retry;
mod usage;

pub use auth::{Auth, RawService};
pub use batch::BatchResult;
pub use builder::BillingClientBuilder;
pub use client::BillingClient;
pub use error::{Error, FieldViolation};
pub use plan::{Plan, UsagePricing};
pub use price::{ModelPrice, NewModelPrice, PriceImport, Problem};
pub use report::{MonthlyReport, Stats};
pub use result::{UsageOutcome, UsageResult};
pub use retry::RetryPolicy;
pub use usage::{Cost, Recorded, Usage, UsageFilter, UsagePage, UsageRecord, UsageStatus};
