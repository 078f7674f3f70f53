//! Asking providers again what became of what is open, on any number of servers.

use std::time::Duration;

use billing_core::{
    ids::UserId,
    payment::{Transaction, needs_attention},
};
use futures_util::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval};

use super::{pay, refunds};
use crate::{app::App, error::ApiError};

/// How often it is seen whose turn has come.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many transactions, or users whose invoices are collected, one server takes at a time.
const TAKEN: i64 = 32;
/// How many of them it asks the provider about at once. A charge takes two calls of some hundred
/// milliseconds, so this stays below the hundred calls a second that providers take.
const AT_ONCE: usize = 8;
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

/// Begins to collect the invoices whose turn has come, and looks at every transaction that is due.
/// What goes wrong with one keeps no other waiting.
async fn look(app: &App) -> Result<(), ApiError> {
    loop {
        let users = app.store().users_to_collect_from(TAKEN).await?;
        for user_id in users {
            collect(app, user_id).await?;
        }
        let due = app.store().take_due_transactions(TAKEN).await?;
        if due.is_empty() {
            return Ok(());
        }
        let looks = stream::iter(due).map(|transaction| async move {
            let id = transaction.id;
            if let Err(error) = look_at(app, transaction).await {
                tracing::warn!(%error, transaction.id = %id, "a payment must wait for its next look");
            }
        });
        looks.buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}

/// Begins to collect a user's invoices, or puts that off when it cannot be done.
async fn collect(app: &App, user_id: UserId) -> Result<(), ApiError> {
    let id = app.ids().transaction();
    let begun = app.store().begin_collection(user_id.clone(), id).await;
    if let Err(error) = begun {
        tracing::warn!(%error, user.id = %user_id, "invoices cannot be collected; in an hour again");
        app.store().put_off_collection(user_id).await?;
    }
    Ok(())
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
    let transaction = match reference {
        Some(reference) if transaction.is_expired(now) => {
            pay::expire(app, transaction, &reference).await?
        }
        Some(_) => {
            pay::advance(app, transaction, None, true)
                .await?
                .transaction
        }
        // Only a charge that is still to be made needs the method.
        None => {
            let methods = app.store().payment_methods(user_id.clone()).await?;
            let mut methods = methods.into_iter();
            let method = methods.find(|method| Some(method.id) == transaction.payment_method_id);
            let paid = pay::advance(app, transaction, method, true).await?;
            paid.transaction
        }
    };
    let waits = transaction.expires_at.is_some_and(|end| end > now);
    if transaction.status.is_open() && !waits && needs_attention(since, now) {
        let reason = OPEN_FOR_LONG.to_owned();
        app.store().note_attention(user_id, id, reason).await?;
    }
    Ok(())
}
