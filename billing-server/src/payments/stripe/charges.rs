//! Charges: PaymentIntents that are made, confirmed and looked at.

use billing_core::{
    ids::TransactionId,
    payment::{Charge, ChargeStatus, Dispute, DisputeState},
};
use chrono::{DateTime, Utc};

use super::{
    Stripe, amount, cents,
    decline::decline,
    http::refused,
    objects::{List, PaymentIntent, StripeCharge, StripeDispute},
    time,
};
use crate::payments::provider::{ChargeOrder, ClientSecret, CreatedCharge, Payer, ProviderError};

/// Stripe's word for something that is too late, or too early, for an intent as it stands.
const UNEXPECTED_STATE: &str = "payment_intent_unexpected_state";
/// Where our own id is kept with an object.
pub(super) const TRANSACTION: &str = "transaction_id";
/// The same, as a parameter.
pub(super) const TRANSACTION_PARAM: &str = "metadata[transaction_id]";
/// Has an intent answered with what its latest attempt did to our balance.
const EXPAND: (&str, &str) = ("expand[]", "latest_charge.balance_transaction");
/// The same, of each intent of a list.
const EXPAND_LIST: (&str, &str) = ("expand[]", "data.latest_charge.balance_transaction");

impl Stripe {
    pub(super) async fn create_intent(
        &self,
        key: &str,
        order: &ChargeOrder,
    ) -> Result<CreatedCharge, ProviderError> {
        let Payer::Saved { customer, method } = &order.payer else {
            return Err(refused("payer_invalid", "only saved methods are charged"));
        };
        let cents = cents(order.amount)?;
        let transaction = order.transaction.to_string();
        let params = [
            ("amount", cents.as_str()),
            ("currency", "usd"),
            ("customer", customer),
            ("payment_method", method),
            ("description", &order.description),
            (TRANSACTION_PARAM, &transaction),
            ("confirm", "false"),
            // Whatever kind the saved method is, as long as no page of another is needed for it.
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
            EXPAND,
        ];
        let mut intent: PaymentIntent = self.http.post(key, &["payment_intents"], &params).await?;
        let client_secret = intent.client_secret.take().map(ClientSecret);
        Ok(CreatedCharge {
            charge: self.charge_of(intent).await?,
            client_secret,
        })
    }

    pub(super) async fn confirm_intent(
        &self,
        key: &str,
        reference: &str,
        off_session: bool,
    ) -> Result<Charge, ProviderError> {
        let off_session = if off_session { "true" } else { "false" };
        let path = ["payment_intents", reference, "confirm"];
        let params = [("off_session", off_session), EXPAND];
        let intent = match self.http.post::<PaymentIntent>(key, &path, &params).await {
            Ok(intent) => intent,
            Err(failure) => *failure.declined.ok_or(failure.error)?,
        };
        self.charge_of(intent).await
    }

    pub(super) async fn intent(&self, reference: &str) -> Result<Charge, ProviderError> {
        let path = ["payment_intents", reference];
        let intent = self.http.get(&path, &[EXPAND]).await?;
        self.charge_of(intent).await
    }

