//! Typed client of the billing service.
//!
//! [`BillingClient`] speaks gRPC, hides the wire's types behind values with exact decimals and UTC
//! times, and repeats calls that failed for a passing reason. Every call it offers is safe to
//! repeat: a usage record keeps its request id over all attempts, so it is charged once, and what
//! can be done only once is refused the second time.
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
//! Many model calls are recorded faster together: [`BillingClient::record_usage_batch`] takes what
//! is at hand, [`BillingClient::usage_stream`] what comes without an end, and
//! [`BillingClient::buffered`] what concurrent callers bring one by one. Each model call has its
//! own [`UsageResult`], and a rejected one stops no other.
//!
//! ```no_run
//! # async fn example(
//! #     client: billing_client::BillingClient,
//! #     usages: Vec<billing_client::Usage>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let (mut sender, mut results) = client.usage_stream().await?;
//! let sending = tokio::spawn(async move {
//!     for usage in usages {
//!         sender.send(usage).await?;
//!     }
//!     Ok::<_, billing_client::Unsent>(())
//! });
//! while let Some(result) = results.next().await {
//!     let result = result?;
//!     println!("{} is {:?}", result.request_id, result.outcome);
//! }
//! sending.await??;
//! # Ok(())
//! # }
//! ```
//!
//! An [`Error`] tells by [`Error::reason`] why a call was refused and by [`Error::is_retryable`]
//! whether repeating it later can help.

mod auth;
mod batch;
mod buffer;
mod builder;
mod client;
mod convert;
mod coupon;
mod error;
mod invoice;
mod plan;
mod price;
mod report;
mod result;
mod retry;
mod stream;
mod subscription;
mod usage;

pub use auth::{Auth, RawService};
pub use batch::BatchResult;
pub use buffer::{BufferOptions, UsageBuffer};
pub use builder::BillingClientBuilder;
pub use client::BillingClient;
pub use coupon::{AppliedCoupon, CouponType};
pub use error::{Error, FieldViolation};
pub use invoice::{
    CreditNote, Invoice, InvoiceDifference, InvoiceDiscount, InvoiceItem, InvoiceItemPart,
    InvoiceItemType, InvoicePage, InvoiceQuery, InvoiceStatus, InvoiceSummary, InvoiceTax,
    MonthClosing, NewCreditNote, Reconciliation,
};
pub use plan::{Plan, UsagePricing};
pub use price::{ModelPrice, NewModelPrice, PriceImport, Problem};
pub use report::{
    BreakdownPage, BreakdownQuery, BreakdownRow, MonthlyReport, QuotaWarning, RankBy, Stats,
    TopUser,
};
pub use result::{UsageOutcome, UsageResult};
pub use retry::RetryPolicy;
pub use stream::{Unsent, UsageResults, UsageSender};
pub use subscription::{NewSubscription, Subscription, SubscriptionStatus};
pub use usage::{Cost, Recorded, Usage, UsageFilter, UsagePage, UsageRecord, UsageStatus};
