//! Pages of lists, and the opaque tokens that lead from one to the next. A token is bound to the
//! filters of the list that gave it.

mod numbered;

use std::{fmt::Display, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use billing_core::ids::{ALL_USERS, UserId};

pub(super) use self::numbered::NumberedPage;
use super::Violations;
use crate::{auth::ResolvedUser, error::ApiError};

/// Entries per page when a caller names no number.
const DEFAULT_PAGE_SIZE: u16 = 50;
/// The most entries per page.
const MAX_PAGE_SIZE: u16 = 1_000;
/// What is wrong with a token that the list did not give.
pub(super) const FOREIGN_TOKEN: &str =
    "must be the next_page_token of a page with the same filters";
/// Bytes of the filters' digest that a token carries.
const BINDING_BYTES: usize = 8;

/// A page of a list that is asked for, whose entries have keys of a type.
#[derive(Debug)]
pub(crate) struct Page<K> {
    /// The key of the last entry of the page before; `None` for the first page.
    pub(crate) after: Option<K>,
    size: u16,
    tokens: PageToken,
}

impl<K: FromStr + Display> Page<K> {
    /// A page of the list with these filters; `None` when size or token is at fault.
    pub(crate) fn read(
        filters: &[&str],
        page_size: i32,
        page_token: &str,
        violations: &mut Violations,
    ) -> Option<Self> {
        let tokens = PageToken::of_filters(filters);
        let size = violations.check("page_size", entries(page_size));
        let after = violations.check("page_token", tokens.read(page_token));
        Some(Self {
            after: after?,
            size: size?,
            tokens,
        })
    }

    /// A page of a list that has no filter.
    ///
    /// # Errors
    /// Every violation at once.
    pub(crate) fn of_all(list: &str, page_size: i32, page_token: &str) -> Result<Self, ApiError> {
        let mut violations = Violations::default();
        let page = Self::read(&[list], page_size, page_token, &mut violations);
        violations.finish(page)
    }

    /// A page of a list that has no filter but its user; `None` stands for all users.
    ///
    /// # Errors
    /// Every violation at once.
    pub(crate) fn of_user(
        list: &str,
        user: Option<&ResolvedUser>,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Option<UserId>, Self), ApiError> {
        let mut violations = Violations::default();
        let filters = [list, listed(user)];
        let page = Self::read(&filters, page_size, page_token, &mut violations);
        let user_id = violations.check("user_id", user.map(ResolvedUser::id).transpose());
        violations.finish(user_id.zip(page))
    }

    /// How many entries to read: one more than to send tells whether there is a next page.
    #[must_use]
    pub(crate) fn limit(&self) -> i64 {
        i64::from(self.size).saturating_add(1)
    }

    /// Leaves in `found` what to send, and answers the token of the next page; empty when there is
    /// none.
    pub(crate) fn cut<T>(&self, found: &mut Vec<T>, key: impl FnOnce(&T) -> K) -> String {
        let more = found.len() > usize::from(self.size);
        found.truncate(self.size.into());
        let last = found.last().filter(|_| more);
        last.map(|last| self.after(&key(last))).unwrap_or_default()
    }

    /// The token of the page after the entry with this key.
    pub(crate) fn after(&self, key: &K) -> String {
        self.tokens.after(&key.to_string())
    }
}

/// Whose list it is, as a filter.
pub(super) fn listed(user: Option<&ResolvedUser>) -> &str {
    user.map_or(ALL_USERS, ResolvedUser::as_str)
}

/// The number of entries to send for the number that was asked for.
///
/// # Errors
/// A negative number.
fn entries(asked: i32) -> Result<u16, &'static str> {
    match asked {
        0 => Ok(DEFAULT_PAGE_SIZE),
        asked => u32::try_from(asked)
            .map(|asked| {
                u16::try_from(asked)
                    .unwrap_or(MAX_PAGE_SIZE)
                    .min(MAX_PAGE_SIZE)
            })
            .map_err(|_| "must not be negative"),
    }
}

/// Makes and reads the page tokens of one list.
#[derive(Debug)]
struct PageToken {
    binding: Vec<u8>,
}

