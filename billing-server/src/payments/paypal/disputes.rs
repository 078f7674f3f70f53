//! A buyer's disputes about a capture.

use billing_core::payment::{Dispute, DisputeState};
use serde::Deserialize;

use super::{
    PaypalClient,
    http::{Call, object_id},
    money::Amount,
};
use crate::payments::provider::ProviderError;

#[derive(Deserialize)]
struct Disputes {
    #[serde(default)]
    items: Vec<Listed>,
}

/// A dispute as the list shows it.
#[derive(Deserialize)]
struct Listed {
    dispute_id: String,
    create_time: String,
}

/// A dispute as it shows itself.
#[derive(Deserialize)]
struct Shown {
    dispute_id: String,
    status: String,
    dispute_life_cycle_stage: Option<String>,
    dispute_amount: Amount,
    dispute_outcome: Option<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    outcome_code: Option<String>,
}

impl PaypalClient {
    /// The latest dispute about a capture. `None` also when the app may not see disputes, which
    /// is a permission of its own at PayPal: payments go on without it.
    pub(super) async fn dispute_of(&self, capture: &str) -> Result<Option<Dispute>, ProviderError> {
        let query = vec![("disputed_transaction_id", capture.to_owned())];
        let call = Call::get("/v1/customer/disputes".to_owned()).query(query);
        let list: Disputes = match self.api.send(call).await {
            Err(ProviderError::Refused { code, message, .. }) => {
                tracing::warn!(code, message, "PayPal does not show disputes");
                return Ok(None);
            }
            list => list?,
        };
        // Times are all written alike, so that their texts are ordered as they are.
        let latest = list.items.into_iter().max_by(|a, b| {
            let order = a.create_time.cmp(&b.create_time);
            order.then_with(|| a.dispute_id.cmp(&b.dispute_id))
        });
        let Some(latest) = latest else {
            return Ok(None);
        };
        let path = format!("/v1/customer/disputes/{}", object_id(&latest.dispute_id)?);
        let shown: Shown = self.api.send(Call::get(path)).await?;
        let outcome = shown
            .dispute_outcome
            .and_then(|outcome| outcome.outcome_code);
        Ok(Some(Dispute {
            reference: shown.dispute_id,
            amount: shown.dispute_amount.money()?,
            state: state(
                &shown.status,
                shown.dispute_life_cycle_stage.as_deref(),
                outcome.as_deref(),
            ),
        }))
    }
}

/// Where a dispute stands. One that is resolved in a way that is not known stays open, so that an
/// operator looks.
fn state(status: &str, stage: Option<&str>, outcome: Option<&str>) -> DisputeState {
    match (status, outcome) {
        ("RESOLVED", Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED")) => DisputeState::Lost,
        // With a payout PayPal bears the loss itself. Without a decision nothing is taken.
        (
            "RESOLVED",
            Some(
                "RESOLVED_SELLER_FAVOUR"
                | "RESOLVED_WITH_PAYOUT"
                | "CANCELED_BY_BUYER"
                | "DENIED"
                | "NONE",
            ),
        ) => DisputeState::Won,
        _ if stage == Some("INQUIRY") => DisputeState::Inquiry,
        _ => DisputeState::Open,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("OPEN", "INQUIRY", None, DisputeState::Inquiry)]
    #[case("OPEN", "CHARGEBACK", None, DisputeState::Open)]
    #[case("WAITING_FOR_SELLER_RESPONSE", "CHARGEBACK", None, DisputeState::Open)]
    #[case("UNDER_REVIEW", "ARBITRATION", None, DisputeState::Open)]
    #[case(
        "RESOLVED",
        "CHARGEBACK",
        Some("RESOLVED_SELLER_FAVOUR"),
        DisputeState::Won
    )]
    #[case(
        "RESOLVED",
        "CHARGEBACK",
        Some("RESOLVED_BUYER_FAVOUR"),
        DisputeState::Lost
    )]
    #[case(
        "RESOLVED",
        "INQUIRY",
        Some("RESOLVED_BUYER_FAVOUR"),
        DisputeState::Lost
    )]
    #[case(
        "RESOLVED",
        "CHARGEBACK",
        Some("RESOLVED_WITH_PAYOUT"),
        DisputeState::Won
    )]
    #[case("RESOLVED", "INQUIRY", Some("CANCELED_BY_BUYER"), DisputeState::Won)]
    #[case("RESOLVED", "CHARGEBACK", Some("ACCEPTED"), DisputeState::Lost)]
    #[case("RESOLVED", "CHARGEBACK", Some("DENIED"), DisputeState::Won)]
    #[case("RESOLVED", "CHARGEBACK", Some("SOMETHING_NEW"), DisputeState::Open)]
    #[case("RESOLVED", "CHARGEBACK", None, DisputeState::Open)]
    fn a_dispute_stands_by_its_stage_and_outcome(
        #[case] status: &str,
        #[case] stage: &str,
        #[case] outcome: Option<&str>,
        #[case] expected: DisputeState,
    ) {
        assert_eq!(state(status, Some(stage), outcome), expected);
    }
}
