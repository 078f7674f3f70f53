//! Refunds of an order's capture.

use billing_core::payment::RefundReport;
use serde_json::json;

use super::{
    NAME, PaypalClient,
    charge::{Capture, Refund, SupplementaryData, object_above},
    http::{Call, object_id},
    money::{USD, usd},
};
use crate::payments::provider::{ProviderError, RefundOrder};

impl PaypalClient {
    /// Gives back a part of an order. PayPal never gives back more than was captured.
    pub(super) async fn refund_capture(
        &self,
        key: &str,
        order: &RefundOrder,
    ) -> Result<RefundReport, ProviderError> {
        let charged = self.order(&order.charge).await?;
        let capture = charged.capture().ok_or_else(|| ProviderError::Refused {
            provider: NAME,
            code: "NOT_CAPTURED".to_owned(),
            message: "the order has no money to give back".to_owned(),
        })?;
        let path = format!("/v2/payments/captures/{}/refund", object_id(&capture.id)?);
        let body = json!({
            "amount": { "currency_code": USD, "value": usd(order.amount)? },
            "custom_id": order.transaction.to_string(),
        });
        let refund: Refund = self.api.send(Call::post(path, &body)?.once(key)).await?;
        refund.report(Some(order.charge.clone()))
    }

    /// A refund as it stands. It knows its capture, and only that knows its order.
    pub(super) async fn one_refund(&self, id: &str) -> Result<RefundReport, ProviderError> {
        let path = format!("/v2/payments/refunds/{}", object_id(id)?);
        let refund: Refund = self.api.send(Call::get(path)).await?;
        let order = match object_above(&refund.links) {
            Some(capture) => self.order_of_capture(capture).await?,
            None => None,
        };
        refund.report(order)
    }

    /// All refunds of an order, those of PayPal's own site too.
    pub(super) async fn refunds_of_order(
        &self,
        id: &str,
    ) -> Result<Vec<RefundReport>, ProviderError> {
        let order = self.order(id).await?;
        let units = order.purchase_units.iter();
        let refunds = units.flat_map(|unit| &unit.payments.refunds);
        refunds
            .map(|refund| refund.report(Some(order.id.clone())))
            .collect()
    }

    /// The order that a capture belongs to, if it belongs to one.
    pub(super) async fn order_of_capture(&self, id: &str) -> Result<Option<String>, ProviderError> {
        let path = format!("/v2/payments/captures/{}", object_id(id)?);
        let capture: Capture = self.api.send(Call::get(path)).await?;
        Ok(capture
            .supplementary_data
            .and_then(SupplementaryData::order))
    }
}
