//! Orders at PayPal as they are asked for and sent.

use billing_core::{
    ids::{InvoiceId, UserId},
    money::Money,
    payment::Transaction,
    refusal::Refusal,
};
use billing_proto::v1;
use billing_store::PaymentFor;

use super::convert::{self, Asked, asked, fingerprint, provider_id, return_url};
use crate::{
    api::{
        Violations,
        values::{cents, made_id},
    },
    auth::ResolvedUser,
    error::ApiError,
    payments::Payer,
};

/// An order that somebody asks for.
pub(super) struct Wanted {
    pub(super) asked: Asked,
    pub(super) buys: Buys,
    pub(super) payer: Payer,
}

/// What an order is over.
pub(super) enum Buys {
    /// Tokens, for so much.
    Tokens(Money),
    /// What this invoice asks for, if it can be one.
    Invoice(Result<InvoiceId, Refusal>),
}

impl Buys {
    /// What is to be paid, of which the provider charges at least `least` USD.
    ///
    /// # Errors
    /// When there is no such invoice.
    pub(super) fn payment(self, least: Money) -> Result<PaymentFor, Refusal> {
        Ok(match self {
            Self::Tokens(amount) => PaymentFor::Topup { amount },
            Self::Invoice(id) => PaymentFor::Invoice { id: id?, least },
        })
    }
}

/// The order that `user` wants to approve.
///
/// # Errors
/// Every violation at once.
pub(super) fn wanted(
    user: &ResolvedUser,
    request: v1::CreatePaypalOrderRequest,
) -> Result<Wanted, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let amount = request.amount.map(|amount| amount.value);
    let amount = found.check("amount", amount.as_deref().map(cents).transpose());
    let exact = amount.flatten().map(|amount| amount.to_string());
    let fingerprint = fingerprint(&[
        "paypal",
        exact.as_deref().unwrap_or_default(),
        &request.invoice_id,
        &request.return_url,
        &request.cancel_url,
    ]);
    let buys = amount.and_then(|amount| buys(amount, request.invoice_id, found));
    let return_to = found.check("return_url", return_url(request.return_url));
    let cancel_to = found.check("cancel_url", return_url(request.cancel_url));
    let asked = asked(user, String::new(), request.request_id, fingerprint, found);
    let wanted = asked.zip(buys).zip(return_to.zip(cancel_to));
    violations.finish(
        wanted.map(|((asked, buys), (return_url, cancel_url))| Wanted {
            asked,
            buys,
            payer: Payer::Approves {
                return_url,
                cancel_url,
            },
        }),
    )
}

fn buys(amount: Option<Money>, invoice: String, violations: &mut Violations) -> Option<Buys> {
    let invoice = Some(invoice).filter(|id| !id.is_empty());
    match (amount, invoice) {
        (Some(amount), None) => Some(Buys::Tokens(amount)),
        (None, Some(id)) => {
            made_id("invoice_id", id, Refusal::InvoiceNotFound, violations).map(Buys::Invoice)
        }
        (Some(_), Some(_)) => violations.check("invoice_id", Err("must not stand beside amount")),
        (None, None) => violations.check("amount", Err("is needed, or an invoice_id")),
    }
}

/// An order as it is sent.
pub(super) fn made(of: Transaction, for_operator: bool) -> v1::CreatePaypalOrderResponse {
    v1::CreatePaypalOrderResponse {
        order_id: of.provider_reference.clone().unwrap_or_default(),
        approval_url: of.next_action_url.clone().unwrap_or_default(),
        transaction: Some(convert::transaction(of, for_operator)),
    }
}

/// An order of `user` by PayPal's id.
///
/// # Errors
/// Every violation at once.
pub(super) fn named(
    user: &ResolvedUser,
    request: v1::CapturePaypalOrderRequest,
) -> Result<(UserId, String), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let order = violations.check("order_id", provider_id(request.order_id));
    violations.finish(user_id.zip(order))
}
