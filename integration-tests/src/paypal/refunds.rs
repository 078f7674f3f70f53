//! Captures shown by themselves, and refunds.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    answers::{Answer, Step, only, text},
    orders::show_capture,
    state::{CaptureState, Refund, State, read_usd, shown, usd},
};

/// Gives back a part of a capture, never more than is left of it.
pub(super) fn create(state: &mut State, capture: &str, body: &Value) -> Step<String> {
    only(
        body,
        &["amount", "custom_id", "invoice_id", "note_to_payer"],
    )?;
    let custom_id = match body.get("custom_id") {
        Some(_) => Some(text(body, "custom_id", 127)?.to_owned()),
        None => None,
    };
    let amount = body.get("amount");
    let amount = amount.map(read_usd).transpose()?;
    check_disputes(state, capture, amount)?;
    add(state, capture, amount, custom_id)
}

/// No part is given back while the buyer disputes, and nothing of what a dispute has taken.
fn check_disputes(state: &mut State, capture: &str, amount: Option<Decimal>) -> Step<()> {
    let whole = state.capture(capture)?.1.amount;
    let is_part = amount.is_some_and(|amount| amount != whole);
    let mut about = state
        .disputes
        .values()
        .filter(|dispute| dispute.capture == capture);
    let refusal = about.find_map(|dispute| match dispute.outcome {
        None if is_part => Some("TRANSACTION_DISPUTED"),
        Some("RESOLVED_BUYER_FAVOUR") => Some("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"),
        _ => None,
    });
    refusal.map_or(Ok(()), |issue| Err(Answer::unprocessable(issue)))
}

/// Adds a refund; of all that is left, if no amount is given.
pub(super) fn add(
    state: &mut State,
    capture: &str,
    amount: Option<Decimal>,
    custom_id: Option<String>,
) -> Step<String> {
    let (id, now) = (state.next_id("REF"), state.now);
    let status = match state.refunds_stay_pending {
        true => "PENDING",
        false => "COMPLETED",
    };
    let (_, capture) = state.capture(capture)?;
    match capture.state {
        CaptureState::Completed => {}
        CaptureState::Pending => return Err(Answer::unprocessable("PENDING_CAPTURE")),
        CaptureState::Declined => return Err(Answer::unprocessable("REFUND_NOT_ALLOWED")),
    }
    let left = capture.amount.saturating_sub(capture.refunded());
    if left.is_zero() {
        return Err(Answer::unprocessable("CAPTURE_FULLY_REFUNDED"));
    }
    let amount = amount.unwrap_or(left);
    if amount > left {
        return Err(Answer::unprocessable("REFUND_AMOUNT_EXCEEDED"));
    }
    capture.refunds.push(Refund {
        id: id.clone(),
        created_at: now,
        amount,
        custom_id,
        status,
    });
    Ok(id)
}

/// A refund as it is shown: all of it, or little.
pub(super) fn show(state: &mut State, id: &str, is_whole: bool) -> Step<Value> {
    let base = state.base.clone();
    let (capture, refund) = state.refund(id)?;
    let value = show_refund(&base, &capture, refund);
    if is_whole {
        return Ok(value);
    }
    let (id, status, links) = (value.get("id"), value.get("status"), value.get("links"));
    Ok(json!({ "id": id, "status": status, "links": links }))
}

pub(super) fn show_refund(base: &str, capture: &str, refund: &Refund) -> Value {
    let id = &refund.id;
    let mut value = json!({
        "id": id,
        "status": refund.status,
        "amount": usd(refund.amount),
        "create_time": shown(refund.created_at),
        "links": [
            { "href": format!("{base}/v2/payments/refunds/{id}"), "rel": "self",
              "method": "GET" },
            { "href": format!("{base}/v2/payments/captures/{capture}"), "rel": "up",
              "method": "GET" },
        ],
    });
    if let (Some(object), Some(custom_id)) = (value.as_object_mut(), &refund.custom_id) {
        object.insert("custom_id".to_owned(), json!(custom_id));
    }
    value
}

/// A capture as it shows itself.
pub(super) fn capture(state: &mut State, id: &str) -> Step<Value> {
    let (order, _) = state.capture(id)?;
    let order = state.order(&order)?;
    let capture = order.captures.iter().find(|capture| capture.id == id);
    let capture = capture.ok_or_else(Answer::not_found)?;
    Ok(show_capture(order, capture))
}
