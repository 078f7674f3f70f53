//! The seam to payment providers: what an adapter does, in words that all providers share.
//!
//! Money moves only by [`ProviderClient::confirm_charge`] and [`ProviderClient::refund`]. A key
//! names one step of one transaction: a call with a key that the provider still knows answers what
//! the first call did. An adapter never tries a call again by itself; whoever called looks at the
//! object first.

use std::time::Duration;

use async_trait::async_trait;
use billing_core::{
    ids::{TransactionId, UserId},
    money::Money,
    payment::{Charge, RefundReport},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;

/// A payment provider as billing uses it.
#[async_trait]
pub(crate) trait ProviderClient: Send + Sync {
    /// Whether its keys move real money. Objects of the other kind are not its own.
    fn is_live(&self) -> bool;

    /// The least that can be charged, in USD.
    fn least_charge(&self) -> Money;

    /// Its methods that can be charged while the user is away, if it has any.
    fn saved_methods(&self) -> Option<&dyn SavedMethods>;

    /// Makes a charge that moves no money yet.
    async fn create_charge(
        &self,
        key: &str,
        order: &ChargeOrder,
    ) -> Result<CreatedCharge, ProviderError>;

    /// Has the money moved. A decline is an answer, not an error. `off_session` says that the user
    /// is away: then nobody can be asked for authentication.
    async fn confirm_charge(
        &self,
        key: &str,
        reference: &str,
        off_session: bool,
    ) -> Result<Charge, ProviderError>;

    /// A charge as it stands, with its refunds and disputes.
    async fn charge(&self, reference: &str) -> Result<Charge, ProviderError>;

    /// Ends a charge before money moves. Answers with the charge as it stands when that is too
    /// late.
    async fn cancel_charge(&self, key: &str, reference: &str) -> Result<Charge, ProviderError>;

    /// Gives back a part of a charge.
    async fn refund(&self, key: &str, order: &RefundOrder) -> Result<RefundReport, ProviderError>;

    /// A refund as it stands.
    async fn refund_report(&self, reference: &str) -> Result<RefundReport, ProviderError>;

    /// All refunds of a charge, those of the provider's own site too.
    async fn refunds_of(&self, charge: &str) -> Result<Vec<RefundReport>, ProviderError>;

    /// All charges that were made in a stretch of time, `from` included and `until` not.
    async fn charges_made(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charge>, ProviderError>;

    /// Whether the provider sent this, by the real time, and what it is about.
    async fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Hint, WebhookError>;
}

/// What a provider that keeps payment methods can do beside.
#[async_trait]
pub(crate) trait SavedMethods: Send + Sync {
    /// Makes the provider's customer for a user.
    async fn create_customer(&self, key: &str, user: &UserId) -> Result<String, ProviderError>;

    /// Begins to save a method of a customer.
    async fn create_setup(
        &self,
        key: &str,
        customer: &str,
        return_url: &str,
    ) -> Result<Setup, ProviderError>;

    /// A method of a customer; `None` when it is not the customer's, or not there.
    async fn method(
        &self,
        customer: &str,
        method: &str,
    ) -> Result<Option<SavedMethod>, ProviderError>;

    /// Has a method forgotten. One that is gone already is no error.
    async fn detach_method(&self, key: &str, method: &str) -> Result<(), ProviderError>;
}

/// A charge to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChargeOrder {
    /// The transaction it is for; the provider keeps it with the charge.
    pub(crate) transaction: TransactionId,
    /// What to charge, in USD and whole cents.
    pub(crate) amount: Money,
    /// The item the payer reads.
    pub(crate) description: String,
    /// Who pays, and how.
    pub(crate) payer: Payer,
}

/// Who pays, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payer {
    /// A saved method.
    Saved {
        /// The provider's id of the customer.
        customer: String,
        /// The provider's id of the method.
        method: String,
    },
    /// A buyer who approves at the provider's page.
    Approves {
        /// Where the buyer goes on afterwards.
        return_url: String,
        /// Where the buyer goes who does not want to.
        cancel_url: String,
    },
}

/// A charge that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreatedCharge {
    /// The charge.
    pub(crate) charge: Charge,
    /// What the user's own browser confirms it with. Never stored, never logged.
    pub(crate) client_secret: Option<ClientSecret>,
}

/// A method being saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup {
    /// The provider's id of it.
    pub(crate) reference: String,
    /// What the user's own browser goes on with.
    pub(crate) client_secret: Option<ClientSecret>,
    /// The page where the user goes on, where there is one.
    pub(crate) approval_url: Option<String>,
}

/// A secret for the user's own browser, which is never shown elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientSecret(pub(crate) String);

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A saved method as the provider describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedMethod {
    /// The brand of a card, or the kind of method.
    pub(crate) brand: String,
    /// The last digits, or empty.
    pub(crate) last4: String,
    /// The month and year after which a card is no longer good.
    pub(crate) expiry: Option<(u8, u16)>,
}

/// A refund to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefundOrder {
    /// The transaction of the refund itself; the provider keeps it with the refund.
    pub(crate) transaction: TransactionId,
    /// The provider's id of the charge.
    pub(crate) charge: String,
    /// What to give back, in USD and whole cents.
    pub(crate) amount: Money,
}

/// What a webhook is about. It is a hint to look, never a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The provider's id of the event: the same event may come again.
    pub(crate) event_id: String,
    /// The event's type, for operators.
    pub(crate) event_type: String,
    /// What to look at.
    pub(crate) about: HintObject,
    /// Whether it tells of real money.
    pub(crate) is_live: bool,
}

/// What a webhook says to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HintObject {
    /// A charge by the provider's id: paid, failed, refunded or disputed.
    Charge(String),
    /// A refund by the provider's id.
    Refund(String),
    /// A method by the provider's id, which is gone or changed.
    Method(String),
    /// Nothing that billing knows of.
    Other,
}

/// Why a provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    /// No answer, or one that says the provider is in trouble: what was asked may have been done.
    #[error("{0} does not answer")]
    Unavailable(&'static str),
    /// Too many calls; surely not done.
    #[error("{provider} asks to wait")]
    Throttled {
        /// Who asks.
        provider: &'static str,
        /// How long, if it says.
        wait: Option<Duration>,
    },
    /// A call with the same key is still running.
    #[error("{0} is still working on the call before")]
    Running(&'static str),
    /// The configured keys are not accepted.
    #[error("{0} does not accept the configured keys")]
    Unauthorised(&'static str),
    /// It knows no such object.
    #[error("{0} knows no such object")]
    NotFound(&'static str),
    /// It will not do that. The message holds no secret.
    #[error("{provider} refuses: {message}")]
    Refused {
        /// Who refuses.
        provider: &'static str,
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// It answered what cannot be understood: what was asked may have been done.
    #[error("{provider} answered what cannot be understood: {what}")]
    Malformed {
        /// Who answered.
        provider: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebhookError {
    /// The provider did not send it.
    #[error("the webhook's signature is not the provider's: {0}")]
    Forged(String),
    /// Whether it did cannot be found out now, so it has to come again.
    #[error("the webhook cannot be verified now: {0}")]
    Unavailable(String),
}
