//! The user that a call is about.

use billing_core::ids::{IdError, UserId};

/// The user that a call is about, once it is settled that the caller may name this one: the user
/// that the request names, or else the token's subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResolvedUser(String);

impl ResolvedUser {
    /// Made by [`super::Caller`] alone.
    pub(super) fn new(user: String) -> Self {
        Self(user)
    }

    /// The user's id.
    ///
    /// # Errors
    /// What an operator or service named is no user id.
    pub(crate) fn id(&self) -> Result<UserId, IdError> {
        UserId::parse(self.0.clone())
    }

    /// The user as it was named.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The user as it was named.
    #[must_use]
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
impl From<&str> for ResolvedUser {
    fn from(user: &str) -> Self {
        Self(user.to_owned())
    }
}
