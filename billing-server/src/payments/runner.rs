//! Asking providers again what became of what is open, on any number of servers.

use std::time::Duration;

use billing_core::payment::{Transaction, needs_attention};
use tokio::time::{MissedTickBehavior, interval};

use super::{pay, refunds};
use crate::{app::App, error::ApiError};

/// How often it is seen whose turn has come.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many transactions one server looks at at a time; providers are asked one after another.
const AT_ONCE: i64 = 20;
/// What an operator is told of a payment that is not decided for long.
const OPEN_FOR_LONG: &str = "it has been open for a day";

/// Looks at what is due, again and again.
pub(crate) async fn keep_looking(app: &App) {
    if !app.providers().are_there() {
        return std::future::pending().await;
    }
    let mut rounds = interval(INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = look(app).await {
            tracing::warn!(%error, "open payments must wait; trying again later");
        }
    }
}

async fn look(app: &App) -> Result<(), ApiError> {
    loop {
        let due = app.store().take_due_transactions(AT_ONCE).await?;
        if due.is_empty() {
            return Ok(());
        }
        for transaction in due {
            let id = transaction.id;
            // One that cannot be asked about now keeps no other waiting, whose turn is taken too.
            if let Err(error) = look_at(app, transaction).await {
                tracing::warn!(%error, transaction.id = %id, "a payment must wait for its next look");
            }
        }
    }
}

async fn look_at(app: &App, transaction: Transaction) -> Result<(), ApiError> {
    let now = app.now();
    let (user_id, id) = (transaction.user_id.clone(), transaction.id);
    let since = transaction.created_at;
    let reference = transaction.provider_reference.clone();
    if let Some(payment) = transaction.refund_of {
        let payment = app.store().transaction(user_id, payment).await?;
        refunds::advance(app, transaction, payment.provider_reference).await?;
        return Ok(());
    }
    let transaction = match reference.filter(|_| transaction.is_expired(now)) {
        Some(reference) => pay::expire(app, transaction, &reference).await?,
        None => {
            let methods = app.store().payment_methods(user_id.clone()).await?;
            let method = methods
                .into_iter()
                .find(|method| Some(method.id) == transaction.payment_method_id);
            pay::advance(app, transaction, method, true)
                .await?
                .transaction
        }
    };
    let waits = transaction.expires_at.is_some_and(|end| end > now);
    if transaction.status.is_open() && !waits && needs_attention(since, now) {
        let reason = OPEN_FOR_LONG.to_owned();
        app.store().note_attention(user_id, id, reason).await?;
    }
    Ok(())
}
