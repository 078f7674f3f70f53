//! Orders: checked, shown and captured.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    CaptureOutcome,
    answers::{Answer, Step, exactly, only, text},
    refunds,
    state::{Capture, CaptureState, Order, State, read_usd, shown, usd},
};

/// Makes an order.
pub(super) fn create(state: &mut State, body: &Value) -> Step<String> {
    only(body, &["intent", "purchase_units", "payment_source"])?;
    exactly(body, "intent", "CAPTURE")?;
    check_source(body.get("payment_source").unwrap_or(&Value::Null))?;
    let units = body.get("purchase_units").and_then(Value::as_array);
    let [unit] = units.map(Vec::as_slice).unwrap_or_default() else {
        return Err(Answer::invalid("INVALID_ARRAY_LENGTH"));
    };
    let amount = check_unit(unit)?;
    let invoice = unit.get("invoice_id");
    let is_paid = |order: &Order| !order.captures.is_empty();
    let mut others = state.orders.values().filter(|order| is_paid(order));
    if invoice.is_some() && others.any(|order| order.unit.get("invoice_id") == invoice) {
        return Err(Answer::unprocessable("DUPLICATE_INVOICE_ID"));
    }
    let order = Order {
        id: state.next_id("ORD"),
        created_at: state.now,
        approved_at: None,
        is_void: false,
        needs_payer: false,
        unit: unit.clone(),
        amount,
        captures: Vec::new(),
    };
    let id = order.id.clone();
    state.orders.insert(id.clone(), order);
    Ok(id)
}

fn check_source(source: &Value) -> Step<()> {
    only(source, &["paypal"])?;
    let wallet = source.get("paypal").unwrap_or(&Value::Null);
    only(wallet, &["experience_context"])?;
    let context = wallet.get("experience_context").unwrap_or(&Value::Null);
    let fields = [
        "return_url",
        "cancel_url",
        "user_action",
        "shipping_preference",
    ];
    only(context, &fields)?;
    exactly(context, "user_action", "PAY_NOW")?;
    exactly(context, "shipping_preference", "NO_SHIPPING")?;
    for url in ["return_url", "cancel_url"] {
        if !text(context, url, 4_000)?.starts_with("http") {
            return Err(Answer::invalid("INVALID_PARAMETER_SYNTAX"));
        }
    }
    Ok(())
}

fn check_unit(unit: &Value) -> Step<Decimal> {
    only(unit, &["custom_id", "invoice_id", "items", "amount"])?;
    text(unit, "custom_id", 255)?;
    text(unit, "invoice_id", 127)?;
    let amount = unit.get("amount").unwrap_or(&Value::Null);
    only(amount, &["currency_code", "value", "breakdown"])?;
    let breakdown = amount.get("breakdown").unwrap_or(&Value::Null);
    only(breakdown, &["item_total"])?;
    let total = read_usd(amount)?;
    let item_total = read_usd(breakdown.get("item_total").unwrap_or(&Value::Null))?;
    if total != item_total {
        return Err(Answer::unprocessable("AMOUNT_MISMATCH"));
    }
    let mut items = Decimal::ZERO;
    for item in unit
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        items = items.saturating_add(check_item(item)?);
    }
    if items != item_total {
        return Err(Answer::unprocessable("ITEM_TOTAL_MISMATCH"));
    }
    Ok(total)
}

fn check_item(item: &Value) -> Step<Decimal> {
    only(item, &["name", "quantity", "category", "unit_amount"])?;
    text(item, "name", 127)?;
    exactly(item, "category", "DIGITAL_GOODS")?;
    let quantity: u32 = text(item, "quantity", 10)?
        .parse()
        .map_err(|_| Answer::invalid("INVALID_PARAMETER_SYNTAX"))?;
    let price = read_usd(item.get("unit_amount").unwrap_or(&Value::Null))?;
    Ok(price.saturating_mul(quantity.into()))
}

