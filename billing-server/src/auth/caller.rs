//! Who a token speaks for, and what that allows.

use std::fmt;
use std::str::FromStr;

use billing_core::ids::ALL_USERS;

use super::resolved::ResolvedUser;
use crate::error::{ApiError, ErrorCode};

/// The scope that lets internal services record usage and ask costs for any user.
pub(crate) const USAGE_WRITE: &str = "usage:write";
/// The scope that lets operators do everything on any account.
pub(crate) const ADMIN: &str = "admin";
/// The longest subject, in bytes.
const MAX_SUBJECT_BYTES: usize = 128;

/// What a token allows beyond its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scopes {
    /// `usage:write`
    pub(crate) usage_write: bool,
    /// `admin`
    pub(crate) admin: bool,
}

impl Scopes {
    /// The scopes of a token's `scope` claim; those of other services are ignored.
    #[must_use]
    pub(crate) fn from_claim(claim: &str) -> Self {
        let has = |scope| claim.split(' ').any(|named| named == scope);
        Self {
            usage_write: has(USAGE_WRITE),
            admin: has(ADMIN),
        }
    }
}

impl FromStr for Scopes {
    type Err = String;

    /// Scopes that a person asks for, separated by spaces, where a misspelt one is an error.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text
            .split_whitespace()
            .find(|s| ![USAGE_WRITE, ADMIN].contains(s))
        {
            Some(unknown) => Err(format!(
                "unknown scope {unknown}: use {USAGE_WRITE} or {ADMIN}"
            )),
            None => Ok(Self::from_claim(
                &text.split_whitespace().collect::<Vec<_>>().join(" "),
            )),
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.usage_write, self.admin) {
            (true, true) => "usage:write admin",
            (true, false) => USAGE_WRITE,
            (false, true) => ADMIN,
            (false, false) => "",
        })
    }
}

/// Checks a token's subject, which is a user id: 1-128 bytes, no control characters or outer
/// spaces.
///
/// # Errors
/// What is wrong with it, in a lowercase sentence.
pub(crate) fn check_subject(subject: &str) -> Result<(), &'static str> {
    if subject.is_empty() {
        Err("the subject must not be empty")
    } else if subject.len() > MAX_SUBJECT_BYTES {
        Err("the subject must not be longer than 128 bytes")
    } else if subject.chars().any(char::is_control) {
        Err("the subject must not contain control characters")
    } else if subject.trim() != subject {
        Err("the subject must not begin or end with spaces")
    } else if subject == ALL_USERS {
        Err("the subject must not be \"-\", which stands for all users")
    } else {
        Ok(())
    }
}

/// The holder of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user id the token was issued to.
    pub(crate) subject: String,
    /// What it allows beyond that user's account.
    pub(crate) scopes: Scopes,
}

impl Caller {
    /// Whether the caller may do everything on any account.
    #[must_use]
    pub(crate) fn is_admin(&self) -> bool {
        self.scopes.admin
    }

    /// Whether the caller may record usage and ask costs for any user.
    #[must_use]
    pub(crate) fn may_write_usage(&self) -> bool {
        self.scopes.usage_write || self.scopes.admin
    }

    /// Lets operators pass.
    ///
    /// # Errors
    /// `SCOPE_MISSING` without the scope `admin`.
    pub(crate) fn require_admin(&self) -> Result<(), ApiError> {
        require(self.is_admin(), ADMIN)
    }

    /// Lets internal services and operators pass.
    ///
    /// # Errors
    /// `SCOPE_MISSING` without the scope `usage:write` or `admin`.
    pub(crate) fn require_usage_write(&self) -> Result<(), ApiError> {
        require(self.may_write_usage(), USAGE_WRITE)
    }

    /// The user a request is about: `requested`, or the token's subject when it is empty.
    ///
    /// # Errors
    /// `OTHER_USER` when it names another user without the scope `admin`.
    pub(crate) fn resolve(&self, requested: &str) -> Result<ResolvedUser, ApiError> {
        self.user(requested, self.is_admin(), ADMIN)
    }

