//! Payments as they are sent and asked for.

use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use billing_core::{
    account::RefundOrder,
    ids::{IdError, InvoiceId, PaymentMethodId, RequestId, TransactionId, UserId, check_optional},
    money::Money,
    payment::{
        CallerRequest, PaymentMethod, Provider, Transaction, TransactionKind, TransactionStatus,
    },
    refusal::Refusal,
    usage::Fingerprint,
};
use billing_proto::v1;
use billing_store::TransactionFilter;
use http::Uri;

use crate::{
    api::{
        Violations,
        page::{Page, listed as name_of},
        time::timestamp,
        values::{amount, cents, made_id, note},
    },
    auth::ResolvedUser,
    error::ApiError,
    payments::Setup,
};

/// The longest id that a provider gives, in bytes.
const MAX_PROVIDER_ID: usize = 255;

/// A method to be saved.
pub(crate) struct SetupWanted {
    pub(crate) user_id: UserId,
    pub(crate) provider: Provider,
    pub(crate) return_url: String,
    pub(crate) agreed: Agreed,
    /// The provider's key of the call.
    pub(crate) key: String,
}

/// A method of the user's customer.
pub(crate) struct Attached {
    pub(crate) user_id: UserId,
    pub(crate) provider: Provider,
    /// The customer that the caller takes for the user's.
    pub(crate) customer: Option<String>,
    pub(crate) method: String,
    pub(crate) agreed: Agreed,
    pub(crate) make_default: bool,
}

/// What a call says that the user agrees to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreed {
    pub(crate) to_topups: bool,
    pub(crate) to_collection: bool,
}

/// A payment that somebody asks for.
pub(crate) struct Asked {
    pub(crate) user_id: UserId,
    /// The method that is named, if it can be one.
    pub(crate) method: Option<Result<PaymentMethodId, Refusal>>,
    pub(crate) request: Option<CallerRequest>,
}

/// What `user` wants to save.
///
/// # Errors
/// Every violation at once.
pub(crate) fn setup(
    user: &ResolvedUser,
    request: v1::CreatePaymentSetupRequest,
    unique: TransactionId,
) -> Result<SetupWanted, ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let provider = violations.check("provider", provider(request.provider));
    let return_url = violations.check("return_url", return_url(request.return_url));
    violations.check("request_id", check_optional(&request.request_id));
    let key = match request.request_id.as_str() {
        "" => format!("setup-{unique}"),
        // Neither too long for a key, nor that of another user's call.
        request => format!("setup-{}", hex(fingerprint(&[user.as_str(), request]))),
    };
    let wanted = user_id.zip(provider).zip(return_url);
    violations.finish(wanted.map(|((user_id, provider), return_url)| SetupWanted {
        user_id,
        provider,
        return_url,
        agreed: Agreed {
            to_topups: request.topup_consent,
            to_collection: request.collect_consent,
        },
        key,
    }))
}

/// How the user's browser goes on.
pub(crate) fn made_setup(setup: Setup) -> v1::CreatePaymentSetupResponse {
    let secret = setup.client_secret.map(|secret| secret.0);
    v1::CreatePaymentSetupResponse {
        setup_id: setup.reference,
        client_secret: secret.unwrap_or_default(),
        approval_url: setup.approval_url.unwrap_or_default(),
    }
}

/// The method that `user` has saved at the provider.
///
/// # Errors
/// Every violation at once.
pub(crate) fn attached(
    user: &ResolvedUser,
    request: v1::AttachPaymentMethodRequest,
) -> Result<Attached, ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let provider = violations.check("provider", provider(request.provider));
    let customer = Some(request.provider_customer_id).filter(|id| !id.is_empty());
    let of_customer = customer.map(provider_id).transpose();
    let customer = violations.check("provider_customer_id", of_customer);
    let method = violations.check(
        "provider_method_id",
        provider_id(request.provider_method_id),
    );
    violations.check("request_id", check_optional(&request.request_id));
    let wanted = user_id.zip(provider).zip(method).zip(customer);
    violations.finish(
        wanted.map(|(((user_id, provider), method), customer)| Attached {
            user_id,
            provider,
            customer,
            method,
            agreed: Agreed {
                to_topups: request.topup_consent,
                to_collection: request.collect_consent,
            },
            make_default: request.make_default,
        }),
    )
}

