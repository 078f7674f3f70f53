//! What the world outside does: banks, buyers, and somebody at Stripe's own site. All of it fails
//! the test when it makes no sense, such as settling what is not on its way.

use super::{
    FakeStripe,
    error::Refusal,
    state::{Behaviour, Dispute, Intent, Metadata, Method, State},
};

/// Fails the test with what Stripe would have answered.
fn sensible<T>(result: Result<T, Refusal>) -> T {
    result.unwrap_or_else(|refusal| panic!("{}", refusal.answer().body))
}

fn is_at(state: &State, intent: &str, status: &str) {
    assert_eq!(sensible(state.intent(intent)).status, status, "{intent}");
}

impl FakeStripe {
    /// The clock, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.shared.state().now
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        let mut state = self.shared.state();
        state.now = state.now.saturating_add(seconds);
    }

    /// A new method of a customer.
    #[must_use]
    pub fn add_method(&self, customer: &str, behaviour: Behaviour) -> String {
        let mut state = self.shared.state();
        sensible(state.known_customer(customer));
        let id = state.id("pm");
        let customer = Some(customer.to_owned());
        let method = Method {
            customer,
            behaviour,
        };
        state.methods.insert(id.clone(), method);
        id
    }

    /// The user ends a setup with a new method.
    ///
    /// # Panics
    /// When there is no such setup.
    #[must_use]
    pub fn finish_setup(&self, setup: &str, behaviour: Behaviour) -> String {
        let customer = self.shared.state().setups.remove(setup);
        let customer = customer.expect("the setup has begun and not ended");
        self.add_method(&customer, behaviour)
    }

    /// From now on a method does something else.
    ///
    /// # Panics
    /// When there is no such method.
    pub fn behave(&self, method: &str, behaviour: Behaviour) {
        let mut state = self.shared.state();
        let method = state.methods.get_mut(method);
        method.expect("there is such a method").behaviour = behaviour;
    }

    /// Somebody takes a method from its customer, at Stripe's own site.
    pub fn detach(&self, method: &str) {
        sensible(self.shared.state().detach_method(method));
    }

    /// What was on its way arrives.
    ///
    /// # Panics
    /// When it was not on its way.
    pub fn settle(&self, intent: &str) {
        let mut state = self.shared.state();
        is_at(&state, intent, "processing");
        sensible(state.succeed(intent));
    }

    /// What was on its way does not arrive.
    ///
    /// # Panics
    /// When it was not on its way.
    pub fn fail(&self, intent: &str, decline_code: &str) {
        let mut state = self.shared.state();
        is_at(&state, intent, "processing");
        sensible(state.decline(intent, decline_code, None));
    }

    /// The user authenticates, and the money arrives.
    ///
    /// # Panics
    /// When nobody asked the user to.
    pub fn authenticate(&self, intent: &str) {
        let mut state = self.shared.state();
        is_at(&state, intent, "requires_action");
        sensible(state.succeed(intent));
    }

    /// A payment that was made without us, in any currency.
    #[must_use]
    pub fn pay_elsewhere(&self, amount: i64, currency: &str) -> String {
        let mut state = self.shared.state();
        let id = state.id("pi");
        let created = state.now;
        state.intents.push(Intent {
            id: id.clone(),
            amount,
            currency: currency.to_owned(),
            status: "processing",
            created,
            customer: None,
            method: None,
            description: None,
            metadata: Metadata::new(),
            needs_return_url: false,
            error: None,
            next_action: None,
            attempt: None,
        });
        sensible(state.succeed(&id));
        id
    }

    /// Somebody gives money back at Stripe's own site.
    pub fn refund(&self, intent: &str, amount: i64) -> String {
        let mut state = self.shared.state();
        sensible(state.give_back(intent, amount, Metadata::new()))
    }

    /// Whether new refunds are on their way at first.
    pub fn let_refunds_pend(&self, pend: bool) {
        self.shared.state().refunds_pend = pend;
    }

    /// A refund that was on its way arrives.
    pub fn settle_refund(&self, refund: &str) {
        self.end_refund(refund, "succeeded", None);
    }

    /// A refund fails, also one that had succeeded.
    pub fn fail_refund(&self, refund: &str, reason: &str) {
        self.end_refund(refund, "failed", Some(reason.to_owned()));
    }

    fn end_refund(&self, refund: &str, status: &'static str, failure: Option<String>) {
        let mut state = self.shared.state();
        let found = state.refunds.iter_mut().find(|it| it.id == refund);
        let found = found.expect("there is such a refund");
        assert_ne!(found.status, "failed", "{refund} has failed already");
        found.status = status;
        found.failure = failure;
        state.tell("refund.updated", refund);
        if status == "failed" {
            state.tell("refund.failed", refund);
        }
    }

    /// The payer's bank takes the money back until it is settled; an inquiry takes none.
    #[must_use]
    pub fn dispute(&self, intent: &str, is_inquiry: bool) -> String {
        let mut state = self.shared.state();
        is_at(&state, intent, "succeeded");
        let amount = sensible(state.intent(intent)).amount;
        let (id, created) = (state.id("dp"), state.now);
        state.disputes.push(Dispute {
            id: id.clone(),
            intent: intent.to_owned(),
            amount,
            created,
            status: if is_inquiry {
                "warning_needs_response"
            } else {
                "needs_response"
            },
        });
        state.tell("charge.dispute.created", &id);
        id
    }

    /// An inquiry becomes a dispute that takes the money.
    pub fn escalate_dispute(&self, dispute: &str) {
        self.move_dispute(dispute, "needs_response", "charge.dispute.funds_withdrawn");
    }

    /// The payer's bank decides for us, or for the payer.
    pub fn close_dispute(&self, dispute: &str, is_won: bool) {
        let status = if is_won { "won" } else { "lost" };
        self.move_dispute(dispute, status, "charge.dispute.closed");
    }

    fn move_dispute(&self, dispute: &str, status: &'static str, event: &str) {
        let mut state = self.shared.state();
        let found = state.disputes.iter_mut().find(|it| it.id == dispute);
        found.expect("there is such a dispute").status = status;
        state.tell(event, dispute);
    }
}