    /// As [`Self::resolve`], for operators' reports: an operator who names nobody means all users.
    ///
    /// # Errors
    /// `OTHER_USER` when it names another user without the scope `admin`.
    pub(crate) fn resolve_or_all(&self, requested: &str) -> Result<Option<ResolvedUser>, ApiError> {
        if self.is_admin() && requested.is_empty() {
            return Ok(None);
        }
        self.resolve(requested).map(Some)
    }

    /// As [`Self::resolve`], for lists, where operators may name all users: `None`.
    ///
    /// # Errors
    /// `OTHER_USER` when it names another user, or all, without the scope `admin`.
    pub(crate) fn resolve_listed(&self, requested: &str) -> Result<Option<ResolvedUser>, ApiError> {
        let user = self.resolve(requested)?;
        Ok((requested != ALL_USERS).then_some(user))
    }

    /// The user that usage is recorded or costs are asked for: as [`Self::resolve`], but internal
    /// services too may name any user.
    ///
    /// # Errors
    /// `OTHER_USER` when it names another user without the scope `usage:write` or `admin`.
    pub(crate) fn resolve_for_usage(&self, requested: &str) -> Result<ResolvedUser, ApiError> {
        self.user(requested, self.may_write_usage(), USAGE_WRITE)
    }

    fn user(
        &self,
        requested: &str,
        may_name_any: bool,
        scope: &'static str,
    ) -> Result<ResolvedUser, ApiError> {
        if requested.is_empty() {
            return Ok(ResolvedUser::new(self.subject.clone()));
        }
        if may_name_any || requested == self.subject {
            return Ok(ResolvedUser::new(requested.to_owned()));
        }
        let message =
            format!("user_id names another user, which needs a token with the scope {scope}");
        Err(ApiError::new(ErrorCode::OtherUser, message).needs_scope(scope))
    }
}