/// Takes an order's money, if the buyer has approved, once.
pub(super) fn capture(state: &mut State, id: &str, body: &Value) -> Step<()> {
    only(body, &["payment_source"])?;
    let order = state.order(id)?;
    if !order.captures.is_empty() {
        return Err(Answer::unprocessable("ORDER_ALREADY_CAPTURED"));
    }
    if order.status() != "APPROVED" {
        return Err(Answer::unprocessable("ORDER_NOT_APPROVED"));
    }
    let outcome = state.captures_to_come.pop_front().unwrap_or_default();
    let taken = match outcome {
        CaptureOutcome::Completed => CaptureState::Completed,
        CaptureOutcome::Pending => CaptureState::Pending,
        CaptureOutcome::Declined => CaptureState::Declined,
        CaptureOutcome::Refused(issue) => {
            let order = state.order(id)?;
            order.needs_payer = issue == "PAYER_ACTION_REQUIRED";
            return Err(Answer::unprocessable(issue));
        }
    };
    let (capture, now) = (state.next_id("CAP"), state.now);
    let order = state.order(id)?;
    order.captures.push(Capture {
        id: capture,
        created_at: now,
        amount: order.amount,
        state: taken,
        refunds: Vec::new(),
    });
    Ok(())
}

/// An order as it is shown: all of it, or little.
pub(super) fn show(state: &mut State, id: &str, is_whole: bool) -> Step<Value> {
    let base = state.base.clone();
    let order = &*state.order(id)?;
    let links = json!([
        { "href": format!("{base}/v2/checkout/orders/{id}"), "rel": "self", "method": "GET" },
        { "href": format!("{base}/checkoutnow?token={id}"), "rel": "payer-action",
          "method": "GET" },
    ]);
    if !is_whole {
        return Ok(json!({ "id": id, "status": order.status(), "links": links }));
    }
    let mut unit = order.unit.clone();
    let captures = order.captures.iter();
    let captures: Vec<Value> = captures
        .map(|capture| show_capture(order, capture))
        .collect();
    let refunds = order.captures.iter().flat_map(|capture| {
        let refunds = capture.refunds.iter();
        refunds.map(|refund| refunds::show_refund(&base, &capture.id, refund))
    });
    let refunds: Vec<Value> = refunds.collect();
    if let Some(unit) = unit.as_object_mut() {
        unit.insert("reference_id".to_owned(), json!("default"));
        if !captures.is_empty() {
            let payments = json!({ "captures": captures, "refunds": refunds });
            unit.insert("payments".to_owned(), payments);
        }
    }
    Ok(json!({
        "id": id,
        "intent": "CAPTURE",
        "status": order.status(),
        "create_time": shown(order.created_at),
        "purchase_units": [unit],
        "links": links,
    }))
}

/// A capture as it is shown. The fee is known when the money is there.
pub(super) fn show_capture(order: &Order, capture: &Capture) -> Value {
    let mut value = json!({
        "id": capture.id,
        "status": capture.status(),
        "amount": usd(capture.amount),
        "custom_id": order.custom_id(),
        "final_capture": true,
        "create_time": shown(capture.created_at),
        "supplementary_data": { "related_ids": { "order_id": order.id } },
    });
    let more = match capture.state {
        CaptureState::Completed => {
            let fee = fee(capture.amount);
            let breakdown = json!({
                "gross_amount": usd(capture.amount),
                "paypal_fee": usd(fee),
                "net_amount": usd(capture.amount.saturating_sub(fee)),
            });
            ("seller_receivable_breakdown", breakdown)
        }
        CaptureState::Pending => ("status_details", json!({ "reason": "PENDING_REVIEW" })),
        CaptureState::Declined => {
            let reason = "DECLINED_BY_RISK_FRAUD_FILTERS";
            ("status_details", json!({ "reason": reason }))
        }
    };
    if let Some(object) = value.as_object_mut() {
        object.insert(more.0.to_owned(), more.1);
    }
    value
}

/// 3.49 % and 0.49, cut off after the cent.
pub(super) fn fee(amount: Decimal) -> Decimal {
    let part = amount.saturating_mul(Decimal::new(349, 4));
    let fee = part.saturating_add(Decimal::new(49, 2));
    fee.trunc_with_scale(2).min(amount)
}
