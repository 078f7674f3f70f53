//! Collects everything that is wrong with a request, so that a client learns it at once.

use crate::error::{ApiError, ErrorCode, FieldViolation};

/// The faults found so far.
#[derive(Default)]
pub(super) struct Problems {
    violations: Vec<FieldViolation>,
    unknown: bool,
}

impl Problems {
    /// Notes a field whose value is refused.
    pub(super) fn invalid(&mut self, field: &str, description: impl Into<String>) {
        self.violations.push(FieldViolation {
            field: field.to_owned(),
            description: description.into(),
        });
    }

    /// Notes a name that no field has.
    pub(super) fn unknown(&mut self, field: &str) {
        self.unknown = true;
        self.invalid(field, "is not a field of this request");
    }

    /// Fails if any fault was noted.
    pub(super) fn into_result(self) -> Result<(), ApiError> {
        if self.violations.is_empty() {
            return Ok(());
        }
        let mut error = ApiError::invalid(self.violations);
        if self.unknown {
            error.code = ErrorCode::UnknownField;
        }
        Err(error)
    }
}