/// A method of `user`.
///
/// # Errors
/// Every violation at once, or that there is no such method.
pub(crate) fn named_method(
    user: &ResolvedUser,
    id: String,
) -> Result<(UserId, PaymentMethodId), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let id = made_id("id", id, |_| Refusal::PaymentMethodMissing, &mut violations);
    let (user_id, id) = violations.finish(user_id.zip(id))?;
    Ok((user_id, id?))
}

/// A transaction of `user`; one that is none of the service's ids is not there.
///
/// # Errors
/// Every violation at once.
pub(crate) fn named_transaction(
    user: &ResolvedUser,
    id: String,
) -> Result<(UserId, Result<TransactionId, Refusal>), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let id = made_id("id", id, Refusal::TransactionNotFound, &mut violations);
    violations.finish(user_id.zip(id))
}

/// The invoice that `user` pays.
///
/// # Errors
/// Every violation at once.
pub(crate) fn invoice_to_pay(
    user: &ResolvedUser,
    request: v1::PayInvoiceRequest,
) -> Result<(Result<InvoiceId, Refusal>, Asked), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let content = ["invoice", &request.invoice_id, &request.payment_method_id];
    let fingerprint = fingerprint(&content);
    let asked = asked(
        user,
        request.payment_method_id,
        request.request_id,
        fingerprint,
        found,
    );
    let not_found = Refusal::InvoiceNotFound;
    let invoice = made_id("invoice_id", request.invoice_id, not_found, found);
    violations.finish(invoice.zip(asked))
}

/// The tokens that `user` buys.
///
/// # Errors
/// Every violation at once.
pub(crate) fn topup(
    user: &ResolvedUser,
    request: v1::TopUpRequest,
) -> Result<(Money, Asked), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let text = request
        .amount
        .map(|amount| amount.value)
        .unwrap_or_default();
    let amount = found.check("amount", cents(&text));
    let exact = amount.map(|amount| amount.to_string()).unwrap_or_default();
    let fingerprint = fingerprint(&["topup", &exact, &request.payment_method_id]);
    let asked = asked(
        user,
        request.payment_method_id,
        request.request_id,
        fingerprint,
        found,
    );
    violations.finish(amount.zip(asked))
}

/// The payment of `user` to give back.
///
/// # Errors
/// Every violation at once.
pub(crate) fn refund(
    user: &ResolvedUser,
    request: v1::RefundRequest,
    id: TransactionId,
) -> Result<(UserId, Result<TransactionId, Refusal>, RefundOrder), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let text = request.amount.map(|amount| amount.value);
    let amount = found.check("amount", text.as_deref().map(cents).transpose());
    let parts = [
        "refund",
        &request.transaction_id,
        text.as_deref().unwrap_or_default(),
    ];
    let fingerprint = fingerprint(&parts);
    found.check("reason", note(request.reason));
    let asked = asked(user, String::new(), request.request_id, fingerprint, found);
    let not_found = Refusal::TransactionNotFound;
    let payment = made_id("transaction_id", request.transaction_id, not_found, found);
    let wanted = asked.zip(payment).zip(amount);
    violations.finish(wanted.map(|((asked, payment), amount)| {
        let order = RefundOrder {
            id,
            amount,
            request: asked.request,
        };
        (asked.user_id, payment, order)
    }))
}