    pub(super) async fn cancel_intent(
        &self,
        key: &str,
        reference: &str,
    ) -> Result<Charge, ProviderError> {
        let path = ["payment_intents", reference, "cancel"];
        let answer: Result<PaymentIntent, ProviderError> = self
            .http
            .post(key, &path, &[EXPAND])
            .await
            .map_err(Into::into);
        match answer {
            Ok(intent) => self.charge_of(intent).await,
            Err(ProviderError::Refused { code, .. }) if code == UNEXPECTED_STATE => {
                self.intent(reference).await
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn intents_made(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charge>, ProviderError> {
        let (from, until) = (whole_second(from), whole_second(until));
        let params = [
            ("created[gte]", from.as_str()),
            ("created[lt]", &until),
            EXPAND_LIST,
        ];
        let of = |intent: &PaymentIntent| intent.id.clone();
        let intents = self.http.list(&["payment_intents"], &params, of).await?;
        let mut charges = Vec::with_capacity(intents.len());
        for intent in intents {
            charges.push(self.charge_of(intent).await?);
        }
        Ok(charges)
    }

    /// An intent in words that all providers share. Its disputes are asked for if there are any.
    async fn charge_of(&self, intent: PaymentIntent) -> Result<Charge, ProviderError> {
        let attempt = latest_charge(&intent);
        let dispute = if attempt.is_some_and(|attempt| attempt.disputed) {
            self.latest_dispute(&intent.id).await?
        } else {
            None
        };
        charge(intent, dispute)
    }

    pub(super) async fn latest_dispute(
        &self,
        intent: &str,
    ) -> Result<Option<Dispute>, ProviderError> {
        let params = [("payment_intent", intent), ("limit", "1")];
        let disputes: List<StripeDispute> = self.http.get(&["disputes"], &params).await?;
        disputes.data.into_iter().next().map(dispute).transpose()
    }
}

/// The first whole second that is not before a time: objects are made at whole seconds.
fn whole_second(at: DateTime<Utc>) -> String {
    let seconds = at.timestamp();
    let part = i64::from(at.timestamp_subsec_nanos() > 0);
    seconds.saturating_add(part).to_string()
}

fn latest_charge(intent: &PaymentIntent) -> Option<&StripeCharge> {
    intent.latest_charge.as_ref()?.object()
}

/// An intent and its dispute as a charge.
fn charge(intent: PaymentIntent, dispute: Option<Dispute>) -> Result<Charge, ProviderError> {
    let currency = intent.currency.as_str();
    let attempt = latest_charge(&intent);
    let balance = attempt
        .and_then(|attempt| attempt.balance_transaction.as_ref()?.object())
        // A fee in another currency is no part of this charge.
        .filter(|balance| balance.currency == currency);
    let units = if intent.status == "succeeded" {
        intent.amount_received
    } else {
        intent.amount
    };
    let refunded = attempt.map_or(0, |attempt| attempt.amount_refunded);
    let fee = balance.map(|balance| amount(balance.fee, currency));
    let transaction = intent.metadata.get(TRANSACTION);
    Ok(Charge {
        transaction: transaction.and_then(|id| TransactionId::parse(id).ok()),
        amount: amount(units, currency)?,
        refunded: amount(refunded, currency)?,
        fee: fee.transpose()?,
        currency: currency.to_uppercase(),
        status: status(&intent),
        dispute,
        is_live: intent.livemode,
        created_at: time(intent.created)?,
        reference: intent.id,
    })
}

/// What became of an intent. One in a state that is not known yet counts as on its way: it is asked
/// for again, and an operator comes to see it.
fn status(intent: &PaymentIntent) -> ChargeStatus {
    match intent.status.as_str() {
        "succeeded" => ChargeStatus::Succeeded,
        "canceled" => ChargeStatus::Cancelled,
        "requires_confirmation" => ChargeStatus::Ready,
        "requires_action" => ChargeStatus::NeedsUser(approval_url(intent)),
        "requires_payment_method" => match &intent.last_payment_error {
            Some(error) => ChargeStatus::Declined(decline(error)),
            None => ChargeStatus::NeedsUser(None),
        },
        _ => ChargeStatus::Processing,
    }
}

fn approval_url(intent: &PaymentIntent) -> Option<String> {
    let action = intent.next_action.as_ref()?;
    action.redirect_to_url.as_ref()?.url.clone()
}

fn dispute(dispute: StripeDispute) -> Result<Dispute, ProviderError> {
    Ok(Dispute {
        amount: amount(dispute.amount, &dispute.currency)?,
        state: dispute_state(&dispute.status),
        reference: dispute.id,
    })
}

/// Where a dispute stands. One in a state that is not known yet counts as open, which freezes what
/// is disputed and loses nothing. One that was prevented never took money.
fn dispute_state(status: &str) -> DisputeState {
    match status {
        "won" => DisputeState::Won,
        "lost" => DisputeState::Lost,
        "prevented" => DisputeState::Inquiry,
        status if status.starts_with("warning_") => DisputeState::Inquiry,
        _ => DisputeState::Open,
    }
}

#[cfg(test)]
mod tests;
