//! Orders: made, looked at, captured and given up.

use std::slice;

use billing_core::payment::{Charge, ChargeStatus, Decline};
use serde_json::{Value, json};

use super::{
    NAME, PaypalClient,
    charge::{Order, decline_kind},
    http::{Call, object_id},
    money::{USD, usd},
};
use crate::payments::provider::{ChargeOrder, CreatedCharge, Payer, ProviderError};

/// The longest name of an item, in characters.
const LONGEST_NAME: usize = 127;

impl PaypalClient {
    /// Makes an order, which the buyer has to approve.
    pub(super) async fn create_order(
        &self,
        key: &str,
        order: &ChargeOrder,
    ) -> Result<CreatedCharge, ProviderError> {
        let call = Call::post("/v2/checkout/orders".to_owned(), &order_body(order)?)?;
        let order: Order = self.api.send(call.once(key)).await?;
        Ok(CreatedCharge {
            charge: order.charge(self.is_live)?,
            client_secret: None,
        })
    }

    /// An order as it stands.
    pub(super) async fn order(&self, id: &str) -> Result<Order, ProviderError> {
        let path = format!("/v2/checkout/orders/{}", object_id(id)?);
        self.api.send(Call::get(path)).await
    }

    /// An order as it stands, with its latest dispute.
    pub(super) async fn order_as_charge(&self, id: &str) -> Result<Charge, ProviderError> {
        let order = self.order(id).await?;
        let mut charge = order.charge(self.is_live)?;
        if let Some(capture) = order.capture().filter(|capture| capture.has_money()) {
            charge.dispute = self.dispute_of(&capture.id).await?;
        }
        Ok(charge)
    }

    /// Captures an order. PayPal does so only when the buyer has approved, and once; when it does
    /// not, the order itself is asked what that means.
    pub(super) async fn capture(&self, key: &str, id: &str) -> Result<Charge, ProviderError> {
        let path = format!("/v2/checkout/orders/{}/capture", object_id(id)?);
        let call = Call::post(path, &json!({}))?.once(key);
        let (code, message) = match self.api.send::<Order>(call).await {
            Ok(order) => return order.charge(self.is_live),
            Err(ProviderError::Refused { code, message, .. }) => (code, message),
            Err(error) => return Err(error),
        };
        let meaning = match code.as_str() {
            "ORDER_ALREADY_CAPTURED" | "ORDER_NOT_APPROVED" => None,
            "PAYER_ACTION_REQUIRED" => Some(ChargeStatus::NeedsUser(None)),
            _ => Some(ChargeStatus::Declined(decline(code, message)?)),
        };
        let order = self.order(id).await?;
        let charge = order.charge(self.is_live)?;
        Ok(match meaning {
            None => charge,
            Some(ChargeStatus::NeedsUser(_)) => {
                unless_moved(charge, ChargeStatus::NeedsUser(order.approval_page()))
            }
            Some(status) => unless_moved(charge, status),
        })
    }

    /// Gives an order up. PayPal has no call for that: an order with intent CAPTURE moves nothing
    /// unless we capture it, and PayPal forgets it after some hours. So this only looks: an order
    /// without a capture counts as cancelled, also when the buyer has approved it, and whoever
    /// asks must have stored before that it is not captured any more. A capture that is on its way
    /// from here at the same moment is not seen; a later look or the webhook tells of it.
    pub(super) async fn abandon(&self, id: &str) -> Result<Charge, ProviderError> {
        let charge = self.order(id).await?.charge(self.is_live)?;
        Ok(unless_moved(charge, ChargeStatus::Cancelled))
    }
}

/// A charge with a status, unless money has moved or may still move.
fn unless_moved(charge: Charge, status: ChargeStatus) -> Charge {
    match charge.status {
        ChargeStatus::Ready | ChargeStatus::NeedsUser(_) => Charge { status, ..charge },
        _ => charge,
    }
}

/// The decline that a refusal is, or the refusal as an error.
fn decline(code: String, message: String) -> Result<Decline, ProviderError> {
    match decline_kind(&code) {
        Some(kind) => Ok(Decline {
            code,
            message,
            kind,
        }),
        None => Err(ProviderError::Refused {
            provider: NAME,
            code,
            message,
        }),
    }
}

/// The body that makes an order. Its total is its item's, to the cent.
fn order_body(order: &ChargeOrder) -> Result<Value, ProviderError> {
    let Payer::Approves {
        return_url,
        cancel_url,
    } = &order.payer
    else {
        return Err(ProviderError::Refused {
            provider: NAME,
            code: "NO_SAVED_METHODS".to_owned(),
            message: "a buyer has to approve each order at PayPal".to_owned(),
        });
    };
    let amount = json!({ "currency_code": USD, "value": usd(order.amount)? });
    let transaction = order.transaction.to_string();
    let name: String = order.description.chars().take(LONGEST_NAME).collect();
    let item = json!({
        "name": name,
        "quantity": "1",
        "category": "DIGITAL_GOODS",
        "unit_amount": amount,
    });
    let unit = json!({
        "custom_id": transaction,
        "invoice_id": transaction,
        "items": slice::from_ref(&item),
        "amount": {
            "currency_code": USD,
            "value": amount.get("value"),
            "breakdown": { "item_total": amount },
        },
    });
    Ok(json!({
        "intent": "CAPTURE",
        "purchase_units": slice::from_ref(&unit),
        "payment_source": { "paypal": { "experience_context": {
            "return_url": return_url,
            "cancel_url": cancel_url,
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
        } } },
    }))
}
