//! What an event of PayPal is about.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::{
    PaypalClient,
    charge::{Link, SupplementaryData, object_above},
};
use crate::payments::provider::{Hint, HintObject, ProviderError, WebhookError};

/// An event whose signature was checked.
#[derive(Deserialize)]
struct Event {
    id: String,
    event_type: String,
    #[serde(default)]
    resource: Value,
}

/// What of an event's object is needed to find the order.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Resource {
    id: Option<String>,
    supplementary_data: Option<SupplementaryData>,
    links: Vec<Link>,
    disputed_transactions: Vec<Disputed>,
}

#[derive(Deserialize)]
struct Disputed {
    /// The capture.
    seller_transaction_id: Option<String>,
}

impl PaypalClient {
    /// What an event is about. Where it names only the capture, PayPal is asked for the order.
    ///
    /// # Errors
    /// [`WebhookError::Forged`] for what is no event; [`WebhookError::Unavailable`] when PayPal
    /// has to be asked and cannot be.
    pub(super) async fn hint(&self, body: &Bytes) -> Result<Hint, WebhookError> {
        let event: Event = serde_json::from_slice(body)
            .map_err(|error| WebhookError::Forged(format!("it is no event: {error}")))?;
        let about = match About::of(&event) {
            About::This(object) => object,
            About::OrderOfCapture(capture) => match self.order_of_capture(&capture).await {
                Ok(Some(order)) => HintObject::Charge(order),
                Ok(None) | Err(ProviderError::NotFound(_)) => HintObject::Other,
                Err(error) => return Err(WebhookError::Unavailable(error.to_string())),
            },
        };
        Ok(Hint {
            event_id: event.id,
            event_type: event.event_type,
            about,
            // Signatures cover the webhook's id, so it is of the app whose keys we have.
            is_live: self.is_live,
        })
    }
}

/// What an event says of its object.
#[derive(Debug, PartialEq, Eq)]
enum About {
    This(HintObject),
    OrderOfCapture(String),
}

impl About {
    fn of(event: &Event) -> Self {
        // An object that cannot be read names nothing.
        let resource = Resource::deserialize(&event.resource).unwrap_or_default();
        let found = match event.event_type.as_str() {
            "PAYMENT.CAPTURE.REFUNDED" => resource.refund(),
            kind if kind.starts_with("PAYMENT.REFUND.") => resource.refund(),
            kind if kind.starts_with("CHECKOUT.ORDER.") => {
                resource.id.map(HintObject::Charge).map(Self::This)
            }
            kind if kind.starts_with("PAYMENT.CAPTURE.") => resource.order(),
            kind if kind.starts_with("CUSTOMER.DISPUTE.") => {
                let mut disputed = resource.disputed_transactions.into_iter();
                let capture = disputed.find_map(|disputed| disputed.seller_transaction_id);
                capture.map(Self::OrderOfCapture)
            }
            _ => None,
        };
        found.unwrap_or(Self::This(HintObject::Other))
    }
}

impl Resource {
    fn refund(self) -> Option<About> {
        self.id.map(HintObject::Refund).map(About::This)
    }

    /// The order of a capture, or of what has a capture above it, as a reversal.
    fn order(self) -> Option<About> {
        let order = self.supplementary_data.and_then(SupplementaryData::order);
        if let Some(order) = order {
            return Some(About::This(HintObject::Charge(order)));
        }
        let above = self.links.iter().find(|link| link.rel == "up");
        let is_capture = above.is_some_and(|link| link.href.contains("/captures/"));
        let capture = is_capture.then(|| object_above(&self.links)).flatten();
        let capture = capture.map(str::to_owned).or(self.id)?;
        Some(About::OrderOfCapture(capture))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ORDER: &str = r#"{"id":"O1"}"#;
    const CAPTURE: &str = r#"{"id":"C1","supplementary_data":{"related_ids":{"order_id":"O1"}}}"#;
    const BARE_CAPTURE: &str = r#"{"id":"C1"}"#;
    const REVERSAL: &str =
        r#"{"id":"R1","links":[{"rel":"up","href":"https://x/v2/payments/captures/C1"}]}"#;
    const DISPUTE: &str =
        r#"{"dispute_id":"PP-D-1","disputed_transactions":[{"seller_transaction_id":"C1"}]}"#;

    fn charge() -> About {
        About::This(HintObject::Charge("O1".to_owned()))
    }

    fn of_capture() -> About {
        About::OrderOfCapture("C1".to_owned())
    }

    fn other() -> About {
        About::This(HintObject::Other)
    }

    #[rstest]
    #[case("CHECKOUT.ORDER.APPROVED", ORDER, charge())]
    #[case("CHECKOUT.ORDER.COMPLETED", ORDER, charge())]
    #[case("PAYMENT.CAPTURE.COMPLETED", CAPTURE, charge())]
    #[case("PAYMENT.CAPTURE.PENDING", CAPTURE, charge())]
    #[case("PAYMENT.CAPTURE.DENIED", BARE_CAPTURE, of_capture())]
    #[case("PAYMENT.CAPTURE.REVERSED", REVERSAL, of_capture())]
    #[case("PAYMENT.CAPTURE.REFUNDED", REVERSAL,
        About::This(HintObject::Refund("R1".to_owned())))]
    #[case("PAYMENT.REFUND.FAILED", REVERSAL,
        About::This(HintObject::Refund("R1".to_owned())))]
    #[case("CUSTOMER.DISPUTE.CREATED", DISPUTE, of_capture())]
    #[case("CUSTOMER.DISPUTE.RESOLVED", DISPUTE, of_capture())]
    #[case("CUSTOMER.DISPUTE.CREATED", "{}", other())]
    #[case("CHECKOUT.ORDER.APPROVED", "{}", other())]
    #[case("CHECKOUT.ORDER.APPROVED", "7", other())]
    #[case("BILLING.PLAN.CREATED", ORDER, other())]
    fn an_event_names_what_to_look_at(
        #[case] event_type: &str,
        #[case] resource: &str,
        #[case] about: About,
    ) {
        let event = Event {
            id: "WH-1".to_owned(),
            event_type: event_type.to_owned(),
            resource: serde_json::from_str(resource).unwrap(),
        };
        assert_eq!(About::of(&event), about);
    }
}