/// What all payments have in common.
pub(super) fn asked(
    user: &ResolvedUser,
    method: String,
    request_id: String,
    fingerprint: Fingerprint,
    violations: &mut Violations,
) -> Option<Asked> {
    let user_id = violations.check("user_id", user.id());
    let method = match method.as_str() {
        "" => Some(None),
        _ => {
            let missing = |_| Refusal::PaymentMethodMissing;
            made_id("payment_method_id", method, missing, violations).map(Some)
        }
    };
    let request = match request_id.as_str() {
        "" => Some(None),
        _ => violations
            .check("request_id", RequestId::parse(request_id))
            .map(|id| Some(CallerRequest { id, fingerprint })),
    };
    let ((user_id, method), request) = user_id.zip(method).zip(request)?;
    Some(Asked {
        user_id,
        method,
        request,
    })
}

/// Which transactions of `user` to list; `None` stands for all users.
///
/// # Errors
/// Every violation at once.
pub(crate) fn listed(
    user: Option<&ResolvedUser>,
    request: &v1::ListTransactionsRequest,
) -> Result<(TransactionFilter, Page<TransactionId>), ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let (kind, status) = (request.kind.to_string(), request.status.to_string());
    let (open, attention) = (request.open.to_string(), request.attention.to_string());
    let filters = [
        "transactions",
        name_of(user),
        &kind,
        &status,
        &request.invoice_id,
        &open,
        &attention,
    ];
    let page = Page::read(&filters, request.page_size, &request.page_token, found);
    let user_id = found.check("user_id", user.map(ResolvedUser::id).transpose());
    let kind = found.check("kind", self::kind(request.kind));
    let status = found.check("status", self::status(request.status));
    let invoice = Some(request.invoice_id.as_str()).filter(|id| !id.is_empty());
    let invoice: Result<Option<_>, IdError> = invoice.map(InvoiceId::from_str).transpose();
    let invoice_id = found.check("invoice_id", invoice);
    let filter = user_id.zip(kind).zip(status).zip(invoice_id);
    let filter = filter.map(
        |(((user_id, kind), status), invoice_id)| TransactionFilter {
            user_id,
            kind,
            status,
            invoice_id,
            is_open: request.open,
            needs_attention: request.attention,
        },
    );
    violations.finish(filter.zip(page))
}

/// A method as it is sent.
pub(crate) fn method(method: PaymentMethod) -> v1::PaymentMethod {
    let topup = method
        .topup_consent
        .and_then(|consent| timestamp(consent.at));
    let collect = method
        .collect_consent
        .and_then(|consent| timestamp(consent.at));
    let (month, year) = method.expiry.unwrap_or_default();
    v1::PaymentMethod {
        id: method.id.to_string(),
        user_id: method.user_id.into_string(),
        provider: sent_provider(method.provider).into(),
        brand: method.brand,
        last4: method.last4,
        is_default: method.is_default,
        topup_consented_at: topup,
        created_at: timestamp(method.created_at),
        collect_consented_at: collect,
        expiry_month: month.into(),
        expiry_year: year.into(),
    }
}

/// A transaction as it is sent; some of it is for operators only.
pub(crate) fn transaction(of: Transaction, for_operator: bool) -> v1::Transaction {
    let (failure_code, failure_message) = of
        .failure
        .map(|failure| (failure.code, failure.message))
        .unwrap_or_default();
    let allocations = of.allocations.iter().map(|part| v1::Allocation {
        invoice_id: part.invoice_id.to_string(),
        amount: amount(part.amount),
    });
    let one = match of.allocations.as_slice() {
        [part] => part.invoice_id.to_string(),
        _ => String::new(),
    };
    v1::Transaction {
        id: of.id.to_string(),
        user_id: of.user_id.into_string(),
        kind: sent_kind(of.kind).into(),
        provider: sent_provider(of.provider).into(),
        provider_reference: of.provider_reference.unwrap_or_default(),
        status: sent_status(of.status).into(),
        amount: amount(of.amount),
        refunded_amount: amount(of.refunded_amount),
        currency: of.currency,
        invoice_id: one,
        tokens: of.tokens,
        automatic: of.is_automatic,
        failure_code,
        failure_message,
        next_action_url: of.next_action_url.unwrap_or_default(),
        created_at: timestamp(of.created_at),
        updated_at: timestamp(of.updated_at),
        client_secret: String::new(),
        refund_of: of.refund_of.map(|id| id.to_string()).unwrap_or_default(),
        allocations: allocations.collect(),
        payment_method_id: of
            .payment_method_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        disputed_amount: amount(of.disputed_amount),
        fee: of.fee.filter(|_| for_operator).and_then(amount),
        attention: of.attention.filter(|_| for_operator).unwrap_or_default(),
        expires_at: of.expires_at.and_then(timestamp),
    }
}

