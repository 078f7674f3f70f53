//! PaymentIntents.

use serde_json::{Value, json};

use super::{
    error::Refusal,
    faults::Endpoint,
    params::Params,
    render,
    state::{Attempt, Behaviour, Intent, State},
};

/// The least that is charged, in cents of USD.
const LEAST: i64 = 50;
/// The most that is charged, in cents of USD.
const MOST: i64 = 99_999_999;
/// States in which an intent may be cancelled.
const OPEN: [&str; 3] = [
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
];

/// What Stripe keeps of a payment: 2.9 % and 0.30.
fn fee(amount: i64) -> i64 {
    let per_mille = amount.saturating_mul(29).saturating_add(500) / 1_000;
    per_mille.saturating_add(30)
}

/// The error of a payment that was declined.
pub(super) fn card_error(decline_code: &str, advice_code: Option<&str>) -> Value {
    let code = match decline_code {
        own @ ("authentication_required" | "expired_card" | "incorrect_number") => own,
        _ => "card_declined",
    };
    json!({
        "type": "card_error", "code": code, "decline_code": decline_code,
        "advice_code": advice_code, "message": "Your card was declined.",
    })
}

impl State {
    pub(super) fn create_intent(&mut self, params: &Params) -> Result<Value, Refusal> {
        params.need("amount")?;
        let amount = params.number("amount")?.unwrap_or_default();
        let currency = params.need("currency")?;
        check_amount(amount, currency)?;
        if params.flag("confirm")? {
            let message = "the fake confirms only in a call of its own".to_owned();
            return Err(Refusal::parameter("parameter_invalid", "confirm", message));
        }
        let customer = params.get("customer");
        if let Some(id) = customer {
            self.known_customer(id)?;
        }
        let method = params.get("payment_method");
        if let Some(id) = method {
            self.method_of(customer, id)?;
        }
        let redirects = params.get("automatic_payment_methods[allow_redirects]");
        let is_automatic = params.flag("automatic_payment_methods[enabled]")?;
        let id = self.id("pi");
        self.intents.push(Intent {
            id: id.clone(),
            amount,
            currency: currency.to_owned(),
            status: match method {
                Some(_) => "requires_confirmation",
                None => "requires_payment_method",
            },
            created: self.now,
            customer: customer.map(str::to_owned),
            method: method.map(str::to_owned),
            description: params.get("description").map(str::to_owned),
            metadata: params.metadata(),
            needs_return_url: is_automatic && redirects != Some("never"),
            error: None,
            next_action: None,
            attempt: None,
        });
        self.tell("payment_intent.created", &id);
        self.show_intent(&id, Endpoint::CreateIntent, params)
    }

    pub(super) fn show_intent(
        &self,
        id: &str,
        endpoint: Endpoint,
        params: &Params,
    ) -> Result<Value, Refusal> {
        let expand = params.expand(endpoint)?;
        Ok(render::intent(self, self.intent(id)?, expand))
    }

    pub(super) fn confirm_intent(&mut self, id: &str, params: &Params) -> Result<Value, Refusal> {
        let off_session = params.flag("off_session")?;
        let intent = self.intent(id)?;
        let may = ["requires_confirmation", "requires_payment_method"];
        if !may.contains(&intent.status) {
            return Err(self.unexpected_state(id, "confirm"));
        }
        let method = params.get("payment_method").or(intent.method.as_deref());
        let Some(method) = method.map(str::to_owned) else {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment \
                           method.";
            let code = Some("payment_intent_unexpected_state");
            return Err(Refusal::invalid(code, message.to_owned()));
        };
        if intent.needs_return_url && params.get("return_url").is_none() {
            let message = "This PaymentIntent needs a `return_url`.".to_owned();
            return Err(Refusal::parameter(
                "parameter_missing",
                "return_url",
                message,
            ));
        }
        let customer = intent.customer.as_deref();
        let behaviour = self.method_of(customer, &method)?.behaviour.clone();
        self.intent_mut(id)?.method = Some(method);
        match behaviour {
            Behaviour::Pays => self.succeed(id)?,
            Behaviour::PaysLater => self.go_to(id, "processing", "payment_intent.processing")?,
            Behaviour::WantsUser if !off_session => {
                let intent = self.intent_mut(id)?;
                intent.next_action = Some(json!({"type": "use_stripe_sdk", "use_stripe_sdk": {}}));
                self.go_to(id, "requires_action", "payment_intent.requires_action")?;
            }
            Behaviour::WantsUser => {
                return Err(self.decline(id, "authentication_required", None)?);
            }
            Behaviour::Declines {
                decline_code,
                advice_code,
            } => return Err(self.decline(id, &decline_code, advice_code.as_deref())?),
        }
        self.show_intent(id, Endpoint::ConfirmIntent, params)
    }

    pub(super) fn cancel_intent(&mut self, id: &str, params: &Params) -> Result<Value, Refusal> {
        if !OPEN.contains(&self.intent(id)?.status) {
            return Err(self.unexpected_state(id, "cancel"));
        }
        self.go_to(id, "canceled", "payment_intent.canceled")?;
        self.show_intent(id, Endpoint::CancelIntent, params)
    }

    /// The money arrives.
    pub(super) fn succeed(&mut self, id: &str) -> Result<(), Refusal> {
        let attempt = self.id("ch");
        let intent = self.intent_mut(id)?;
        intent.attempt = Some(Attempt {
            id: attempt.clone(),
            fee: fee(intent.amount),
            is_paid: true,
        });
        intent.error = None;
        self.go_to(id, "succeeded", "payment_intent.succeeded")?;
        self.tell("charge.succeeded", &attempt);
        Ok(())
    }

    /// The money does not arrive. Answers what the caller is told.
    pub(super) fn decline(
        &mut self,
        id: &str,
        decline_code: &str,
        advice_code: Option<&str>,
    ) -> Result<Refusal, Refusal> {
        let attempt = self.id("ch");
        let error = card_error(decline_code, advice_code);
        let intent = self.intent_mut(id)?;
        intent.attempt = Some(Attempt {
            id: attempt,
            fee: 0,
            is_paid: false,
        });
        intent.error = Some(error.clone());
        intent.method = None;
        let status = "requires_payment_method";
        self.go_to(id, status, "payment_intent.payment_failed")?;
        let shown = render::intent(self, self.intent(id)?, render::Expand::Nothing);
        Ok(Refusal::declined(&error, shown))
    }

    pub(super) fn go_to(
        &mut self,
        id: &str,
        status: &'static str,
        event: &str,
    ) -> Result<(), Refusal> {
        let intent = self.intent_mut(id)?;
        intent.status = status;
        if status != "requires_action" {
            intent.next_action = None;
        }
        self.tell(event, id);
        Ok(())
    }

    fn unexpected_state(&self, id: &str, verb: &str) -> Refusal {
        let status = self.intent(id).map_or("gone", |intent| intent.status);
        let message =
            format!("You cannot {verb} this PaymentIntent because it has a status of {status}.");
        Refusal::invalid(Some("payment_intent_unexpected_state"), message)
    }
}

fn check_amount(amount: i64, currency: &str) -> Result<(), Refusal> {
    if currency != "usd" {
        let message = format!("Invalid currency: {currency}");
        return Err(Refusal::parameter("parameter_invalid", "currency", message));
    }
    let (code, message) = if amount < LEAST {
        ("amount_too_small", "Amount must be at least $0.50 usd")
    } else if amount > MOST {
        (
            "amount_too_large",
            "Amount must be no more than $999,999.99",
        )
    } else {
        return Ok(());
    };
    Err(Refusal::parameter(code, "amount", message.to_owned()))
}
