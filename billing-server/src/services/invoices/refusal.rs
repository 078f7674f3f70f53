//! Why an invoice cannot be made or changed, as callers are told.

use std::fmt;

use billing_core::{ids::InvoiceId, invoice::InvoiceRefusal, money::NumberError, month::Month};

use crate::error::{ApiError, ErrorCode, FieldViolation};

/// What an invoice of a month was refused for.
pub(super) fn month_refused(month: Month, refusal: InvoiceRefusal) -> ApiError {
    named(format_args!("month {month}"), refusal)
}

/// What an invoice was refused for.
pub(super) fn refused(id: &InvoiceId, refusal: InvoiceRefusal) -> ApiError {
    named(format_args!("invoice {:?}", id.as_str()), refusal)
}

/// A month that is to be closed or checked is not over.
pub(super) fn month_not_over() -> ApiError {
    violation("month", &InvoiceRefusal::RunningMonth)
}

/// An amount of an invoice does not fit: no fault of the caller's.
pub(super) fn unfit(error: NumberError) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("an amount {error}"))
}

fn named(name: fmt::Arguments<'_>, refusal: InvoiceRefusal) -> ApiError {
    let code = match refusal {
        InvoiceRefusal::FutureMonth | InvoiceRefusal::RunningMonth => {
            return violation("billing_month", &refusal);
        }
        InvoiceRefusal::CreditTooHigh(_) => return violation("amount", &refusal),
        InvoiceRefusal::TooLarge(error) => return unfit(error),
        InvoiceRefusal::NothingToBill => ErrorCode::InvoiceNothingToBill,
        InvoiceRefusal::NotFound => ErrorCode::InvoiceNotFound,
        InvoiceRefusal::MoveNotAllowed(_) => ErrorCode::InvoiceMoveNotAllowed,
        InvoiceRefusal::RequestConflict => ErrorCode::CreditNoteRequestConflict,
    };
    ApiError::new(code, format!("{name}: {refusal}"))
}

fn violation(field: &str, refusal: &InvoiceRefusal) -> ApiError {
    ApiError::invalid(vec![FieldViolation {
        field: field.to_owned(),
        description: refusal.to_string(),
    }])
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
        let error = refused(&InvoiceId::trusted("inv-1".to_owned()), refusal);
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
