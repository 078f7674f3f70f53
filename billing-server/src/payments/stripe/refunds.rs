//! Refunds: what is given back, by us or at Stripe's own site.

use billing_core::{
    ids::TransactionId,
    payment::{RefundReport, RefundStatus},
};

use super::{
    Stripe, amount, cents,
    charges::{TRANSACTION, TRANSACTION_PARAM},
    objects::StripeRefund,
    time,
};
use crate::payments::provider::{ProviderError, RefundOrder};

/// Why a refund failed, when Stripe does not say.
const UNKNOWN: &str = "unknown";

impl Stripe {
    pub(super) async fn create_refund(
        &self,
        key: &str,
        order: &RefundOrder,
    ) -> Result<RefundReport, ProviderError> {
        let (cents, transaction) = (cents(order.amount)?, order.transaction.to_string());
        let params = [
            ("payment_intent", order.charge.as_str()),
            ("amount", &cents),
            (TRANSACTION_PARAM, &transaction),
        ];
        report(self.http.post(key, &["refunds"], &params).await?)
    }

    pub(super) async fn one_refund(&self, reference: &str) -> Result<RefundReport, ProviderError> {
        report(self.http.get(&["refunds", reference], &[]).await?)
    }

    pub(super) async fn all_refunds(
        &self,
        intent: &str,
    ) -> Result<Vec<RefundReport>, ProviderError> {
        let of = |refund: &StripeRefund| refund.id.clone();
        let refunds = self
            .http
            .list(&["refunds"], &[("payment_intent", intent)], of)
            .await?;
        refunds.into_iter().map(report).collect()
    }
}

/// A refund in words that all providers share.
fn report(refund: StripeRefund) -> Result<RefundReport, ProviderError> {
    let transaction = refund.metadata.as_ref();
    let transaction = transaction.and_then(|metadata| metadata.get(TRANSACTION));
    let charge = refund.payment_intent.as_ref();
    Ok(RefundReport {
        charge: charge.map(|intent| intent.id().to_owned()),
        transaction: transaction.and_then(|id| TransactionId::parse(id).ok()),
        amount: amount(refund.amount, &refund.currency)?,
        currency: refund.currency.to_uppercase(),
        status: status(&refund),
        created_at: time(refund.created)?,
        reference: refund.id,
    })
}

/// What became of a refund. One in a state that is not known yet counts as on its way.
fn status(refund: &StripeRefund) -> RefundStatus {
    match refund.status.as_deref() {
        Some("succeeded") => RefundStatus::Succeeded,
        Some(end @ ("failed" | "canceled")) => {
            let unsaid = if end == "failed" { UNKNOWN } else { end };
            let reason = refund.failure_reason.as_deref().unwrap_or(unsaid);
            RefundStatus::Failed(reason.to_owned())
        }
        _ => RefundStatus::Pending,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn refund(status: Option<&str>, reason: Option<&str>) -> RefundReport {
        let refund = json!({
            "id": "re_1", "amount": 150, "currency": "usd", "created": 1_700_000_000,
            "status": status, "failure_reason": reason, "payment_intent": {"id": "pi_1"},
            "metadata": null,
        });
        report(serde_json::from_value(refund).unwrap()).unwrap()
    }

    #[rstest]
    #[case(Some("succeeded"), None, RefundStatus::Succeeded)]
    #[case(Some("pending"), None, RefundStatus::Pending)]
    #[case(Some("requires_action"), None, RefundStatus::Pending)]
    #[case(None, None, RefundStatus::Pending)]
    #[case(Some("a_state_of_tomorrow"), None, RefundStatus::Pending)]
    #[case(Some("failed"), None, RefundStatus::Failed("unknown".to_owned()))]
    #[case(Some("canceled"), None, RefundStatus::Failed("canceled".to_owned()))]
    #[case(Some("failed"), Some("expired_or_canceled_card"),
        RefundStatus::Failed("expired_or_canceled_card".to_owned()))]
    fn a_refunds_state_is_told(
        #[case] status: Option<&str>,
        #[case] reason: Option<&str>,
        #[case] told: RefundStatus,
    ) {
        assert_eq!(refund(status, reason).status, told);
    }

    #[test]
    fn a_refund_of_stripes_own_site_has_no_transaction() {
        let refund = refund(Some("succeeded"), None);
        assert_eq!(refund.transaction, None);
        assert_eq!(refund.charge.as_deref(), Some("pi_1"));
        assert_eq!(refund.amount.to_string(), "1.5");
        assert_eq!(refund.currency, "USD");
    }
}
