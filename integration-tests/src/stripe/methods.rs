//! Customers, and their methods.

use serde_json::{Value, json};

use super::{
    error::Refusal,
    params::Params,
    render,
    state::{Method, State},
};

impl State {
    pub(super) fn create_customer(&mut self, params: &Params) -> Value {
        let (id, metadata) = (self.id("cus"), params.metadata());
        let shown = json!({
            "id": id, "object": "customer", "created": self.now, "livemode": false,
            "metadata": metadata,
        });
        self.customers.insert(id, metadata);
        shown
    }

    pub(super) fn create_setup(&mut self, params: &Params) -> Result<Value, Refusal> {
        let customer = params.need("customer")?;
        self.known_customer(customer)?;
        let usage = params.get("usage").unwrap_or("off_session");
        if !["off_session", "on_session"].contains(&usage) {
            let message = format!("Invalid usage: {usage}");
            return Err(Refusal::parameter("parameter_invalid", "usage", message));
        }
        let id = self.id("seti");
        let shown = json!({
            "id": id, "object": "setup_intent", "created": self.now, "livemode": false,
            "customer": customer, "usage": usage, "status": "requires_payment_method",
            "client_secret": render::client_secret(&id), "payment_method_types": ["card"],
        });
        self.setups.insert(id, customer.to_owned());
        Ok(shown)
    }

    pub(super) fn show_method(&self, id: &str) -> Result<Value, Refusal> {
        let method = self.methods.get(id);
        method
            .map(|method| render::method(id, method))
            .ok_or_else(|| Refusal::not_found("PaymentMethod", id))
    }

    pub(super) fn detach_method(&mut self, id: &str) -> Result<Value, Refusal> {
        let missing = || Refusal::not_found("PaymentMethod", id);
        let method = self.methods.get_mut(id).ok_or_else(missing)?;
        if method.customer.take().is_none() {
            let message = "The payment method you provided is not attached to a customer so \
                           detachment is impossible.";
            return Err(Refusal::invalid(None, message.to_owned()));
        }
        self.tell("payment_method.detached", id);
        self.show_method(id)
    }

    pub(super) fn known_customer(&self, id: &str) -> Result<(), Refusal> {
        if self.customers.contains_key(id) {
            return Ok(());
        }
        Err(Refusal::missing("customer", id))
    }

    /// A method, which must be the customer's.
    pub(super) fn method_of(&self, customer: Option<&str>, id: &str) -> Result<&Method, Refusal> {
        let method = self.methods.get(id);
        let method = method.ok_or_else(|| Refusal::missing("payment_method", id))?;
        if method.customer.is_none() || method.customer.as_deref() != customer {
            let message = format!(
                "The customer does not have a payment method with the ID {id}. The payment method \
                 must be attached to the customer."
            );
            let code = "resource_missing";
            return Err(Refusal::parameter(code, "payment_method", message));
        }
        Ok(method)
    }
}
