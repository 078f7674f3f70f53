//! What the fake keeps.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{
    error::Refusal,
    faults::{Endpoint, Fault},
    keys::Keys,
    render,
};

/// What a method does when it is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Pays at once.
    Pays,
    /// Is on its way until [`super::FakeStripe::settle`] or [`super::FakeStripe::fail`].
    PaysLater,
    /// Is declined.
    Declines {
        /// The issuer's code, such as `insufficient_funds`.
        decline_code: String,
        /// The issuer's advice, such as `do_not_try_again`.
        advice_code: Option<String>,
    },
    /// Wants the user: declined while they are away, else waits for
    /// [`super::FakeStripe::authenticate`].
    WantsUser,
}

impl Behaviour {
    /// Declines with a code and no advice.
    #[must_use]
    pub fn declines(decline_code: &str) -> Self {
        Self::Declines {
            decline_code: decline_code.to_owned(),
            advice_code: None,
        }
    }
}

pub(super) type Metadata = BTreeMap<String, String>;

pub(super) struct Method {
    pub(super) customer: Option<String>,
    pub(super) behaviour: Behaviour,
}

pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) fee: i64,
    pub(super) is_paid: bool,
}

pub(super) struct Intent {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) created: i64,
    pub(super) customer: Option<String>,
    pub(super) method: Option<String>,
    pub(super) description: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) needs_return_url: bool,
    pub(super) error: Option<Value>,
    pub(super) next_action: Option<Value>,
    pub(super) attempt: Option<Attempt>,
}

pub(super) struct Refund {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) created: i64,
    pub(super) status: &'static str,
    pub(super) failure: Option<String>,
    pub(super) metadata: Metadata,
}

pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) created: i64,
    pub(super) status: &'static str,
}

pub(super) struct State {
    pub(super) now: i64,
    pub(super) keys: Keys,
    pub(super) customers: HashMap<String, Metadata>,
    pub(super) methods: HashMap<String, Method>,
    /// The customer of each.
    pub(super) setups: HashMap<String, String>,
    /// Oldest first, as all that follow.
    pub(super) intents: Vec<Intent>,
    pub(super) refunds: Vec<Refund>,
    pub(super) disputes: Vec<Dispute>,
    pub(super) events: Vec<Value>,
    pub(super) faults: Vec<(Endpoint, Fault)>,
    pub(super) calls: Vec<Endpoint>,
    /// Whether new refunds are on their way at first.
    pub(super) refunds_pend: bool,
    made: u64,
}

impl State {
    pub(super) fn new(now: i64) -> Self {
        Self {
            now,
            keys: Keys::default(),
            customers: HashMap::new(),
            methods: HashMap::new(),
            setups: HashMap::new(),
            intents: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            events: Vec::new(),
            faults: Vec::new(),
            calls: Vec::new(),
            refunds_pend: false,
            made: 0,
        }
    }

    /// A new id, such as `pi_7`.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.made = self.made.saturating_add(1);
        format!("{prefix}_{}", self.made)
    }

    /// The next fault of an endpoint.
    pub(super) fn take_fault(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let place = self.faults.iter().position(|(at, _)| *at == endpoint)?;
        Some(self.faults.remove(place).1)
    }

    pub(super) fn intent(&self, id: &str) -> Result<&Intent, Refusal> {
        let found = self.intents.iter().find(|intent| intent.id == id);
        found.ok_or_else(|| Refusal::not_found("payment_intent", id))
    }

    pub(super) fn intent_mut(&mut self, id: &str) -> Result<&mut Intent, Refusal> {
        let found = self.intents.iter_mut().find(|intent| intent.id == id);
        found.ok_or_else(|| Refusal::not_found("payment_intent", id))
    }

    /// What was given back of an intent, by refunds that did not fail.
    pub(super) fn refunded(&self, intent: &str) -> i64 {
        let given = |refund: &&Refund| refund.intent == intent && refund.status != "failed";
        self.refunds.iter().filter(given).map(|it| it.amount).sum()
    }

    /// Whether there ever was a dispute about an intent.
    pub(super) fn is_disputed(&self, intent: &str) -> bool {
        self.disputes.iter().any(|dispute| dispute.intent == intent)
    }

    /// The object with an id as it stands.
    pub(super) fn object(&self, id: &str) -> Option<Value> {
        let intent = self.intents.iter().find(|it| it.id == id);
        let refund = self.refunds.iter().find(|it| it.id == id);
        let dispute = self.disputes.iter().find(|it| it.id == id);
        let method = self.methods.get(id);
        let attempt = |it: &&Intent| it.attempt.as_ref().is_some_and(|of| of.id == id);
        let attempt = self.intents.iter().find(attempt);
        None.or_else(|| intent.map(|it| render::intent(self, it, render::Expand::Nothing)))
            .or_else(|| attempt.map(|it| render::attempt(self, it, render::Expand::Nothing)))
            .or_else(|| refund.map(|it| render::refund(self, it)))
            .or_else(|| dispute.map(|it| render::dispute(self, it)))
            .or_else(|| method.map(|it| render::method(id, it)))
    }

    /// Keeps an event about an object as it stands; of one that is not there only the id is told.
    pub(super) fn tell(&mut self, kind: &str, object: &str) {
        let id = self.id("evt");
        let object = self.object(object).unwrap_or_else(|| json!({"id": object}));
        self.events.push(json!({
            "id": id, "object": "event", "api_version": super::API_VERSION, "created": self.now,
            "type": kind, "livemode": false, "pending_webhooks": 1,
            "request": {"id": null, "idempotency_key": null}, "data": {"object": object},
        }));
    }
}