fn require(allowed: bool, scope: &'static str) -> Result<(), ApiError> {
    if allowed {
        return Ok(());
    }
    let message = format!("this call needs a token with the scope {scope}");
    Err(ApiError::new(ErrorCode::ScopeMissing, message).needs_scope(scope))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn caller(scopes: &str) -> Caller {
        Caller {
            subject: "alice".into(),
            scopes: Scopes::from_claim(scopes),
        }
    }

    #[rstest]
    #[case("", false, false)]
    #[case("usage:write", true, false)]
    #[case("admin", false, true)]
    #[case("openid admin usage:write", true, true)]
    #[case("administrator usage:writer", false, false)]
    #[case("ADMIN", false, false)]
    fn a_claim_grants_exactly_the_scopes_it_names(
        #[case] claim: &str,
        #[case] usage_write: bool,
        #[case] admin: bool,
    ) {
        assert_eq!(Scopes::from_claim(claim), Scopes { usage_write, admin });
    }

    #[rstest]
    #[case("", Ok(""))]
    #[case(" admin  usage:write ", Ok("usage:write admin"))]
    #[case("usage:write", Ok("usage:write"))]
    #[case("admn", Err("unknown scope admn: use usage:write or admin"))]
    fn scopes_that_a_person_names_are_checked(
        #[case] text: &str,
        #[case] expected: Result<&str, &str>,
    ) {
        let parsed = text.parse::<Scopes>().map(|scopes| scopes.to_string());
        assert_eq!(parsed, expected.map(String::from).map_err(String::from));
    }

    #[rstest]
    #[case("a", true)]
    #[case("org/team:alice@example.com", true)]
    #[case("alice smith", true)]
    #[case("", false)]
    #[case(" alice", false)]
    #[case("alice ", false)]
    #[case("-", false)]
    #[case("--", true)]
    #[case("ali\nce", false)]
    #[case("ali\u{7f}ce", false)]
    fn subjects_obey_the_rules_for_ids(#[case] subject: &str, #[case] valid: bool) {
        assert_eq!(check_subject(subject).is_ok(), valid);
    }

    #[test]
    fn a_subject_is_measured_in_bytes() {
        assert!(check_subject(&"é".repeat(64)).is_ok());
        assert!(check_subject(&"é".repeat(65)).is_err());
    }

    #[rstest]
    #[case("", false, false)]
    #[case("usage:write", false, true)]
    #[case("admin", true, true)]
    fn scopes_open_the_guarded_calls(
        #[case] scopes: &str,
        #[case] admin: bool,
        #[case] usage: bool,
    ) {
        assert_eq!(caller(scopes).require_admin().is_ok(), admin);
        assert_eq!(caller(scopes).require_usage_write().is_ok(), usage);
    }

    #[rstest]
    #[case("admin", "", None)]
    #[case("admin", "bob", Some("bob"))]
    #[case("usage:write", "", Some("alice"))]
    fn only_an_operator_who_names_nobody_means_all_users(
        #[case] scopes: &str,
        #[case] requested: &str,
        #[case] expected: Option<&str>,
    ) {
        let resolved = caller(scopes).resolve_or_all(requested).unwrap();
        let resolved = resolved.as_ref().map(ResolvedUser::as_str);
        assert_eq!(resolved, expected);
    }

    #[rstest]
    #[case("admin", "-", Ok(None))]
    #[case("admin", "", Ok(Some("alice")))]
    #[case("admin", "bob", Ok(Some("bob")))]
    #[case("", "alice", Ok(Some("alice")))]
    #[case("", "-", Err(ErrorCode::OtherUser))]
    #[case("usage:write", "-", Err(ErrorCode::OtherUser))]
    fn only_an_operator_lists_what_all_users_have(
        #[case] scopes: &str,
        #[case] requested: &str,
        #[case] expected: Result<Option<&str>, ErrorCode>,
    ) {
        let resolved = caller(scopes).resolve_listed(requested);
        let resolved = resolved.map(|user| user.map(ResolvedUser::into_string));
        let resolved = resolved.map_err(|error| error.code);
        assert_eq!(resolved, expected.map(|user| user.map(String::from)));
    }

    #[test]
    fn a_missing_scope_is_named() {
        let error = caller("usage:write").require_admin().unwrap_err();
        assert_eq!(
            (error.code, error.needed_scope),
            (ErrorCode::ScopeMissing, Some("admin"))
        );
        assert_eq!(
            error.message,
            "this call needs a token with the scope admin"
        );
        let error = caller("").require_usage_write().unwrap_err();
        assert_eq!(
            error.message,
            "this call needs a token with the scope usage:write"
        );
    }

    #[rstest]
    #[case::own_by_default("", "", Some("alice"), Some("alice"))]
    #[case::own_by_name("", "alice", Some("alice"), Some("alice"))]
    #[case::another("", "bob", None, None)]
    #[case::ids_compare_by_bytes("", "Alice", None, None)]
    #[case::service("usage:write", "bob", None, Some("bob"))]
    #[case::operator("admin", "bob", Some("bob"), Some("bob"))]
    #[case::operator_own("admin", "", Some("alice"), Some("alice"))]
    fn another_user_needs_a_scope(
        #[case] scopes: &str,
        #[case] requested: &str,
        #[case] account: Option<&str>,
        #[case] usage: Option<&str>,
    ) {
        let caller = caller(scopes);
        for (answer, expected) in [
            (caller.resolve(requested), account),
            (caller.resolve_for_usage(requested), usage),
        ] {
            let answer = answer.map(ResolvedUser::into_string);
            let answer = answer.map_err(|error| error.code);
            assert_eq!(
                answer,
                expected.map(String::from).ok_or(ErrorCode::OtherUser)
            );
        }
    }
}
