//! Typed client of the billing service.
//!
//! [`BillingClient`] has a call for each method of the API and speaks in its messages, those of
//! [`v1`]. Calls that failed for a passing reason are repeated, as far as that is harmless: a usage
//! record keeps its request id over all attempts, so it is charged once. [`METHODS`] says of each
//! call when it is repeated, and why that is right.
//!
//! ```no_run
//! use billing_client::{BillingClient, ReadDecimal, Usage};
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
//! let record = recorded.record.unwrap_or_default();
//! println!("charged {} USD", record.final_cost.decimal()?);
//! # Ok(())
//! # }
//! ```
//!
//! Numbers and times of messages are read exactly by [`ReadDecimal`] and [`ReadTime`], and what is
//! missing or malformed is an error, never a zero. [`BillingClient::all`] goes through the pages of
//! a list.
//!
//! Many model calls are recorded faster together: [`BillingClient::record_usage_batch`] takes what
//! is at hand, [`BillingClient::stream_usage`] what comes without an end, and
//! [`BillingClient::buffered`] what concurrent callers bring one by one. Each model call has its
//! own result, and a rejected one stops no other.
//!
//! ```no_run
//! # async fn example(
//! #     client: billing_client::BillingClient,
//! #     usages: Vec<billing_client::Usage>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let (mut sender, mut results) = client.stream_usage().await?;
//! let sending = tokio::spawn(async move {
//!     for usage in usages {
//!         sender.send(usage).await?;
//!     }
//!     Ok::<_, billing_client::Unsent>(())
//! });
//! while let Some(result) = results.next().await {
//!     let result = result?;
//!     println!("{} is {:?}", result.request_id, result.outcome());
//! }
//! sending.await??;
//! # Ok(())
//! # }
//! ```
//!
//! An [`Error`] tells by [`Error::reason`] why a call was refused and by [`Error::is_retryable`]
//! whether repeating it later can help.

#[macro_use]
mod forms;

mod auth;
mod batch;
mod buffer;
mod builder;
mod calls;
mod client;
mod error;
mod method;
mod pages;
mod retry;
mod stream;
mod usage;
mod wire;

pub use billing_proto::{
    FieldMask, ReadDecimal, ReadTime, Timestamp, ValueError, google, timestamp, v1,
};

pub use auth::{Auth, RawService};
pub use buffer::{BufferOptions, UsageBuffer};
pub use builder::BillingClientBuilder;
pub use calls::METHODS;
pub use client::BillingClient;
pub use error::{Error, FieldViolation};
pub use method::{Method, Repeat};
pub use pages::List;
pub use retry::RetryPolicy;
pub use stream::{Unsent, UsageResults, UsageSender};
pub use usage::Usage;
pub use wire::Answers;
