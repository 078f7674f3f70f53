//! Transactions: a row each for what is to be paid, topped up or given back, made before the
//! provider hears of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Provider, TokensGone, TransactionStatus};
use crate::{
    ids::{InvoiceId, PaymentMethodId, RequestId, TransactionId, UserId},
    money::Money,
    refusal::Refusal,
    settings::CURRENCY,
    usage::Fingerprint,
};

/// How long the user has for their part. Then the charge is cancelled at the provider.
pub const ACTION_EXPIRES_AFTER: TimeDelta = TimeDelta::hours(24);

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionKind {
    /// It pays invoices.
    InvoicePayment,
    /// It buys tokens.
    Topup,
    /// It gives back a part of another transaction.
    Refund,
}

/// What a transaction pays of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// How much of it, in USD and whole cents.
    pub amount: Money,
}

/// Why no money moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The provider's code, or a word for what happened.
    pub code: String,
    /// What the user may read.
    pub message: String,
}

/// A caller's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerRequest {
    /// The caller's id of it.
    pub id: RequestId,
    /// A digest of what the caller asked for.
    pub fingerprint: Fingerprint,
}

/// A transaction that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransaction {
    /// Its id.
    pub id: TransactionId,
    /// Whose money.
    pub user_id: UserId,
    /// What it is for.
    pub kind: TransactionKind,
    /// Who moves the money.
    pub provider: Provider,
    /// How much, in USD and whole cents, above 0.
    pub amount: Money,
    /// The saved method that is charged.
    pub payment_method_id: Option<PaymentMethodId>,
    /// The invoices it pays.
    pub allocations: Vec<Allocation>,
    /// Tokens that it buys, or takes back.
    pub tokens: i64,
    /// Whether nobody asked for it but the user's settings.
    pub is_automatic: bool,
    /// What a refund gives back.
    pub refund_of: Option<TransactionId>,
    /// The call that made it.
    pub request: Option<CallerRequest>,
    /// Whether it is about real money.
    pub is_live: bool,
}

/// Money that moves, or should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: TransactionId,
    /// Whose money.
    pub user_id: UserId,
    /// What it is for.
    pub kind: TransactionKind,
    /// Who moves the money.
    pub provider: Provider,
    /// The provider's id of the charge or refund, once it is made there.
    pub provider_reference: Option<String>,
    /// Its status.
    pub status: TransactionStatus,
    /// How much, in USD and whole cents.
    pub amount: Money,
    /// What of it was given back, in USD: the sum of its refunds that have succeeded.
    pub refunded_amount: Money,
    /// What of it is disputed or charged back, in USD.
    pub disputed_amount: Money,
    /// What the provider keeps of it, in USD; `None` while unknown.
    pub fee: Option<Money>,
    /// Its currency (ISO 4217).
    pub currency: String,
    /// The saved method that is charged.
    pub payment_method_id: Option<PaymentMethodId>,
    /// The invoices it pays.
    pub allocations: Vec<Allocation>,
    /// Tokens that it buys, or takes back.
    pub tokens: i64,
    /// What of them can no longer be used, or not now.
    pub tokens_gone: TokensGone,
    /// Whether nobody asked for it but the user's settings.
    pub is_automatic: bool,
    /// What a refund gives back.
    pub refund_of: Option<TransactionId>,
    /// Why no money moved.
    pub failure: Option<Failure>,
    /// The page where the user does their part.
    pub next_action_url: Option<String>,
    /// What an operator has to look at.
    pub attention: Option<String>,
    /// The call that made it.
    pub request: Option<CallerRequest>,
    /// Whether it is about real money.
    pub is_live: bool,
    /// When the user's time for their part is over (UTC).
    pub expires_at: Option<DateTime<Utc>>,
    /// When its money was first seen to have moved (UTC).
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When its money was seen to be lost by a dispute (UTC).
    pub lost_at: Option<DateTime<Utc>>,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When it last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

impl TransactionKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::InvoicePayment, Self::Topup, Self::Refund];

    /// What the kind is called in tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvoicePayment => "invoice_payment",
            Self::Topup => "topup",
            Self::Refund => "refund",
        }
    }

    /// The kind with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Transaction {
    /// The row of which the provider has not heard yet.
    #[must_use]
    pub fn new(order: NewTransaction, now: DateTime<Utc>) -> Self {
        Self {
            id: order.id,
            user_id: order.user_id,
            kind: order.kind,
            provider: order.provider,
            provider_reference: None,
            status: TransactionStatus::Pending,
            amount: order.amount,
            refunded_amount: Money::ZERO,
            disputed_amount: Money::ZERO,
            fee: None,
            currency: CURRENCY.to_owned(),
            payment_method_id: order.payment_method_id,
            allocations: order.allocations,
            tokens: order.tokens,
            tokens_gone: TokensGone::default(),
            is_automatic: order.is_automatic,
            refund_of: order.refund_of,
            failure: None,
            next_action_url: None,
            attention: None,
            request: order.request,
            is_live: order.is_live,
            expires_at: None,
            succeeded_at: None,
            lost_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Compares a call with the one of the same id that has made this transaction.
    ///
    /// # Errors
    /// [`Refusal::TransactionConflict`] when it asks for something else.
    pub fn check_repeat(&self, fingerprint: Fingerprint) -> Result<(), Refusal> {
        let first = self.request.as_ref().map(|request| request.fingerprint);
        if first == Some(fingerprint) {
            Ok(())
        } else {
            Err(Refusal::TransactionConflict)
        }
    }

    /// Whether it pays an invoice, or was to.
    #[must_use]
    pub fn pays(&self, invoice_id: InvoiceId) -> bool {
        let mut allocations = self.allocations.iter();
        allocations.any(|part| part.invoice_id == invoice_id)
    }

    /// Makes sure that nothing else may still pay for the same thing.
    ///
    /// # Errors
    /// [`Refusal::PaymentInFlight`] while this transaction may still move money.
    pub fn check_settled(&self, what: &str) -> Result<(), Refusal> {
        if !self.status.is_open() {
            return Ok(());
        }
        Err(Refusal::PaymentInFlight {
            what: what.to_owned(),
            transaction: self.id,
        })
    }

    /// Whether the user has let their time pass, so that the charge is to be cancelled at the
    /// provider. Only what the provider answers ends the transaction.
    #[must_use]
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        let waits = self.status == TransactionStatus::RequiresAction;
        waits && self.expires_at.is_some_and(|end| end <= now)
    }
}
