//! Payments: saved methods, and transactions.

use async_trait::async_trait;
use billing_core::{
    account::RefundOrder,
    ids::{InvoiceId, PaymentMethodId, TransactionId, UserId},
    money::Money,
    payment::{
        CallerRequest, Charge, Consents, Failure, PaymentMethod, Provider, RefundReport,
        Transaction, TransactionKind, TransactionStatus,
    },
};
use chrono::{DateTime, NaiveDate, Utc};

use crate::StoreError;

/// What is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentFor {
    /// Tokens for an amount in USD.
    Topup {
        /// How much, tax included.
        amount: Money,
    },
    /// What an invoice asks for.
    Invoice {
        /// The invoice.
        id: InvoiceId,
        /// What the provider charges at least, in USD.
        least: Money,
    },
}

/// What pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidBy {
    /// A saved method, or the default.
    Method(Option<PaymentMethodId>),
    /// A buyer who approves the payment at the provider.
    Approval,
}

/// A payment to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The id of the transaction, if one is made.
    pub id: TransactionId,
    /// Who pays.
    pub user_id: UserId,
    /// What for.
    pub what: PaymentFor,
    /// Through whom.
    pub provider: Provider,
    /// Whether with real money.
    pub is_live: bool,
    /// By what.
    pub by: PaidBy,
    /// The caller's id of the call.
    pub request: Option<CallerRequest>,
}

/// A payment that is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunPayment {
    /// The transaction; an earlier call with the same request id may have made it.
    pub transaction: Transaction,
    /// The method that pays; `None` when the buyer approves.
    pub method: Option<PaymentMethod>,
    /// Whether this call has made the transaction.
    pub is_new: bool,
}

/// A transaction that has followed its charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The transaction.
    pub transaction: Transaction,
    /// Whether the charge is made, its money has not moved, and what it is for still asks for it.
    pub is_wanted: bool,
}

/// Which transactions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionFilter {
    /// Of this user; `None` stands for all.
    pub user_id: Option<UserId>,
    /// Of this kind.
    pub kind: Option<TransactionKind>,
    /// With this status.
    pub status: Option<TransactionStatus>,
    /// That pay this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only those that may still succeed.
    pub is_open: bool,
    /// Only those that call for an operator.
    pub needs_attention: bool,
}

