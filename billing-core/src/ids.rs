//! Text ids and the rule they obey (contract, section 10).

use std::{borrow::Borrow, fmt};

/// The longest id, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing at all.
    #[error("must not be empty")]
    Empty,
    /// Longer than [`MAX_ID_BYTES`].
    #[error("must be at most {MAX_ID_BYTES} bytes")]
    TooLong,
    /// A character that no one can see.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// White space at the start or the end.
    #[error("must not begin or end with a space")]
    OuterSpace,
}

/// Checks a text against the rule for ids.
///
/// # Errors
/// The first part of the rule that it breaks.
pub fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    check_optional(text)
}

/// Checks a text that may be empty against the rule for ids.
///
/// # Errors
/// The first part of the rule that it breaks.
pub fn check_optional(text: &str) -> Result<(), IdError> {
    if text.len() > MAX_ID_BYTES {
        Err(IdError::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(IdError::ControlCharacter)
    } else if text.trim() != text {
        Err(IdError::OuterSpace)
    } else {
        Ok(())
    }
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks the rule for ids.
            ///
            /// # Errors
            /// The first part of the rule that the text breaks.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// An id that was checked when it was stored.
            #[must_use]
            pub fn trusted(text: String) -> Self {
                Self(text)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as owned text.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_ids! {
    /// Who is billed.
    UserId,
    /// A caller's id of one model call, unique per user.
    RequestId,
    /// A model, as its price names it.
    ModelId,
    /// A usage record.
    RecordId,
    /// A subscription.
    SubscriptionId,
    /// A plan.
    PlanId,
    /// A coupon.
    CouponId,
    /// A redeemed coupon.
    RedemptionId,
    /// An invoice.
    InvoiceId,
    /// A credit note.
    CreditNoteId,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one_character("a")]
    #[case::path("openai/gpt-4:beta@eu")]
    #[case::percent("50%25")]
    #[case::inner_space("my model")]
    #[case::chinese("通义千问")]
    #[case::emoji("🦀")]
    #[case::quotes(r#"'"\;--"#)]
    #[case::longest(&"x".repeat(128))]
    #[case::longest_in_two_byte_characters(&"é".repeat(64))]
    #[case::longest_in_three_and_two_byte_characters(&format!("{}é", "中".repeat(42)))]
    fn visible_text_is_an_id(#[case] text: &str) {
        assert_eq!(check(text), Ok(()));
        assert_eq!(check_optional(text), Ok(()));
        assert_eq!(UserId::parse(text).unwrap().as_str(), text);
    }

    #[rstest]
    #[case::one_byte_more(&"x".repeat(129), IdError::TooLong)]
    #[case::one_byte_more_in_43_characters(&"中".repeat(43), IdError::TooLong)]
    #[case::far_too_long(&"x".repeat(1_000_000), IdError::TooLong)]
    #[case::nul("a\0b", IdError::ControlCharacter)]
    #[case::newline("a\nb", IdError::ControlCharacter)]
    #[case::newline_at_the_end("a\n", IdError::ControlCharacter)]
    #[case::tab_alone("\t", IdError::ControlCharacter)]
    #[case::delete("a\u{7f}", IdError::ControlCharacter)]
    #[case::next_line("a\u{85}b", IdError::ControlCharacter)]
    #[case::space_alone(" ", IdError::OuterSpace)]
    #[case::space_before(" a", IdError::OuterSpace)]
    #[case::space_after("a ", IdError::OuterSpace)]
    #[case::no_break_space("\u{a0}a", IdError::OuterSpace)]
    #[case::ideographic_space("a\u{3000}", IdError::OuterSpace)]
    fn other_text_is_not(#[case] text: &str, #[case] error: IdError) {
        assert_eq!(check(text), Err(error));
        assert_eq!(check_optional(text), Err(error));
        assert_eq!(RequestId::parse(text), Err(error));
    }

    #[test]
    fn only_an_optional_id_may_be_empty() {
        assert_eq!(check(""), Err(IdError::Empty));
        assert_eq!(ModelId::parse(""), Err(IdError::Empty));
        assert_eq!(check_optional(""), Ok(()));
    }

    #[test]
    fn ids_are_ordered_by_bytes() {
        let id = |text: &str| UserId::parse(text).unwrap();
        assert!(id("Z") < id("a"));
        assert!(id("z") < id("é"));
    }
}
