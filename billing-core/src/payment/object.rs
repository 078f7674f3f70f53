//! What a payment provider says of its objects, in words that all providers share.

use chrono::{DateTime, Utc};

use crate::{ids::TransactionId, money::Money};

/// Who moves the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Cards that were saved at Stripe.
    Stripe,
    /// Orders that a buyer approves at PayPal.
    Paypal,
    /// An operator who saw the money arrive.
    Manual,
}

/// A charge as the provider shows it: a PaymentIntent of Stripe, an order of PayPal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The provider's id of it.
    pub reference: String,
    /// The transaction it was made for, as we told the provider.
    pub transaction: Option<TransactionId>,
    /// What became of it.
    pub status: ChargeStatus,
    /// What it is over. When it has succeeded: what was really received.
    pub amount: Money,
    /// Its currency (ISO 4217, upper case).
    pub currency: String,
    /// What of it was given back, by refunds that did not fail.
    pub refunded: Money,
    /// What the provider keeps of it, in the same currency; `None` while unknown.
    pub fee: Option<Money>,
    /// The latest dispute about it.
    pub dispute: Option<Dispute>,
    /// Whether it is about real money.
    pub is_live: bool,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
}

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeStatus {
    /// It may be confirmed: unconfirmed at Stripe, approved by the buyer at PayPal.
    Ready,
    /// The user has something to do, where the provider gives a page for it at this URL.
    NeedsUser(Option<String>),
    /// It is on its way; nobody can stop it.
    Processing,
    /// The money is there.
    Succeeded,
    /// No money moved.
    Declined(Decline),
    /// It was ended, or ended by itself, before money moved.
    Cancelled,
}

/// Why no money moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// The provider's code.
    pub code: String,
    /// What the user may read of it.
    pub message: String,
    /// What to do now.
    pub kind: DeclineKind,
}

/// What to do after a decline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclineKind {
    /// This method will not pay.
    Final,
    /// The user has to take part.
    UserNeeded,
    /// It may work another time.
    Retryable,
}

/// A payer's dispute with his bank about a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The provider's id of it.
    pub reference: String,
    /// What is disputed.
    pub amount: Money,
    /// Where it stands.
    pub state: DisputeState,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeState {
    /// Asked about; no money was taken.
    Inquiry,
    /// The money was taken until it is settled.
    Open,
    /// The money came back.
    Won,
    /// The money is gone.
    Lost,
}

/// A refund as the provider shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    /// The provider's id of it.
    pub reference: String,
    /// The provider's id of the charge, where it tells.
    pub charge: Option<String>,
    /// The transaction it was made for, as we told the provider; `None` when somebody made it at
    /// the provider's own site.
    pub transaction: Option<TransactionId>,
    /// What is given back.
    pub amount: Money,
    /// Its currency (ISO 4217, upper case).
    pub currency: String,
    /// What became of it.
    pub status: RefundStatus,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundStatus {
    /// It is on its way.
    Pending,
    /// The money went back. It may still fail.
    Succeeded,
    /// The money stayed, with the provider's reason.
    Failed(String),
}

impl Provider {
    /// Its name as it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Paypal => "paypal",
            Self::Manual => "manual",
        }
    }

    /// The provider with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Stripe, Self::Paypal, Self::Manual]
            .into_iter()
            .find(|provider| provider.name() == name)
    }
}
