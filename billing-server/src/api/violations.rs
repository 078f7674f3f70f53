//! Everything that is wrong with a request, told at once.

use billing_core::Violation;

use crate::error::{ApiError, FieldViolation};

impl From<Violation> for FieldViolation {
    fn from(violation: Violation) -> Self {
        Self {
            field: violation.field.to_owned(),
            description: violation.description,
        }
    }
}

/// Gathers every violation of a request, so that a caller learns of all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Remembers what is wrong with a field and goes on without its value.
    pub(crate) fn check<T, E: std::fmt::Display>(
        &mut self,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value
            .map_err(|error| {
                self.0.push(FieldViolation {
                    field: field.to_owned(),
                    description: error.to_string(),
                });
            })
            .ok()
    }

    /// Remembers what the domain found.
    pub(crate) fn extend(&mut self, found: impl IntoIterator<Item = Violation>) {
        self.0.extend(found.into_iter().map(FieldViolation::from));
    }

    /// How many violations there are so far.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was read, if it is all there and nothing is wrong.
    ///
    /// # Errors
    /// Every violation at once.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.is_empty() => Ok(read),
            _ => Err(self.into_error()),
        }
    }

    /// Everything that is wrong, as the error that says so.
    #[must_use]
    pub(crate) fn into_error(self) -> ApiError {
        ApiError::invalid(self.0)
    }
}
