//! Answers as PayPal words them.

use serde_json::{Value, json};

/// A status and its body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// What a step comes to: an error is an answer too.
pub(super) type Step<T> = Result<T, Answer>;

impl Answer {
    pub(super) const fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    /// A failure with an issue.
    fn failure(status: u16, name: &str, issue: &str) -> Self {
        let body = json!({
            "name": name,
            "message": "The requested action could not be performed.",
            "debug_id": "fa9ffe64391d4",
            "details": [{ "issue": issue, "description": format!("The issue is {issue}.") }],
        });
        Self::new(status, body)
    }

    /// The request breaks a rule of the schema.
    pub(super) fn invalid(issue: &str) -> Self {
        Self::failure(400, "INVALID_REQUEST", issue)
    }

    /// The request makes no sense now.
    pub(super) fn unprocessable(issue: &str) -> Self {
        Self::failure(422, "UNPROCESSABLE_ENTITY", issue)
    }

    pub(super) fn not_found() -> Self {
        Self::failure(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
    }

    pub(super) fn forbidden() -> Self {
        Self::failure(403, "NOT_AUTHORIZED", "PERMISSION_DENIED")
    }

    /// Whether it fails with an issue.
    pub(super) fn is_of(&self, issue: &str) -> bool {
        let found = self.body.pointer("/details/0/issue");
        found.and_then(Value::as_str) == Some(issue)
    }

    /// A failure that has no issue.
    pub(super) fn plain(status: u16, name: &str) -> Self {
        let body = json!({ "name": name, "message": "No.", "debug_id": "fa9ffe64391d4" });
        Self::new(status, body)
    }
}

/// Refuses fields that the schema does not have, and what is no object.
pub(super) fn only(value: &Value, fields: &[&str]) -> Step<()> {
    let object = value.as_object();
    let object = object.ok_or_else(|| Answer::invalid("MALFORMED_REQUEST_JSON"))?;
    if object.keys().all(|key| fields.contains(&key.as_str())) {
        Ok(())
    } else {
        Err(Answer::invalid("UNKNOWN_FIELD"))
    }
}

/// A text field that has to be there, of at most so many characters.
pub(super) fn text<'a>(value: &'a Value, field: &str, longest: usize) -> Step<&'a str> {
    let text = value.get(field).and_then(Value::as_str);
    let text = text.ok_or_else(|| Answer::invalid("MISSING_REQUIRED_PARAMETER"))?;
    if text.is_empty() || text.chars().count() > longest {
        return Err(Answer::invalid("INVALID_STRING_LENGTH"));
    }
    Ok(text)
}

/// Refuses anything but one text.
pub(super) fn exactly(value: &Value, field: &str, wanted: &str) -> Step<()> {
    if text(value, field, 100)? == wanted {
        Ok(())
    } else {
        Err(Answer::invalid("INVALID_PARAMETER_VALUE"))
    }
}
