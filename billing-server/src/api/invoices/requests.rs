//! What callers ask of invoices.

use billing_core::{
    document::{EARLIEST_YEAR, LATEST_YEAR, MAX_NUMBER, SeriesName},
    ids::{CreditNoteId, InvoiceId, RequestId, UserId, check_optional},
    invoice::{CreditNoteOrder, InvoiceStatus, MAX_PAYMENT_METHOD, Payment},
    month::Month,
    refusal::Refusal,
    text::check_line,
};
use billing_proto::v1;
use billing_store::{InvoiceChange, InvoiceFilter};
use chrono::{DateTime, Utc};

use super::convert::status;
use crate::{
    api::{
        Violations,
        page::NumberedPage,
        time::{month, time},
        values::{cents, made_id, note, optional_id},
    },
    auth::ResolvedUser,
    error::ApiError,
};

/// How an invoice was paid outside the service, when nobody says how.
const UNNAMED_PAYMENT: &str = "manual";

/// Which month of `user` to invoice.
///
/// # Errors
/// Every violation at once.
pub(crate) fn of_month(
    user: &ResolvedUser,
    billing_month: &str,
) -> Result<(UserId, Month), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let month = violations.check("billing_month", billing_month.parse());
    violations.finish(user_id.zip(month))
}

/// A month to close or check, which must be over at `now`.
///
/// # Errors
/// When it is no month, or not over.
pub(crate) fn month_over(month: &str, now: DateTime<Utc>) -> Result<Month, ApiError> {
    let mut violations = Violations::default();
    let month = violations.check("month", month.parse());
    let month = violations.finish(month)?;
    if month < Month::of(now) {
        Ok(month)
    } else {
        Err(Refusal::month_not_over().into())
    }
}

/// A page of invoices that is asked for.
#[derive(Debug)]
pub(crate) struct InvoicePage {
    /// Which invoices.
    pub(crate) filter: InvoiceFilter,
    /// Which of them.
    pub(crate) page: NumberedPage,
}

/// Which invoices of `user` to list; `None` stands for all users.
///
/// # Errors
/// Every violation at once.
pub(crate) fn page(
    user: Option<&ResolvedUser>,
    request: &v1::ListInvoicesRequest,
) -> Result<InvoicePage, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let page = NumberedPage::read(request.page, request.page_size, found);
    let filter = v1::ExportInvoicesRequest {
        user_id: String::new(),
        billing_month: request.billing_month.clone(),
        status: request.status,
        issued_after: request.issued_after,
        issued_before: request.issued_before,
        unpaid: request.unpaid,
    };
    let filter = check_filter(user, &filter, found);
    violations.finish(page.map(|page| InvoicePage { filter, page }))
}

/// Which invoices of `user` to export; `None` stands for all users.
///
/// # Errors
/// Every violation at once.
pub(crate) fn exported(
    user: Option<&ResolvedUser>,
    request: &v1::ExportInvoicesRequest,
) -> Result<InvoiceFilter, ApiError> {
    let mut violations = Violations::default();
    let filter = check_filter(user, request, &mut violations);
    violations.finish(Some(filter))
}

fn check_filter(
    user: Option<&ResolvedUser>,
    request: &v1::ExportInvoicesRequest,
    found: &mut Violations,
) -> InvoiceFilter {
    let status = found.check("status", stands(request.status));
    let user_id = found.check("user_id", user.map(ResolvedUser::id).transpose());
    InvoiceFilter {
        user_id: user_id.flatten(),
        status: status.flatten(),
        month: month("billing_month", &request.billing_month, found),
        issued_from: time("issued_after", request.issued_after, found),
        issued_until: time("issued_before", request.issued_before, found),
        unpaid: request.unpaid,
    }
}

fn stands(number: i32) -> Result<Option<InvoiceStatus>, &'static str> {
    if number == i32::from(v1::InvoiceStatus::Unspecified) {
        return Ok(None);
    }
    let mut known = InvoiceStatus::ALL.into_iter();
    let named = known.find(|known| i32::from(status(*known)) == number);
    let named = named.ok_or("must be draft, issued, paid, overdue, void or uncollectible");
    named.map(Some)
}

