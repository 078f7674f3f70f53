//! What callers are told when the rules refuse what they ask for.

use std::fmt;

use billing_core::{
    correction::VoidRefusal,
    coupon::CouponRefusal,
    ids::{InvoiceId, RecordId},
    invoice::InvoiceRefusal,
    money::NumberError,
    month::Month,
    plan::PlanRefusal,
    pricing::PriceInPast,
    rating::QuoteError,
    subscription::SubscriptionRefusal,
};

use super::{ApiError, ErrorCode, FieldViolation};

/// A model has no price at the time of a call.
pub(crate) fn model_not_found(model: &str) -> ApiError {
    let message = format!("model {model:?} has no price at that time");
    ApiError::new(ErrorCode::ModelNotFound, message)
}

/// A request id was used before with other content.
pub(crate) fn usage_conflict() -> ApiError {
    let message = "this request id was recorded before with other content";
    ApiError::new(ErrorCode::UsageConflict, message)
}

/// A model call costs more than can be billed.
pub(crate) fn usage_too_large() -> ApiError {
    let message = "the amount is too large to be billed";
    ApiError::new(ErrorCode::InvalidField, message)
}

/// There is no such usage record.
pub(crate) fn record_not_found(id: &RecordId) -> ApiError {
    let message = format!("there is no usage record {:?}", id.as_str());
    ApiError::new(ErrorCode::UsageNotFound, message)
}

/// What a cost was refused for.
pub(crate) fn quote_refused(model: &str, refusal: QuoteError) -> ApiError {
    match refusal {
        QuoteError::Unpriced => model_not_found(model),
        QuoteError::TooLarge(_) => usage_too_large(),
    }
}

/// What voiding a record was refused for.
pub(crate) fn void_refused(id: &RecordId, refusal: VoidRefusal) -> ApiError {
    match refusal {
        VoidRefusal::NotFound => record_not_found(id),
        VoidRefusal::AlreadyVoided | VoidRefusal::IsCorrection => {
            ApiError::new(ErrorCode::UsageAlreadyVoided, refusal.to_string())
        }
    }
}

impl From<PriceInPast> for ApiError {
    fn from(refused: PriceInPast) -> Self {
        Self {
            violations: vec![FieldViolation {
                field: "effective_from".to_owned(),
                description: "must not be before now".to_owned(),
            }],
            ..Self::new(ErrorCode::PriceInPast, refused.to_string())
        }
    }
}