/// A digest of what a call asks for, part by part.
pub(super) fn fingerprint(parts: &[&str]) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut bytes = [0; 32];
    for (byte, digest) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *byte = *digest;
    }
    Fingerprint(bytes)
}

fn hex(digest: Fingerprint) -> String {
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id that a provider gives.
pub(super) fn provider_id(text: String) -> Result<String, &'static str> {
    if text.is_empty() {
        Err("must not be empty")
    } else if text.len() > MAX_PROVIDER_ID || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err("must be an id of the provider")
    } else {
        Ok(text)
    }
}

/// Where a provider's page sends somebody afterwards.
pub(super) fn return_url(text: String) -> Result<String, &'static str> {
    let uri = text.parse::<Uri>();
    let is_https = uri.is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    if is_https {
        Ok(text)
    } else {
        Err("must be an https address")
    }
}

fn provider(number: i32) -> Result<Provider, &'static str> {
    match v1::PaymentProvider::try_from(number) {
        Ok(v1::PaymentProvider::Unspecified | v1::PaymentProvider::Stripe) => Ok(Provider::Stripe),
        Ok(v1::PaymentProvider::Paypal) => Ok(Provider::Paypal),
        Ok(v1::PaymentProvider::Manual) | Err(_) => Err("must be stripe or paypal"),
    }
}

pub(super) const fn sent_provider(provider: Provider) -> v1::PaymentProvider {
    match provider {
        Provider::Stripe => v1::PaymentProvider::Stripe,
        Provider::Paypal => v1::PaymentProvider::Paypal,
        Provider::Manual => v1::PaymentProvider::Manual,
    }
}

fn kind(number: i32) -> Result<Option<TransactionKind>, &'static str> {
    match v1::TransactionKind::try_from(number) {
        Ok(v1::TransactionKind::Unspecified) => Ok(None),
        Ok(wanted) => Ok(TransactionKind::ALL
            .into_iter()
            .find(|of| sent_kind(*of) == wanted)),
        Err(_) => Err("must be a kind of transaction"),
    }
}

const fn sent_kind(kind: TransactionKind) -> v1::TransactionKind {
    match kind {
        TransactionKind::InvoicePayment => v1::TransactionKind::InvoicePayment,
        TransactionKind::Topup => v1::TransactionKind::Topup,
        TransactionKind::Refund => v1::TransactionKind::Refund,
    }
}

fn status(number: i32) -> Result<Option<TransactionStatus>, &'static str> {
    let wanted = v1::TransactionStatus::try_from(number);
    let wanted = wanted.map_err(|_| "must be a status of transactions")?;
    let mut all = TransactionStatus::ALL.into_iter();
    Ok(all.find(|status| sent_status(*status) == wanted))
}

const fn sent_status(status: TransactionStatus) -> v1::TransactionStatus {
    match status {
        TransactionStatus::Pending => v1::TransactionStatus::Pending,
        TransactionStatus::RequiresAction => v1::TransactionStatus::RequiresAction,
        TransactionStatus::Succeeded => v1::TransactionStatus::Succeeded,
        TransactionStatus::Failed => v1::TransactionStatus::Failed,
        TransactionStatus::PartlyRefunded => v1::TransactionStatus::PartlyRefunded,
        TransactionStatus::Refunded => v1::TransactionStatus::Refunded,
        TransactionStatus::Disputed => v1::TransactionStatus::Disputed,
        TransactionStatus::ChargedBack => v1::TransactionStatus::ChargedBack,
    }
}
