//! What callers are told when the rules refuse what they ask for: the message is the domain's, the
//! code is here.

use billing_core::{
    money::NumberError,
    refusal::{CouponRefusal, Refusal},
};

use super::{ApiError, ErrorCode, FieldViolation};

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let code = match refusal {
            Refusal::Field(violation) => return Self::invalid(vec![violation.into()]),
            Refusal::PriceInPast => return price_in_past(message),
            // Callers learn nothing of what is stored.
            Refusal::PriceUnknown(_) | Refusal::PlanVersionUnknown(_) => {
                tracing::error!(message, "a stored id is at fault");
                return Self::internal();
            }
            Refusal::TooLarge { .. } => ErrorCode::Internal,
            Refusal::ModelUnpriced(_) => ErrorCode::ModelNotFound,
            Refusal::UsageConflict => ErrorCode::UsageConflict,
            Refusal::UsageTooLarge | Refusal::SubscriptionTooLarge(_) => ErrorCode::InvalidField,
            Refusal::UsageNotFound(_) => ErrorCode::UsageNotFound,
            Refusal::UsageCredited { .. } => ErrorCode::UsageAlreadyCredited,
            Refusal::UsageVoided | Refusal::UsageIsCorrection => ErrorCode::UsageAlreadyVoided,
            Refusal::PlanNotFound(_) => ErrorCode::PlanNotFound,
            Refusal::PlanExists(_) => ErrorCode::PlanExists,
            Refusal::PlanInactive(_) => ErrorCode::PlanInactive,
            Refusal::PlanInUse { .. } => ErrorCode::PlanInUse,
            Refusal::SubscriptionExists => ErrorCode::SubscriptionExists,
            Refusal::SubscriptionNotFound => ErrorCode::SubscriptionNotFound,
            Refusal::SubscriptionTransition(_) | Refusal::TrialUsed => {
                ErrorCode::SubscriptionMoveNotAllowed
            }
            Refusal::Coupon { reason, .. } => coupon_code(reason),
            Refusal::CouponExists(_) => ErrorCode::CouponExists,
            Refusal::NothingToBill(_) => ErrorCode::InvoiceNothingToBill,
            Refusal::InvoiceNotFound(_) => ErrorCode::InvoiceNotFound,
            Refusal::InvoiceTransition { .. } | Refusal::InvoiceCorrected(_) => {
                ErrorCode::InvoiceMoveNotAllowed
            }
            Refusal::PaymentMethodMissing => ErrorCode::PaymentMethodMissing,
            Refusal::PaymentInFlight { .. } => ErrorCode::PaymentInFlight,
            Refusal::PaymentNotRefundable { .. } => ErrorCode::PaymentNotRefundable,
            Refusal::TransactionNotFound(_) => ErrorCode::TransactionNotFound,
            Refusal::EventNotFound(_) => ErrorCode::EventNotFound,
            Refusal::WebhookEndpointNotFound(_) => ErrorCode::WebhookEndpointNotFound,
            Refusal::TransactionConflict => ErrorCode::PaymentRequestConflict,
            Refusal::TopupLimit { .. } => ErrorCode::TopupLimit,
            Refusal::TopupNoPrice(_) => ErrorCode::TopupNoPrice,
            Refusal::CreditNoteConflict(_) => ErrorCode::CreditNoteRequestConflict,
        };
        Self::new(code, message)
    }
}

/// An amount that we add up does not fit: no fault of the caller's.
impl From<NumberError> for ApiError {
    fn from(error: NumberError) -> Self {
        Refusal::from(error).into()
    }
}

fn price_in_past(message: String) -> ApiError {
    ApiError {
        violations: vec![FieldViolation {
            field: "effective_from".to_owned(),
            description: "must not be before now".to_owned(),
        }],
        ..ApiError::new(ErrorCode::PriceInPast, message)
    }
}

fn coupon_code(reason: CouponRefusal) -> ErrorCode {
    match reason {
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
    }
}

#[cfg(test)]
mod tests {
    use billing_core::ids::{InvoiceId, PriceId};
    use billing_store::StoreError;
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;

    fn invoice() -> InvoiceId {
        InvoiceId::new(Uuid::nil())
    }

    #[rstest]
    #[case(
        Refusal::month_in_future(),
        "INVALID_FIELD",
        "billing_month must not be in the future"
    )]
    #[case(Refusal::month_not_over(), "INVALID_FIELD", "month must be over")]
    #[case(
        Refusal::credit_too_high("7.5".parse().unwrap()),
        "INVALID_FIELD",
        "amount must be at most 7.5, what was not given back of the invoice yet"
    )]
    #[case(
        Refusal::NothingToBill("2024-11".parse().unwrap()),
        "INVOICE_NOTHING_TO_BILL",
        "month 2024-11: there is nothing to bill"
    )]
    #[case(
        Refusal::InvoiceNotFound("inv-1".to_owned()),
        "INVOICE_NOT_FOUND",
        "invoice \"inv-1\": there is no such invoice"
    )]
    #[case(
        Refusal::InvoiceTransition { id: invoice(), status: "paid" },
        "INVOICE_MOVE_NOT_ALLOWED",
        "invoice \"inv-00000000000000000000000000000000\": the invoice is paid"
    )]
    #[case(
        Refusal::CreditNoteConflict(invoice()),
        "CREDIT_NOTE_REQUEST_CONFLICT",
        "invoice \"inv-00000000000000000000000000000000\": the request id was used for another \
         credit note"
    )]
    #[case(
        Refusal::Coupon { name: "SAVE".to_owned(), reason: CouponRefusal::UsedUp },
        "COUPON_USED_UP",
        "coupon \"SAVE\": it is used up"
    )]
    #[case(NumberError::TooLarge.into(), "INTERNAL", "an amount is too large")]
    #[case(Refusal::PriceUnknown(PriceId::new(7)), "INTERNAL", "internal error")]
    fn a_refusal_has_a_code_and_the_message_of_the_domain(
        #[case] refusal: Refusal,
        #[case] code: &str,
        #[case] message: &str,
    ) {
        let error = ApiError::from(refusal.clone());
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            (code, message)
        );
        assert_eq!(ApiError::from(StoreError::Rejected(refusal)), error);
    }

    #[rstest]
    #[case(Refusal::month_not_over(), "month", "must be over")]
    #[case(Refusal::PriceInPast, "effective_from", "must not be before now")]
    fn a_field_at_fault_is_named(
        #[case] refusal: Refusal,
        #[case] field: &str,
        #[case] description: &str,
    ) {
        let error = ApiError::from(refusal);
        let expected = FieldViolation {
            field: field.to_owned(),
            description: description.to_owned(),
        };
        assert_eq!(error.violations, [expected]);
    }
}
