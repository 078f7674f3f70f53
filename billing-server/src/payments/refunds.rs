//! Giving payments back, and finding what was given back at the provider's own site.

use billing_core::{
    account::RefundOrder,
    ids::{TransactionId, UserId},
    money::Money,
    payment::{Charge, Failure, RefundReport, Step, Transaction, provider_key, refund_attempt},
};

use super::provider::{self, ProviderClient, ProviderError};
use crate::{app::App, error::ApiError};

/// Begins a refund and takes it as far as it comes.
///
/// # Errors
/// When the rules refuse it, the provider is not configured or the database fails.
pub(crate) async fn refund(
    app: &App,
    user_id: UserId,
    payment: TransactionId,
    order: RefundOrder,
) -> Result<Transaction, ApiError> {
    let begun = app.store().begin_refund(user_id, payment, order).await?;
    let (refund, payment) = begun;
    if !refund.status.is_open() {
        return Ok(refund);
    }
    advance(app, refund, payment.provider_reference).await
}

/// Takes an open refund on; `charge` is the provider's id of what it gives back.
///
/// # Errors
/// As [`refund`].
pub(super) async fn advance(
    app: &App,
    refund: Transaction,
    charge: Option<String>,
) -> Result<Transaction, ApiError> {
    let client = app.providers().get(refund.provider)?;
    let (Some(payment), Some(charge)) = (refund.refund_of, charge) else {
        return Ok(refund);
    };
    let told = match &refund.provider_reference {
        Some(reference) => client.refund_report(reference).await,
        None => made(app, client, &refund, charge).await,
    };
    let user_id = refund.user_id.clone();
    match told {
        Ok(report) => {
            let new = app.ids().transaction();
            let followed = app.store().follow_refund(user_id, payment, report, new);
            Ok(followed.await?)
        }
        Err(ProviderError::Refused { code, message, .. }) => {
            let failure = Failure { code, message };
            Ok(app
                .store()
                .refuse_payment(user_id, refund.id, failure)
                .await?)
        }
        Err(error) => {
            tracing::warn!(%error, transaction.id = %refund.id, "a refund stays open");
            Ok(refund)
        }
    }
}

/// The refund at the provider. One that was made before is found by its own id, also after its key
/// has ended.
async fn made(
    app: &App,
    client: &dyn ProviderClient,
    refund: &Transaction,
    charge: String,
) -> Result<RefundReport, ProviderError> {
    let made = client.refunds_of(&charge).await?;
    if let Some(report) = made.into_iter().find(|report| refund.is_told_by(report)) {
        return Ok(report);
    }
    let attempt = refund_attempt(refund.created_at, app.now());
    let attempt = attempt.ok_or_else(|| ProviderError::Running(refund.provider.name()))?;
    let order = provider::RefundOrder {
        transaction: refund.id,
        charge,
        amount: refund.amount,
    };
    let key = provider_key(refund.id, Step::Refund, attempt);
    client.refund(&key, &order).await
}

/// Takes in refunds of a payment that nobody has asked this service for.
///
/// # Errors
/// When the database fails.
pub(super) async fn find(
    app: &App,
    payment: &Transaction,
    charge: &Charge,
) -> Result<(), ApiError> {
    // Before money has moved there is nothing to give back, and nothing to read.
    if charge.refunded == Money::ZERO && !payment.status.has_succeeded() {
        return Ok(());
    }
    let (user_id, id) = (payment.user_id.clone(), payment.id);
    let known = app.store().refunds(user_id.clone(), id).await?;
    if !payment.misses_refunds(charge, &known)? {
        return Ok(());
    }
    let client = app.providers().get(payment.provider)?;
    let reports = match client.refunds_of(&charge.reference).await {
        Ok(reports) => reports,
        Err(error) => {
            tracing::warn!(%error, transaction.id = %id, "refunds at the provider are not known");
            return Ok(());
        }
    };
    for report in reports {
        let new = app.ids().transaction();
        let followed = app.store().follow_refund(user_id.clone(), id, report, new);
        followed.await?;
    }
    Ok(())
}