impl PageToken {
    /// The tokens of a list with these filters.
    fn of_filters(filters: &[&str]) -> Self {
        let mut text = Vec::new();
        for filter in filters {
            // The length keeps ("a", "bc") from ("ab", "c").
            text.extend(filter.len().to_be_bytes());
            text.extend(filter.as_bytes());
        }
        let digest = digest(&SHA256, &text);
        Self {
            binding: digest
                .as_ref()
                .iter()
                .copied()
                .take(BINDING_BYTES)
                .collect(),
        }
    }

    /// The token of the page after the entry with this key.
    fn after(&self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode([&self.binding, key.as_bytes()].concat())
    }

    /// The key in a token; `None` for the first page.
    ///
    /// # Errors
    /// A token that no list gave, or one with other filters.
    fn read<K: FromStr>(&self, token: &str) -> Result<Option<K>, &'static str> {
        if token.is_empty() {
            return Ok(None);
        }
        URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| {
                bytes
                    .strip_prefix(self.binding.as_slice())
                    .map(<[u8]>::to_vec)
            })
            .and_then(|key| String::from_utf8(key).ok())
            .filter(|key| !key.is_empty())
            .and_then(|key| key.parse().ok())
            .map(Some)
            .ok_or(FOREIGN_TOKEN)
    }
}

#[cfg(test)]
mod tests {
    use billing_core::ids::RecordId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_is_read_by_the_list_that_gave_it_and_no_other() {
        let tokens = PageToken::of_filters(&["user-1", "gpt-4"]);
        let token = tokens.after("rec-7");
        assert_eq!(tokens.read(&token), Ok(Some("rec-7".to_owned())));
        assert!(
            PageToken::of_filters(&["user-1g", "pt-4"])
                .read::<String>(&token)
                .is_err()
        );
        for forged in [
            "x",
            "AAAA",
            "%%%",
            token.trim_end_matches(|_| true),
            &token[1..],
        ] {
            assert!(
                tokens.read::<String>(forged).is_err() || forged.is_empty(),
                "{forged}"
            );
        }
    }

    #[test]
    fn a_token_whose_key_is_none_of_the_lists_is_refused() {
        let tokens = PageToken::of_filters(&["user-1"]);
        let id = RecordId::new(Uuid::nil());
        let token = tokens.after(&id.to_string());
        assert_eq!(tokens.read(&token), Ok(Some(id)));
        let token = tokens.after("rec-7");
        assert_eq!(tokens.read::<RecordId>(&token), Err(FOREIGN_TOKEN));
    }

    #[rstest::rstest]
    #[case(0, Ok(50))]
    #[case(1, Ok(1))]
    #[case(1_000, Ok(1_000))]
    #[case(1_001, Ok(1_000))]
    #[case(i32::MAX, Ok(1_000))]
    #[case(-1, Err("must not be negative"))]
    fn page_sizes_have_a_default_and_a_limit(
        #[case] asked: i32,
        #[case] expected: Result<u16, &str>,
    ) {
        assert_eq!(entries(asked), expected);
    }

    #[rstest::rstest]
    #[case::fewer(&["c", "b"], &["c", "b"], None)]
    #[case::exactly(&["c", "b", "a"], &["c", "b", "a"], None)]
    #[case::more(&["d", "c", "b", "a"], &["d", "c", "b"], Some("b"))]
    #[case::none(&[], &[], None)]
    fn a_page_leads_to_the_next_when_there_is_more(
        #[case] found: &[&str],
        #[case] sent: &[&str],
        #[case] next: Option<&str>,
    ) {
        let mut violations = Violations::default();
        let page = Page::<String>::read(&["list"], 3, "", &mut violations).unwrap();
        assert_eq!((page.limit(), &page.after), (4, &None));
        let mut found = found.to_vec();
        let token = page.cut(&mut found, |entry| (*entry).to_owned());
        assert_eq!(found, sent);
        let page = Page::<String>::read(&["list"], 3, &token, &mut violations).unwrap();
        assert_eq!(page.after.as_deref(), next);
        assert!(violations.is_empty());
    }

    #[test]
    fn size_and_token_are_refused_together() {
        let mut violations = Violations::default();
        assert!(Page::<String>::read(&["list"], -1, "x", &mut violations).is_none());
        let fields = violations.into_error().violations;
        let fields: Vec<_> = fields.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["page_size", "page_token"]);
    }
}
