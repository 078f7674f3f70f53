//! Orders that a buyer approves at the provider's own page, as at PayPal. Nobody is charged before
//! that, and nobody who has let the time pass.

use billing_core::{
    ids::UserId,
    payment::{
        ChargeStatus, Failure, Provider, Step, Transaction, TransactionKind, TransactionStatus,
    },
    refusal::Refusal,
};
use billing_store::PaymentOrder;
use chrono::TimeDelta;

use super::{
    pay::{self, Made, Paid, advance, expire, follow, key, refused},
    provider::{Payer, ProviderClient, ProviderError},
};
use crate::{
    app::App,
    error::{ApiError, ErrorCode},
};

/// How long the call that makes an order has. Nobody else can make it: only its caller knows where
/// the buyer goes on, and sends the buyer to the page.
const MADE_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// Begins a payment that the buyer is to approve. A call with the request id of an earlier one
/// answers with that one, and makes its order if there is none yet.
///
/// # Errors
/// When the rules refuse it, the provider is not configured or does not answer, or the database
/// fails.
pub(crate) async fn order(
    app: &App,
    order: PaymentOrder,
    payer: Payer,
) -> Result<Transaction, ApiError> {
    let client = app.providers().get(order.provider)?;
    let transaction = pay::begin(app, order).await?.transaction;
    if !transaction.status.is_open() || transaction.provider_reference.is_some() {
        return Ok(transaction);
    }
    match pay::create(app, client, &transaction, payer).await? {
        Made::Charge(charge, _) => Ok(follow(app, &transaction, charge).await?.transaction),
        Made::Not(transaction) if transaction.status.is_open() => {
            let (id, provider) = (transaction.id, transaction.provider.name());
            let message = format!("transaction \"{id}\": {provider} has made no order yet");
            Err(ApiError::new(
                ErrorCode::PaymentProviderUnavailable,
                message,
            ))
        }
        Made::Not(ended) => Ok(ended),
    }
}

/// Has the money of a user's order moved, if the buyer has approved it. An order of somebody else
/// is not there.
///
/// # Errors
/// When there is no such order, the provider is not configured or the database fails.
pub(crate) async fn capture(
    app: &App,
    user_id: &UserId,
    provider: Provider,
    order: String,
) -> Result<Paid, ApiError> {
    app.providers().get(provider)?;
    let found = app.store().transaction_of(provider, order.clone()).await?;
    let own = found.filter(|of| of.user_id == *user_id && of.kind != TransactionKind::Refund);
    let transaction = own.ok_or(Refusal::TransactionNotFound(order.clone()))?;
    let transaction = if transaction.is_expired(app.now()) {
        expire(app, transaction, &order).await?
    } else if transaction.status.is_open() {
        return advance(app, transaction, None, false).await;
    } else {
        transaction
    };
    Ok(Paid {
        transaction,
        client_secret: None,
    })
}

/// Gives up a transaction whose order the call that began it has not made. If there is one at the
/// provider all the same, it is never captured.
///
/// # Errors
/// When the database fails.
pub(super) async fn not_made(app: &App, transaction: &Transaction) -> Result<Made, ApiError> {
    let age = app.now().signed_duration_since(transaction.created_at);
    if age < MADE_WITHIN {
        return Ok(Made::Not(transaction.clone()));
    }
    let failure = Failure {
        code: "order_not_made".to_owned(),
        message: format!("{} has made no order", transaction.provider.name()),
    };
    refused(app, transaction, failure).await
}

/// Whether a transaction waits for its buyer, so that the provider may forget the order.
pub(super) fn waits(client: &dyn ProviderClient, transaction: &Transaction) -> bool {
    client.saved_methods().is_none() && transaction.status == TransactionStatus::RequiresAction
}

/// Ends a transaction whose buyer has let the time pass. No provider ends an order, so it is stored
/// first that nobody captures it any more. Then a capture is looked for that was on its way.
///
/// # Errors
/// When the database fails.
pub(super) async fn lapse(
    app: &App,
    client: &dyn ProviderClient,
    transaction: Transaction,
    reference: &str,
) -> Result<Transaction, ApiError> {
    match client.charge(reference).await {
        Ok(charge) => match charge.status {
            ChargeStatus::Ready | ChargeStatus::NeedsUser(_) => {}
            _ => return Ok(follow(app, &transaction, charge).await?.transaction),
        },
        Err(ProviderError::NotFound(_)) => {}
        Err(error) => {
            tracing::warn!(%error, transaction.id = %transaction.id, "an order is not ended yet");
            return Ok(transaction);
        }
    }
    let key = key(app, &transaction, Step::Cancel);
    let (user_id, id) = (transaction.user_id, transaction.id);
    let lapsed = app.store().lapse_payment(user_id, id).await?;
    match client.cancel_charge(&key, reference).await {
        Ok(charge) => Ok(follow(app, &lapsed, charge).await?.transaction),
        // Webhooks tell if there is more to know of it.
        Err(_) => Ok(lapsed),
    }
}
