//! Opaque page tokens, bound to the filters of the list that gave them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Entries per page when a caller names no number.
const DEFAULT_PAGE_SIZE: u16 = 50;
/// The most entries per page.
const MAX_PAGE_SIZE: u16 = 1_000;
/// Bytes of the filters' digest that a token carries.
const BINDING_BYTES: usize = 8;

/// The number of entries to send for the number that was asked for.
///
/// # Errors
/// A negative number.
pub fn page_size(asked: i32) -> Result<u16, &'static str> {
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
pub struct PageToken {
    binding: Vec<u8>,
}

impl PageToken {
    /// The tokens of a list with these filters.
    #[must_use]
    pub fn of_filters(filters: &[&str]) -> Self {
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
    #[must_use]
    pub fn after(&self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode([&self.binding, key.as_bytes()].concat())
    }

    /// The key in a token; `None` for the first page.
    ///
    /// # Errors
    /// A token that no list gave, or one with other filters.
    pub fn read(&self, token: &str) -> Result<Option<String>, &'static str> {
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
            .map(Some)
            .ok_or("must be the next_page_token of a page with the same filters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_by_the_list_that_gave_it_and_no_other() {
        let tokens = PageToken::of_filters(&["user-1", "gpt-4"]);
        let token = tokens.after("rec-7");
        assert_eq!(tokens.read(&token), Ok(Some("rec-7".to_owned())));
        assert!(
            PageToken::of_filters(&["user-1g", "pt-4"])
                .read(&token)
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
                tokens.read(forged).is_err() || forged.is_empty(),
                "{forged}"
            );
        }
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
        assert_eq!(page_size(asked), expected);
    }
}
