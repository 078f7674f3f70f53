//! What the fake refuses, in Stripe's form.

use serde_json::{Value, json};

/// An answer.
#[derive(Clone)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Value,
}

/// Why a call is refused.
pub(super) struct Refusal {
    status: u16,
    error: Value,
}

impl Refusal {
    /// A call that cannot be done.
    pub(super) fn invalid(code: Option<&str>, message: String) -> Self {
        Self {
            status: 400,
            error: json!({"type": "invalid_request_error", "code": code, "message": message}),
        }
    }

    /// A parameter that is wrong.
    pub(super) fn parameter(code: &str, param: &str, message: String) -> Self {
        let mut refusal = Self::invalid(Some(code), message);
        refusal.set("param", json!(param));
        refusal
    }

    /// An object that is named by a parameter and not there.
    pub(super) fn missing(param: &str, id: &str) -> Self {
        Self::parameter(
            "resource_missing",
            param,
            format!("No such {param}: '{id}'"),
        )
    }

    /// An object that is named by the address and not there.
    pub(super) fn not_found(kind: &str, id: &str) -> Self {
        Self {
            status: 404,
            ..Self::missing(kind, id)
        }
    }

    /// A key that was used for something else.
    pub(super) fn other_use_of_key() -> Self {
        let message = "Keys for idempotent requests can only be used with the same endpoint and \
                       parameters they were first used with.";
        Self {
            status: 400,
            error: json!({"type": "idempotency_error", "message": message}),
        }
    }

    /// A key whose first call has not ended.
    pub(super) fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this key.";
        let mut refusal = Self::invalid(Some("idempotency_key_in_use"), message.to_owned());
        refusal.status = 409;
        refusal
    }

    /// A payment that was declined, with the error and the intent.
    pub(super) fn declined(error: &Value, intent: Value) -> Self {
        let mut refusal = Self {
            status: 402,
            error: error.clone(),
        };
        refusal.set("payment_intent", intent);
        refusal
    }

    /// Without the right key.
    pub(super) fn unauthorised() -> Self {
        let message = "Invalid API Key provided: sk_test_****";
        let mut refusal = Self::invalid(None, message.to_owned());
        refusal.status = 401;
        refusal
    }

    /// Stripe itself is in trouble.
    pub(super) fn internal() -> Self {
        Self {
            status: 500,
            error: json!({"type": "api_error", "message": "An unknown error occurred"}),
        }
    }

    /// Too many calls.
    pub(super) fn too_many() -> Self {
        let mut refusal = Self::invalid(Some("rate_limit"), "Too many requests".to_owned());
        refusal.status = 429;
        refusal
    }

    fn set(&mut self, name: &str, value: Value) {
        if let Some(members) = self.error.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    }

    /// As an answer.
    pub(super) fn answer(self) -> Answer {
        Answer {
            status: self.status,
            body: json!({"error": self.error}),
        }
    }
}
