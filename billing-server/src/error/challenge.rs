//! What `WWW-Authenticate` says beside a 401 or a 403, as RFC 6750 has it.

use super::{ApiError, ErrorCode};

/// The header's value, for a failure that a better token would mend; `None` for any other.
pub(super) fn challenge(error: &ApiError) -> Option<String> {
    let description = described(&error.message);
    match error.code {
        ErrorCode::TokenMissing => Some("Bearer".to_owned()),
        ErrorCode::TokenInvalid | ErrorCode::TokenExpired => Some(format!(
            "Bearer error=\"invalid_token\", error_description=\"{description}\""
        )),
        ErrorCode::ScopeMissing | ErrorCode::OtherUser => {
            let scope = error.needed_scope?;
            Some(format!(
                "Bearer error=\"insufficient_scope\", scope=\"{scope}\", \
                 error_description=\"{description}\""
            ))
        }
        _ => None,
    }
}

/// A message with only the characters that may stand in a description.
fn described(message: &str) -> String {
    let allowed = |letter: char| match letter {
        '"' | '\\' => '\'',
        ' '..='~' => letter,
        _ => '?',
    };
    message.chars().map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none(ApiError::new(ErrorCode::TokenMissing, "m"), Some("Bearer"))]
    #[case::quotes(
        ApiError::new(ErrorCode::TokenInvalid, "no \"alg\" \u{e9}\n"),
        Some("Bearer error=\"invalid_token\", error_description=\"no 'alg' ??\"")
    )]
    #[case::late(
        ApiError::new(ErrorCode::TokenExpired, "the token has expired"),
        Some("Bearer error=\"invalid_token\", error_description=\"the token has expired\"")
    )]
    #[case::scope(
        ApiError::new(ErrorCode::ScopeMissing, "m").needs_scope("admin"),
        Some("Bearer error=\"insufficient_scope\", scope=\"admin\", error_description=\"m\"")
    )]
    #[case::other(ApiError::new(ErrorCode::InvalidField, "m"), None)]
    fn a_refused_token_is_told_what_it_lacks(
        #[case] error: ApiError,
        #[case] header: Option<&str>,
    ) {
        assert_eq!(challenge(&error).as_deref(), header);
    }
}