/// Which invoice of `user` is meant.
///
/// # Errors
/// Every violation at once.
pub(crate) fn named(user: &ResolvedUser, id: String) -> Result<(UserId, InvoiceId), ApiError> {
    let mut violations = Violations::default();
    let named = check_named(user, id, &mut violations);
    let (user_id, id) = violations.finish(named)?;
    Ok((user_id, id?))
}

/// The user, and the invoice unless none can have the id.
fn check_named(
    user: &ResolvedUser,
    id: String,
    violations: &mut Violations,
) -> Option<(UserId, Result<InvoiceId, Refusal>)> {
    let user_id = violations.check("user_id", user.id());
    let id = made_id("id", id, Refusal::InvoiceNotFound, violations);
    user_id.zip(id)
}

/// Which invoice of `user` to void, why, and whether for good.
///
/// # Errors
/// Every violation at once.
pub(crate) fn void(
    user: &ResolvedUser,
    request: v1::VoidInvoiceRequest,
) -> Result<(UserId, InvoiceId, InvoiceChange), ApiError> {
    let mut violations = Violations::default();
    let named = check_named(user, request.id, &mut violations);
    let reason = violations.check("reason", note(request.reason));
    let ((user_id, id), reason) = violations.finish(named.zip(reason))?;
    let write_off = request.write_off;
    Ok((user_id, id?, InvoiceChange::Void { reason, write_off }))
}

/// Which invoice of `user` was paid, and how.
///
/// # Errors
/// Every violation at once.
pub(crate) fn payment(
    user: &ResolvedUser,
    request: v1::MarkInvoicePaidRequest,
) -> Result<(UserId, InvoiceId, Payment), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let named = check_named(user, request.id, found);
    let method = found.check("payment_method", payment_method(request.payment_method));
    found.check("transaction_id", check_optional(&request.transaction_id));
    let transaction_id = Some(request.transaction_id).filter(|id| !id.is_empty());
    let ((user_id, id), method) = violations.finish(named.zip(method))?;
    let payment = Payment {
        method,
        transaction_id,
    };
    Ok((user_id, id?, payment))
}

fn payment_method(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Ok(UNNAMED_PAYMENT.to_owned());
    }
    let checked = check_line(&text, MAX_PAYMENT_METHOD);
    checked.map(|()| text).map_err(|error| error.to_string())
}

/// How much of which invoice of `user` to credit. `id` is the note's, if one is made.
///
/// # Errors
/// Every violation at once.
pub(crate) fn credit_note(
    user: &ResolvedUser,
    request: v1::CreateCreditNoteRequest,
    id: CreditNoteId,
) -> Result<CreditNoteOrder, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let named = check_named(user, request.id, found);
    let amount = request.amount.ok_or_else(|| "must be set".to_owned());
    let amount = found.check("amount", amount.and_then(|amount| cents(&amount.value)));
    let reason = found.check("reason", note(request.reason));
    let request_id = optional_id("request_id", request.request_id, RequestId::parse, found);
    match (named, amount, reason) {
        (Some((user_id, invoice_id)), Some(amount), Some(reason)) if violations.is_empty() => {
            Ok(CreditNoteOrder {
                user_id,
                invoice_id: invoice_id?,
                id,
                amount,
                reason,
                request_id,
            })
        }
        _ => Err(violations.into_error()),
    }
}

/// Which series of documents is to go on with which number, and of which year.
///
/// # Errors
/// Every violation at once.
pub(crate) fn series(
    request: v1::SetDocumentSeriesRequest,
) -> Result<(SeriesName, i32, i64), ApiError> {
    let mut violations = Violations::default();
    let name = violations.check("series", SeriesName::parse(request.series));
    let (year, next) = (request.year, request.next_number);
    if !(EARLIEST_YEAR..=LATEST_YEAR).contains(&year) {
        let problem = format!("must be from {EARLIEST_YEAR} to {LATEST_YEAR}");
        violations.check::<(), _>("year", Err(problem));
    }
    if !(1..=MAX_NUMBER).contains(&next) {
        let problem = format!("must be from 1 to {MAX_NUMBER}");
        violations.check::<(), _>("next_number", Err(problem));
    }
    violations.finish(name.map(|name| (name, year, next)))
}