impl From<PlanRefusal> for ApiError {
    fn from(refusal: PlanRefusal) -> Self {
        let code = match refusal {
            PlanRefusal::NotFound(_) => ErrorCode::PlanNotFound,
            PlanRefusal::Exists(_) => ErrorCode::PlanExists,
            PlanRefusal::InUse { .. } => ErrorCode::PlanInUse,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<SubscriptionRefusal> for ApiError {
    fn from(refusal: SubscriptionRefusal) -> Self {
        let message = refusal.to_string();
        let code = match refusal {
            SubscriptionRefusal::Exists => ErrorCode::SubscriptionExists,
            SubscriptionRefusal::NotFound => ErrorCode::SubscriptionNotFound,
            SubscriptionRefusal::PlanNotFound(_) => ErrorCode::PlanNotFound,
            SubscriptionRefusal::PlanInactive(_) => ErrorCode::PlanInactive,
            SubscriptionRefusal::TrialUsed | SubscriptionRefusal::NotAllowed(_) => {
                ErrorCode::SubscriptionMoveNotAllowed
            }
            SubscriptionRefusal::StartInFuture | SubscriptionRefusal::StartTooEarly => {
                return Self::violation("start_time", message);
            }
            SubscriptionRefusal::TooLarge(_) => ErrorCode::InvalidField,
        };
        Self::new(code, message)
    }
}

/// The code of a new coupon is taken.
pub(crate) fn coupon_exists(code: &str) -> ApiError {
    let message = format!("there is a coupon with the code {code:?} already");
    ApiError::new(ErrorCode::CouponExists, message)
}

/// What a coupon, named by its code or id, was refused for.
pub(crate) fn coupon_refused(name: &str, refusal: CouponRefusal) -> ApiError {
    let code = match refusal {
        CouponRefusal::NotFound => ErrorCode::CouponNotFound,
        CouponRefusal::Inactive => ErrorCode::CouponInactive,
        CouponRefusal::NotYetValid => ErrorCode::CouponNotYetValid,
        CouponRefusal::Expired => ErrorCode::CouponExpired,
        CouponRefusal::AlreadyActive => ErrorCode::CouponAlreadyActive,
        CouponRefusal::UsedUp => ErrorCode::CouponUsedUp,
        CouponRefusal::UserLimit => ErrorCode::CouponUserLimit,
        CouponRefusal::PlanNotAllowed => ErrorCode::CouponPlanNotAllowed,
        CouponRefusal::MinimumNotReached => ErrorCode::CouponMinimumNotReached,
        CouponRefusal::RequestConflict => ErrorCode::CouponRequestConflict,
    };
    ApiError::new(code, format!("coupon {name:?}: {refusal}"))
}

/// What an invoice of a month was refused for.
pub(crate) fn month_refused(month: Month, refusal: InvoiceRefusal) -> ApiError {
    named(format_args!("month {month}"), refusal)
}

/// What an invoice was refused for.
pub(crate) fn invoice_refused(id: &InvoiceId, refusal: InvoiceRefusal) -> ApiError {
    named(format_args!("invoice {:?}", id.as_str()), refusal)
}

/// A month that is to be closed or checked is not over.
pub(crate) fn month_not_over() -> ApiError {
    ApiError::violation("month", InvoiceRefusal::RunningMonth.to_string())
}

/// An amount that we add up does not fit: no fault of the caller's.
impl From<NumberError> for ApiError {
    fn from(error: NumberError) -> Self {
        Self::new(ErrorCode::Internal, format!("an amount {error}"))
    }
}

fn named(name: fmt::Arguments<'_>, refusal: InvoiceRefusal) -> ApiError {
    let code = match refusal {
        InvoiceRefusal::FutureMonth | InvoiceRefusal::RunningMonth => {
            return ApiError::violation("billing_month", refusal.to_string());
        }
        InvoiceRefusal::CreditTooHigh(_) => {
            return ApiError::violation("amount", refusal.to_string());
        }
        InvoiceRefusal::TooLarge(error) => return error.into(),
        InvoiceRefusal::NothingToBill => ErrorCode::InvoiceNothingToBill,
        InvoiceRefusal::NotFound => ErrorCode::InvoiceNotFound,
        InvoiceRefusal::MoveNotAllowed(_) => ErrorCode::InvoiceMoveNotAllowed,
        InvoiceRefusal::RequestConflict => ErrorCode::CreditNoteRequestConflict,
    };
    ApiError::new(code, format!("{name}: {refusal}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        InvoiceRefusal::FutureMonth,
        "INVALID_FIELD",
        "billing_month must not be in the future"
    )]
    #[case(
        InvoiceRefusal::NothingToBill,
        "INVOICE_NOTHING_TO_BILL",
        "month 2024-11: there is nothing to bill"
    )]
    fn a_refused_month_is_named(
        #[case] refusal: InvoiceRefusal,
        #[case] code: &str,
        #[case] message: &str,
    ) {
        let error = month_refused("2024-11".parse().unwrap(), refusal);
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            (code, message)
        );
    }

    #[rstest]
    #[case(
        InvoiceRefusal::NotFound,
        "INVOICE_NOT_FOUND",
        "invoice \"inv-1\": there is no such invoice"
    )]
    #[case(
        InvoiceRefusal::MoveNotAllowed("paid"),
        "INVOICE_MOVE_NOT_ALLOWED",
        "invoice \"inv-1\": the invoice is paid"
    )]
    #[case(
        InvoiceRefusal::RequestConflict,
        "CREDIT_NOTE_REQUEST_CONFLICT",
        "invoice \"inv-1\": the request id was used for another credit note"
    )]
    #[case(
        InvoiceRefusal::CreditTooHigh("7.5".parse().unwrap()),
        "INVALID_FIELD",
        "amount must be at most 7.5, what earlier credit notes have left of the invoice"
    )]
    #[case(
        InvoiceRefusal::TooLarge(NumberError::TooLarge),
        "INTERNAL",
        "an amount is too large"
    )]
    fn a_refused_invoice_is_named(
        #[case] refusal: InvoiceRefusal,
        #[case] code: &str,
        #[case] message: &str,
    ) {
        let error = invoice_refused(&InvoiceId::trusted("inv-1".to_owned()), refusal);
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            (code, message)
        );
    }

    #[test]
    fn a_month_that_is_not_over_is_refused_by_its_field() {
        assert_eq!(month_not_over().message, "month must be over");
    }
}
