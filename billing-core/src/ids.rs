//! Typed ids: texts of callers and the rule they obey (contract, chapter 12), ids that the service
//! makes, and numbers that the catalog deals out.

use std::{borrow::Borrow, fmt, str::FromStr};

use uuid::Uuid;

/// The longest id, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 128;
/// What stands for all users in lists, and is therefore no user's id.
pub const ALL_USERS: &str = "-";

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
    /// What stands for all users.
    #[error("must not be \"{ALL_USERS}\", which stands for all users")]
    AllUsers,
    /// Not an id that the service makes.
    #[error("must be \"{0}\" and 32 lowercase hexadecimal digits")]
    Malformed(&'static str),
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

/// Checks a text against the rule for ids of users.
///
/// # Errors
/// The first part of the rule that it breaks.
pub fn check_user(text: &str) -> Result<(), IdError> {
    if text == ALL_USERS {
        return Err(IdError::AllUsers);
    }
    check(text)
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident by $check:ident,)+) => {$(
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
                $check(&text)?;
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

/// Reads what is behind an id's prefix: a UUID in its simple form and no other.
fn simple_uuid(digits: &str) -> Option<Uuid> {
    let lowercase = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() != 32 || !digits.bytes().all(lowercase) {
        return None;
    }
    Uuid::try_parse(digits).ok()
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What the id begins with as text.
            pub const PREFIX: &'static str = $prefix;

            /// The id with a value.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The value.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads the id as it is shown.
            ///
            /// # Errors
            /// [`IdError::Malformed`] for any other text.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($prefix);
                digits
                    .and_then(simple_uuid)
                    .map(Self)
                    .ok_or(IdError::Malformed($prefix))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }
    )+};
}

macro_rules! numbered_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i32);

        impl $name {
            /// The id with a number.
            #[must_use]
            pub const fn new(number: i32) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn number(self) -> i32 {
                self.0
            }

            /// The id that is dealt out after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )+};
}

text_ids! {
    /// Who is billed.
    UserId by check_user,
    /// A caller's id of one model call, unique per user.
    RequestId by check,
    /// A model, as its price names it.
    ModelId by check,
    /// A plan.
    PlanId by check,
}

uuid_ids! {
    /// A usage record. Those of one user strictly increase in the order of recording.
    RecordId = "rec-",
    /// A subscription.
    SubscriptionId = "sub-",
    /// A coupon.
    CouponId = "cpn-",
    /// A redeemed coupon.
    RedemptionId = "red-",
    /// An invoice.
    InvoiceId = "inv-",
    /// A credit note.
    CreditNoteId = "crn-",
    /// A payment, a top-up or a refund.
    TransactionId = "txn-",
    /// A payment method that a user has saved.
    PaymentMethodId = "pm-",
    /// Something that the world is told of.
    EventId = "evt-",
    /// Where events are sent.
    WebhookEndpointId = "whe-",
}

numbered_ids! {
    /// A price of a model, which never changes.
    PriceId = "price-",
    /// A version of a plan, which never changes.
    PlanVersionId = "plan-version-",
}

impl RecordId {
    /// The least id that is greater.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_add(1)))
    }
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

    #[test]
    fn ids_of_the_service_read_back_as_written() {
        let text = "rec-00000000000000000000000000000a0f";
        let id = RecordId::parse(text).unwrap();
        assert_eq!(id, RecordId::new(Uuid::from_u128(0xa0f)));
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::no_prefix("0192f0c0d1e27a3b8c4d5e6f70819203")]
    #[case::another_prefix("inv-0192f0c0d1e27a3b8c4d5e6f70819203")]
    #[case::uppercase("rec-0192F0C0D1E27A3B8C4D5E6F70819203")]
    #[case::uppercase_prefix("REC-0192f0c0d1e27a3b8c4d5e6f70819203")]
    #[case::hyphens("rec-0192f0c0-d1e2-7a3b-8c4d-5e6f70819203")]
    #[case::braces("rec-{192f0c0d1e27a3b8c4d5e6f708192030}")]
    #[case::one_digit_less("rec-0192f0c0d1e27a3b8c4d5e6f7081920")]
    #[case::one_digit_more("rec-0192f0c0d1e27a3b8c4d5e6f708192030")]
    #[case::no_digit("rec-0192f0c0d1e27a3b8c4d5e6f7081920g")]
    #[case::wide_digits("rec-\u{ff10}192f0c0d1e27a3b8c4d5e6f708192")]
    fn other_text_is_no_id_of_the_service(#[case] text: &str) {
        assert_eq!(RecordId::parse(text), Err(IdError::Malformed("rec-")));
    }

    #[test]
    fn the_next_record_id_is_the_least_that_is_greater() {
        let id = RecordId::new(Uuid::from_u128(0xff));
        assert_eq!(id.next(), RecordId::new(Uuid::from_u128(0x100)));
        assert!(id < id.next());
        let last = RecordId::new(Uuid::max());
        assert_eq!(last.next(), last);
    }

    #[test]
    fn numbers_of_the_catalog_are_shown_with_what_they_number() {
        assert_eq!(PriceId::new(7).to_string(), "price-7");
        assert_eq!(PlanVersionId::new(12).next().to_string(), "plan-version-13");
    }
}
