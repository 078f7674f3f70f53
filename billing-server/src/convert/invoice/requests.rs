//! What callers ask of invoices. The user of every request is resolved.

use billing_core::{
    ids::{CreditNoteId, InvoiceId, RequestId, UserId, check_optional},
    invoice::{InvoiceStatus, MAX_PAYMENT_METHOD, Payment},
    month::Month,
    text::check_line,
};
use billing_proto::v1;
use billing_store::{CreditNoteOrder, InvoiceFilter};

use super::status;
use crate::{
    convert::{
        NumberedPage, Violations,
        value::{cents, note, optional_id},
    },
    error::ApiError,
};

/// How an invoice was paid outside the service, when nobody says how.
const UNNAMED_PAYMENT: &str = "manual";

/// Which month of whom to invoice.
///
/// # Errors
/// Every violation at once.
pub fn invoice_of_month(user_id: String, billing_month: &str) -> Result<(UserId, Month), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", UserId::parse(user_id));
    let month = violations.check("billing_month", billing_month.parse());
    let both = user_id.zip(month);
    both.ok_or_else(|| ApiError::invalid(violations.into_vec()))
}

/// A page of invoices that is asked for.
#[derive(Debug)]
pub struct InvoicePage {
    /// Which invoices.
    pub filter: InvoiceFilter,
    /// Which of them.
    pub page: NumberedPage,
}

/// Which invoices to list.
///
/// # Errors
/// Every violation at once.
pub fn invoice_page(request: v1::ListInvoicesRequest) -> Result<InvoicePage, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let page = NumberedPage::read(request.page, request.page_size, found);
    let status = found.check("status", filter(request.status));
    let user_id = found.check("user_id", UserId::parse(request.user_id));
    match (page, status, user_id) {
        (Some(page), Some(status), Some(user_id)) => Ok(InvoicePage {
            filter: InvoiceFilter { user_id, status },
            page,
        }),
        _ => Err(ApiError::invalid(violations.into_vec())),
    }
}

fn filter(number: i32) -> Result<Option<InvoiceStatus>, &'static str> {
    if number == i32::from(v1::InvoiceStatus::Unspecified) {
        return Ok(None);
    }
    let mut known = InvoiceStatus::ALL.into_iter();
    let named = known.find(|known| i32::from(status(*known)) == number);
    let named = named.ok_or("must be draft, issued, paid, overdue, void or uncollectible");
    named.map(Some)
}

/// Which invoice of whom is meant.
///
/// # Errors
/// Every violation at once.
pub fn named_invoice(user_id: String, id: String) -> Result<(UserId, InvoiceId), ApiError> {
    let mut violations = Violations::default();
    let named = named(user_id, id, &mut violations);
    named.ok_or_else(|| ApiError::invalid(violations.into_vec()))
}

fn named(user_id: String, id: String, violations: &mut Violations) -> Option<(UserId, InvoiceId)> {
    let user_id = violations.check("user_id", UserId::parse(user_id));
    let id = violations.check("id", InvoiceId::parse(id));
    user_id.zip(id)
}

/// Which invoice to void, and why.
///
/// # Errors
/// Every violation at once.
pub fn invoice_void(
    request: v1::VoidInvoiceRequest,
) -> Result<(UserId, InvoiceId, String), ApiError> {
    let mut violations = Violations::default();
    let named = named(request.user_id, request.id, &mut violations);
    let reason = violations.check("reason", note(request.reason));
    match (named, reason) {
        (Some((user_id, id)), Some(reason)) => Ok((user_id, id, reason)),
        _ => Err(ApiError::invalid(violations.into_vec())),
    }
}

/// Which invoice was paid, and how.
///
/// # Errors
/// Every violation at once.
pub fn invoice_payment(
    request: v1::MarkInvoicePaidRequest,
) -> Result<(UserId, InvoiceId, Payment), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let named = named(request.user_id, request.id, found);
    let method = found.check("payment_method", payment_method(request.payment_method));
    let transaction = found.check("transaction_id", check_optional(&request.transaction_id));
    match (named, method, transaction) {
        (Some((user_id, id)), Some(method), Some(())) => {
            let transaction_id = Some(request.transaction_id).filter(|id| !id.is_empty());
            let payment = Payment {
                method,
                transaction_id,
            };
            Ok((user_id, id, payment))
        }
        _ => Err(ApiError::invalid(violations.into_vec())),
    }
}

fn payment_method(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Ok(UNNAMED_PAYMENT.to_owned());
    }
    let checked = check_line(&text, MAX_PAYMENT_METHOD);
    checked.map(|()| text).map_err(|error| error.to_string())
}

/// How much of which invoice to credit. `id` is the note's, if one is made.
///
/// # Errors
/// Every violation at once.
pub fn credit_note_order(
    request: v1::CreateCreditNoteRequest,
    id: CreditNoteId,
) -> Result<CreditNoteOrder, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let named = named(request.user_id, request.id, found);
    let amount = request.amount.ok_or_else(|| "must be set".to_owned());
    let amount = found.check("amount", amount.and_then(|amount| cents(&amount.value)));
    let reason = found.check("reason", note(request.reason));
    let request_id = optional_id("request_id", request.request_id, RequestId::parse, found);
    match (named, amount, reason) {
        (Some((user_id, invoice_id)), Some(amount), Some(reason)) if violations.is_empty() => {
            Ok(CreditNoteOrder {
                user_id,
                invoice_id,
                id,
                amount,
                reason,
                request_id,
            })
        }
        _ => Err(ApiError::invalid(violations.into_vec())),
    }
}
