//! Refunds.

use serde_json::Value;

use super::{
    error::Refusal,
    params::Params,
    render,
    state::{Metadata, Refund, State},
};

impl State {
    pub(super) fn create_refund(&mut self, params: &Params) -> Result<Value, Refusal> {
        let intent = params.need("payment_intent")?;
        let missing = |_| Refusal::missing("payment_intent", intent);
        let paid = self.intent(intent).map_err(missing)?.amount;
        let amount = match params.number("amount")? {
            Some(amount) => amount,
            None => paid.saturating_sub(self.refunded(intent)),
        };
        let id = self.give_back(intent, amount, params.metadata())?;
        self.show_refund(&id)
    }

    pub(super) fn show_refund(&self, id: &str) -> Result<Value, Refusal> {
        let refund = self.refunds.iter().find(|refund| refund.id == id);
        refund
            .map(|refund| render::refund(self, refund))
            .ok_or_else(|| Refusal::not_found("refund", id))
    }

    /// Makes a refund of a part of what was paid.
    pub(super) fn give_back(
        &mut self,
        intent: &str,
        amount: i64,
        metadata: Metadata,
    ) -> Result<String, Refusal> {
        let paid = self.intent(intent)?;
        if paid.status != "succeeded" {
            let message =
                format!("This PaymentIntent ({intent}) does not have a successful charge.");
            let code = Some("payment_intent_unexpected_state");
            return Err(Refusal::invalid(code, message));
        }
        let left = paid.amount.saturating_sub(self.refunded(intent));
        self.check_refund(intent, amount, left)?;
        let id = self.id("re");
        self.refunds.push(Refund {
            id: id.clone(),
            intent: intent.to_owned(),
            amount,
            created: self.now,
            status: if self.refunds_pend {
                "pending"
            } else {
                "succeeded"
            },
            failure: None,
            metadata,
        });
        self.tell("refund.created", &id);
        let attempt = self.intent(intent)?.attempt.as_ref();
        if let Some(attempt) = attempt.map(|attempt| attempt.id.clone()) {
            self.tell("charge.refunded", &attempt);
        }
        Ok(id)
    }

    fn check_refund(&self, intent: &str, amount: i64, left: i64) -> Result<(), Refusal> {
        let taken = ["needs_response", "under_review", "lost"];
        let mut disputes = self.disputes.iter();
        if disputes.any(|it| it.intent == intent && taken.contains(&it.status)) {
            let message = "This charge has been charged back and can't be refunded.".to_owned();
            return Err(Refusal::invalid(Some("charge_disputed"), message));
        }
        if left == 0 {
            let message = "The charge has already been refunded.".to_owned();
            return Err(Refusal::invalid(Some("charge_already_refunded"), message));
        }
        if amount < 1 || amount > left {
            let message =
                format!("Refund amount ({amount}) is greater than unrefunded amount ({left})");
            return Err(Refusal::parameter(
                "parameter_invalid_integer",
                "amount",
                message,
            ));
        }
        Ok(())
    }
}
