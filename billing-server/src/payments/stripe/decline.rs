//! What a decline of Stripe means for what happens next.

use billing_core::payment::{Decline, DeclineKind};

use super::objects::ApiError;

/// The issuer wants the user to authenticate.
const AUTHENTICATION: &str = "authentication_required";
/// What networks say of a method that will never pay.
const NEVER_AGAIN: &str = "do_not_try_again";
/// Decline codes after which the method will not pay (docs.stripe.com/declines/codes).
const FINAL: [&str; 11] = [
    "card_not_supported",
    "expired_card",
    "fraudulent",
    "incorrect_number",
    "invalid_number",
    "lost_card",
    "pickup_card",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "stolen_card",
];
/// What the code is when Stripe gives none.
const UNNAMED: &str = "declined";
/// What the user reads when Stripe gives no text.
const NO_MESSAGE: &str = "the payment was declined";

/// Why no money moved. The issuer's code says more than Stripe's own, where there is one.
pub(super) fn decline(error: &ApiError) -> Decline {
    let code = error.decline_code.as_deref().or(error.code.as_deref());
    Decline {
        code: code.unwrap_or(UNNAMED).to_owned(),
        message: error.message.as_deref().unwrap_or(NO_MESSAGE).to_owned(),
        kind: kind(error),
    }
}

/// Stripe's own code counts too: `expired_card` comes without one of the issuer.
fn kind(error: &ApiError) -> DeclineKind {
    let codes = [error.decline_code.as_deref(), error.code.as_deref()];
    if codes.contains(&Some(AUTHENTICATION)) {
        DeclineKind::UserNeeded
    } else if error.advice_code.as_deref() == Some(NEVER_AGAIN)
        || codes.iter().flatten().any(|code| FINAL.contains(code))
    {
        DeclineKind::Final
    } else {
        DeclineKind::Retryable
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn error(code: &str, decline_code: Option<&str>, advice_code: Option<&str>) -> ApiError {
        ApiError {
            code: Some(code.to_owned()),
            decline_code: decline_code.map(str::to_owned),
            advice_code: advice_code.map(str::to_owned),
            ..ApiError::default()
        }
    }

    #[rstest]
    #[case("card_declined", Some("lost_card"), DeclineKind::Final)]
    #[case("card_declined", Some("stolen_card"), DeclineKind::Final)]
    #[case("card_declined", Some("restricted_card"), DeclineKind::Final)]
    #[case("card_declined", Some("fraudulent"), DeclineKind::Final)]
    #[case("card_declined", Some("pickup_card"), DeclineKind::Final)]
    #[case(
        "card_declined",
        Some("revocation_of_authorization"),
        DeclineKind::Final
    )]
    #[case(
        "card_declined",
        Some("revocation_of_all_authorizations"),
        DeclineKind::Final
    )]
    #[case("card_declined", Some("card_not_supported"), DeclineKind::Final)]
    #[case("incorrect_number", None, DeclineKind::Final)]
    #[case("card_declined", Some("invalid_number"), DeclineKind::Final)]
    #[case("expired_card", None, DeclineKind::Final)]
    #[case("expired_card", Some("expired_card"), DeclineKind::Final)]
    #[case("authentication_required", None, DeclineKind::UserNeeded)]
    #[case(
        "authentication_required",
        Some("authentication_required"),
        DeclineKind::UserNeeded
    )]
    #[case(
        "card_declined",
        Some("authentication_required"),
        DeclineKind::UserNeeded
    )]
    #[case("card_declined", Some("insufficient_funds"), DeclineKind::Retryable)]
    #[case("card_declined", Some("generic_decline"), DeclineKind::Retryable)]
    #[case("card_declined", Some("do_not_honor"), DeclineKind::Retryable)]
    #[case("processing_error", None, DeclineKind::Retryable)]
    #[case("card_declined", Some("a_code_of_tomorrow"), DeclineKind::Retryable)]
    fn a_code_says_what_to_do(
        #[case] code: &str,
        #[case] decline_code: Option<&str>,
        #[case] kind: DeclineKind,
    ) {
        assert_eq!(decline(&error(code, decline_code, None)).kind, kind);
    }

    #[rstest]
    #[case("do_not_try_again", DeclineKind::Final)]
    #[case("try_again_later", DeclineKind::Retryable)]
    #[case("confirm_card_data", DeclineKind::Retryable)]
    fn advice_against_another_try_is_final(#[case] advice: &str, #[case] kind: DeclineKind) {
        let declined = error("card_declined", Some("generic_decline"), Some(advice));
        assert_eq!(decline(&declined).kind, kind);
    }

    #[test]
    fn the_issuers_code_is_told_before_stripes_own() {
        let declined = decline(&error("card_declined", Some("insufficient_funds"), None));
        assert_eq!(declined.code, "insufficient_funds");
        assert_eq!(
            decline(&error("expired_card", None, None)).code,
            "expired_card"
        );
    }

    #[test]
    fn a_decline_without_words_has_some() {
        let declined = decline(&ApiError::default());
        assert_eq!(declined.code, "declined");
        assert_eq!(declined.message, "the payment was declined");
        assert_eq!(declined.kind, DeclineKind::Retryable);
    }
}
