//! The fake's objects as Stripe shows them.

use serde_json::{Value, json};

use super::state::{Dispute, Intent, Method, Refund, State};

/// How much of an intent is shown whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expand {
    Nothing,
    Charge,
    Balance,
}

/// Where an intent's client secret comes from.
pub(super) fn client_secret(id: &str) -> String {
    format!("{id}_secret_fake")
}

pub(super) fn intent(state: &State, intent: &Intent, expand: Expand) -> Value {
    let received = if intent.status == "succeeded" {
        intent.amount
    } else {
        0
    };
    let latest = intent.attempt.as_ref().map(|latest| {
        if expand == Expand::Nothing {
            json!(latest.id)
        } else {
            attempt(state, intent, expand)
        }
    });
    json!({
        "id": intent.id, "object": "payment_intent", "livemode": false,
        "amount": intent.amount, "amount_received": received, "currency": intent.currency,
        "status": intent.status, "created": intent.created, "customer": intent.customer,
        "payment_method": intent.method, "description": intent.description,
        "metadata": intent.metadata, "client_secret": client_secret(&intent.id),
        "capture_method": "automatic_async", "confirmation_method": "automatic",
        "last_payment_error": intent.error, "next_action": intent.next_action,
        "latest_charge": latest,
    })
}

/// The latest attempt at an intent.
pub(super) fn attempt(state: &State, intent: &Intent, expand: Expand) -> Value {
    let Some(attempt) = &intent.attempt else {
        return Value::Null;
    };
    let balance = attempt.is_paid.then(|| {
        let id = format!("txn_{}", attempt.id);
        if expand < Expand::Balance {
            return json!(id);
        }
        json!({
            "id": id, "object": "balance_transaction", "amount": intent.amount,
            "currency": intent.currency, "fee": attempt.fee, "type": "charge",
        })
    });
    let refunded = state.refunded(&intent.id);
    json!({
        "id": attempt.id, "object": "charge", "livemode": false, "amount": intent.amount,
        "amount_refunded": refunded, "refunded": refunded == intent.amount,
        "currency": intent.currency, "disputed": state.is_disputed(&intent.id),
        "paid": attempt.is_paid, "payment_intent": intent.id, "balance_transaction": balance,
        "status": if attempt.is_paid { "succeeded" } else { "failed" },
    })
}

pub(super) fn refund(state: &State, refund: &Refund) -> Value {
    let intent = state.intent(&refund.intent).ok();
    let attempt = intent.and_then(|intent| intent.attempt.as_ref());
    json!({
        "id": refund.id, "object": "refund", "amount": refund.amount, "created": refund.created,
        "currency": intent.map(|intent| &intent.currency), "status": refund.status,
        "failure_reason": refund.failure, "payment_intent": refund.intent,
        "charge": attempt.map(|attempt| &attempt.id), "metadata": refund.metadata,
    })
}

pub(super) fn dispute(state: &State, dispute: &Dispute) -> Value {
    let intent = state.intent(&dispute.intent).ok();
    let attempt = intent.and_then(|intent| intent.attempt.as_ref());
    json!({
        "id": dispute.id, "object": "dispute", "livemode": false, "amount": dispute.amount,
        "currency": intent.map(|intent| &intent.currency), "created": dispute.created,
        "status": dispute.status, "reason": "general", "payment_intent": dispute.intent,
        "charge": attempt.map(|attempt| &attempt.id), "metadata": {},
    })
}

pub(super) fn method(id: &str, method: &Method) -> Value {
    json!({
        "id": id, "object": "payment_method", "livemode": false, "type": "card",
        "customer": method.customer,
        "card": {"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030},
    })
}