/// Saved methods, and transactions.
#[async_trait]
pub trait PaymentStore: Send + Sync {
    /// The provider's id of a user's customer, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    async fn payment_customer(
        &self,
        user_id: UserId,
        provider: Provider,
        is_live: bool,
    ) -> Result<Option<String>, StoreError>;

    /// Keeps the provider's id of a user's customer, and answers the one that was kept first.
    ///
    /// # Errors
    /// When the database fails.
    async fn keep_payment_customer(
        &self,
        user_id: UserId,
        provider: Provider,
        is_live: bool,
        customer_id: String,
    ) -> Result<String, StoreError>;

    /// Saves a method, or what is new of one that is saved: it keeps its id, its time, and consents
    /// that are not given anew. A user's first one is the default.
    ///
    /// # Errors
    /// When the database fails.
    async fn save_payment_method(&self, method: PaymentMethod)
    -> Result<PaymentMethod, StoreError>;

    /// A user's methods, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    async fn payment_methods(&self, user_id: UserId) -> Result<Vec<PaymentMethod>, StoreError>;

    /// Makes a method the one that is charged when none is named.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn set_default_payment_method(
        &self,
        user_id: UserId,
        id: PaymentMethodId,
    ) -> Result<PaymentMethod, StoreError>;

    /// Forgets a method, and answers it. The oldest of the others becomes the default.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn remove_payment_method(
        &self,
        user_id: UserId,
        id: PaymentMethodId,
    ) -> Result<PaymentMethod, StoreError>;

    /// Makes the transaction of a payment, before the provider hears of it. A call with the request
    /// id of an earlier one answers with that one.
    ///
    /// # Errors
    /// When the rules do not allow it, the method or the invoice is not there, or the database
    /// fails.
    async fn begin_payment(&self, order: PaymentOrder) -> Result<BegunPayment, StoreError>;

    /// Follows what the provider says of a transaction's charge, with all that comes of it. When
    /// its money can be moved, this is the last look at what it is for.
    ///
    /// # Errors
    /// When there is no such transaction or the database fails.
    async fn follow_charge(
        &self,
        user_id: UserId,
        id: TransactionId,
        charge: Charge,
    ) -> Result<Followed, StoreError>;

    /// Ends a transaction whose charge was never made, because the provider refused to.
    ///
    /// # Errors
    /// When there is no such transaction or the database fails.
    async fn refuse_payment(
        &self,
        user_id: UserId,
        id: TransactionId,
        failure: Failure,
    ) -> Result<Transaction, StoreError>;

    /// Ends a transaction whose user has let their time pass, before the provider is told anything,
    /// so that no server has its money moved any more.
    ///
    /// # Errors
    /// When there is no such transaction or the database fails.
    async fn lapse_payment(
        &self,
        user_id: UserId,
        id: TransactionId,
    ) -> Result<Transaction, StoreError>;

    /// Makes the transaction of a refund, before the provider hears of it, and answers it with the
    /// payment. A call with the request id of an earlier one answers with that one.
    ///
    /// # Errors
    /// When there is no such payment, it cannot be given back or the database fails.
    async fn begin_refund(
        &self,
        user_id: UserId,
        payment: TransactionId,
        order: RefundOrder,
    ) -> Result<(Transaction, Transaction), StoreError>;

    /// Follows what the provider says of a refund of a payment; one that somebody has made at the
    /// provider's own site gets a transaction with the id `new`.
    ///
    /// # Errors
    /// When there is no such payment or the database fails.
    async fn follow_refund(
        &self,
        user_id: UserId,
        payment: TransactionId,
        report: RefundReport,
        new: TransactionId,
    ) -> Result<Transaction, StoreError>;

    /// Notes for an operator what is odd about a transaction.
    ///
    /// # Errors
    /// When there is no such transaction or the database fails.
    async fn note_attention(
        &self,
        user_id: UserId,
        id: TransactionId,
        reason: String,
    ) -> Result<Transaction, StoreError>;

    /// Ends what called for an operator, and answers the transaction with what it was.
    ///
    /// # Errors
    /// When there is no such transaction or the database fails.
    async fn clear_attention(
        &self,
        user_id: UserId,
        id: TransactionId,
    ) -> Result<(Transaction, Option<String>), StoreError>;

    /// A transaction.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn transaction(
        &self,
        user_id: UserId,
        id: TransactionId,
    ) -> Result<Transaction, StoreError>;

    /// The transaction of a provider's object, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    async fn transaction_of(
        &self,
        provider: Provider,
        reference: String,
    ) -> Result<Option<Transaction>, StoreError>;

    /// At most `limit` transactions, newest first, those that come after one in that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn transactions(
        &self,
        filter: TransactionFilter,
        after: Option<TransactionId>,
        limit: i64,
    ) -> Result<Vec<Transaction>, StoreError>;

    /// The refunds of a payment, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    async fn refunds(
        &self,
        user_id: UserId,
        payment: TransactionId,
    ) -> Result<Vec<Transaction>, StoreError>;

    /// Notes a webhook of a provider, once however often it comes, and has the charge it is about
    /// looked at soon.
    ///
    /// # Errors
    /// When the database fails.
    async fn note_webhook(
        &self,
        provider: Provider,
        event_id: String,
        event_type: String,
        charge: Option<String>,
    ) -> Result<(), StoreError>;

    /// Keeps what a user agreed to while they save a method: it goes to the next that is saved.
    ///
    /// # Errors
    /// When the database fails.
    async fn promise_consents(&self, user_id: UserId, consents: Consents)
    -> Result<(), StoreError>;

    /// At most `limit` users whose invoices are to be collected now.
    ///
    /// # Errors
    /// When the database fails.
    async fn users_to_collect_from(&self, limit: i64) -> Result<Vec<UserId>, StoreError>;

    /// Begins to collect what a user's invoices ask for, by a transaction with the id given. Does
    /// nothing when it is no longer the user's turn, such as when another server was faster.
    ///
    /// # Errors
    /// When the database fails.
    async fn begin_collection(&self, user_id: UserId, id: TransactionId) -> Result<(), StoreError>;

    /// Puts collecting a user's invoices off by an hour, because it cannot be done now.
    ///
    /// # Errors
    /// When the database fails.
    async fn put_off_collection(&self, user_id: UserId) -> Result<(), StoreError>;

    /// Takes at most `limit` transactions whose provider is to be asked again, and puts their
    /// next turn off, so that no other server takes them too.
    ///
    /// # Errors
    /// When the database fails.
    async fn take_due_transactions(&self, limit: i64) -> Result<Vec<Transaction>, StoreError>;

    /// The payments through a provider whose money has arrived in a stretch of time, `from`
    /// included and `until` not.
    ///
    /// # Errors
    /// When the database fails.
    async fn payments_succeeded(
        &self,
        provider: Provider,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Transaction>, StoreError>;

    /// Takes the next day to be swept, at the latest `last`, for an hour, so that no other server
    /// takes it too; `None` when there is none or it is taken. What is not told as swept by then
    /// can be taken again.
    ///
    /// # Errors
    /// When the database fails.
    async fn take_sweep(&self, last: NaiveDate) -> Result<Option<NaiveDate>, StoreError>;

    /// Tells that a day was swept to its end.
    ///
    /// # Errors
    /// When the database fails.
    async fn note_swept(&self, day: NaiveDate) -> Result<(), StoreError>;
}
