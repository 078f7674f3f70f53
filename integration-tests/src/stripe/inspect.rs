//! What tests compare: what was really charged, and for what.

use super::{
    FakeStripe,
    state::{Intent, State},
};

/// An intent as a test sees it. Amounts are in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenIntent {
    /// Its id.
    pub id: String,
    /// Its status, as Stripe names it.
    pub status: &'static str,
    /// Its customer.
    pub customer: Option<String>,
    /// What the payer reads.
    pub description: Option<String>,
    /// What it is over.
    pub amount: i64,
    /// What was paid.
    pub received: i64,
    /// What of it was given back, or is on its way back.
    pub refunded: i64,
}

fn received(intent: &Intent) -> i64 {
    if intent.status == "succeeded" {
        intent.amount
    } else {
        0
    }
}

fn seen(state: &State, intent: &Intent) -> SeenIntent {
    SeenIntent {
        id: intent.id.clone(),
        status: intent.status,
        customer: intent.customer.clone(),
        description: intent.description.clone(),
        amount: intent.amount,
        received: received(intent),
        refunded: state.refunded(&intent.id),
    }
}

impl FakeStripe {
    /// What a customer has really paid, in cents.
    #[must_use]
    pub fn charged_to(&self, customer: &str) -> i64 {
        let state = self.shared.state();
        let theirs = |intent: &&Intent| intent.customer.as_deref() == Some(customer);
        state.intents.iter().filter(theirs).map(received).sum()
    }

    /// What all have really paid in USD, in cents.
    #[must_use]
    pub fn charged(&self) -> i64 {
        let state = self.shared.state();
        let dollars = |intent: &&Intent| intent.currency == "usd";
        state.intents.iter().filter(dollars).map(received).sum()
    }

    /// All intents, oldest first.
    #[must_use]
    pub fn intents(&self) -> Vec<SeenIntent> {
        let state = self.shared.state();
        state.intents.iter().map(|it| seen(&state, it)).collect()
    }

    /// The intents that were made for a transaction, by its id as the API shows it.
    #[must_use]
    pub fn intents_of(&self, transaction: &str) -> Vec<SeenIntent> {
        let state = self.shared.state();
        let made_for = |it: &&Intent| {
            let id = it.metadata.get("transaction_id");
            id.is_some_and(|id| id == transaction)
        };
        let intents = state.intents.iter().filter(made_for);
        intents.map(|it| seen(&state, it)).collect()
    }

    /// The user id that a customer was made for.
    #[must_use]
    pub fn user_of(&self, customer: &str) -> Option<String> {
        let state = self.shared.state();
        state.customers.get(customer)?.get("user_id").cloned()
    }
}
