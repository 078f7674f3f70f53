//! Why an input is refused.

use std::fmt;

/// A field whose value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, as the API names it.
    pub field: &'static str,
    /// What is wrong with it, in a lowercase sentence without a subject.
    pub description: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: &'static str, description: impl Into<String>) -> Self {
        Self {
            field,
            description: description.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.description)
    }
}
