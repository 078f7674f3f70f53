//! The one table from our error codes to gRPC codes and HTTP statuses, and what becomes such an
//! error.

mod challenge;
mod protocol;
mod refusal;
mod store;

use std::time::Duration;

use http::StatusCode;
use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt};

pub(crate) use self::protocol::with_reason;

/// The `domain` of every `ErrorInfo` we send.
pub(crate) const ERROR_DOMAIN: &str = "billing.v1";

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $grpc:ident,)+) => {
        /// Why a call failed, as clients see it: the `reason` of a gRPC error and the `code` of a
        /// REST error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum ErrorCode {
            $($(#[$doc])* $variant,)+
        }

        impl ErrorCode {
            /// Every code.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it is sent, in UPPER_SNAKE.
            #[must_use]
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The gRPC code that carries it.
            #[must_use]
            pub(crate) fn grpc(self) -> Code {
                match self { $(Self::$variant => Code::$grpc,)+ }
            }
        }
    };
}

error_codes! {
    /// A field's value is refused.
    InvalidField = "INVALID_FIELD" => InvalidArgument,
    /// A REST body is not JSON.
    InvalidJson = "INVALID_JSON" => InvalidArgument,
    /// A REST request names a field that does not exist.
    UnknownField = "UNKNOWN_FIELD" => InvalidArgument,
    /// The call needs a token and has none.
    TokenMissing = "TOKEN_MISSING" => Unauthenticated,
    /// The token is malformed, forged or signed with another key or algorithm.
    TokenInvalid = "TOKEN_INVALID" => Unauthenticated,
    /// The token's time is over.
    TokenExpired = "TOKEN_EXPIRED" => Unauthenticated,
    /// The token lacks the scope that the call needs.
    ScopeMissing = "SCOPE_MISSING" => PermissionDenied,
    /// The call names another user and the token does not allow it.
    OtherUser = "OTHER_USER" => PermissionDenied,
    /// No such REST path.
    RouteNotFound = "ROUTE_NOT_FOUND" => NotFound,
    /// The REST path does not take this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED" => Unimplemented,
    /// The REST body is not `application/json`, or is encoded otherwise than by gzip.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE" => InvalidArgument,
    /// The request is larger than the server accepts.
    BodyTooLarge = "BODY_TOO_LARGE" => OutOfRange,
    /// More work is queued than the server accepts.
    Overloaded = "OVERLOADED" => ResourceExhausted,
    /// The database does not answer; the call may be repeated.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE" => Unavailable,
    /// A fault of the service.
    Internal = "INTERNAL" => Internal,
    /// The model has no price at that time.
    ModelNotFound = "MODEL_NOT_FOUND" => NotFound,
    /// The request id was used before with other content.
    UsageConflict = "USAGE_CONFLICT" => AlreadyExists,
    /// No such usage record.
    UsageNotFound = "USAGE_NOT_FOUND" => NotFound,
    /// The usage record was voided before, or is a correction.
    UsageAlreadyVoided = "USAGE_ALREADY_VOIDED" => FailedPrecondition,
    UsageAlreadyCredited = "USAGE_ALREADY_CREDITED" => FailedPrecondition,
    /// A price must not change the past.
    PriceInPast = "PRICE_IN_PAST" => FailedPrecondition,
    /// No such plan.
    PlanNotFound = "PLAN_NOT_FOUND" => NotFound,
    /// The plan is off the offer.
    PlanInactive = "PLAN_INACTIVE" => FailedPrecondition,
    /// Subscriptions use the plan.
    PlanInUse = "PLAN_IN_USE" => FailedPrecondition,
    /// Another plan has the id.
    PlanExists = "PLAN_EXISTS" => AlreadyExists,
    /// The user has a live subscription already.
    SubscriptionExists = "SUBSCRIPTION_EXISTS" => AlreadyExists,
    /// The user has no live subscription.
    SubscriptionNotFound = "SUBSCRIPTION_NOT_FOUND" => NotFound,
    /// The subscription cannot be changed like that.
    SubscriptionMoveNotAllowed = "SUBSCRIPTION_MOVE_NOT_ALLOWED" => FailedPrecondition,
    /// The code of a new coupon is taken.
    CouponExists = "COUPON_EXISTS" => AlreadyExists,
    /// No such coupon.
    CouponNotFound = "COUPON_NOT_FOUND" => NotFound,
    /// The coupon was taken back.
    CouponInactive = "COUPON_INACTIVE" => FailedPrecondition,
    /// The coupon's time has not come.
    CouponNotYetValid = "COUPON_NOT_YET_VALID" => FailedPrecondition,
    /// The coupon's time is over.
    CouponExpired = "COUPON_EXPIRED" => FailedPrecondition,
    /// The coupon was redeemed as often as it may be.
    CouponUsedUp = "COUPON_USED_UP" => FailedPrecondition,
    /// The user has redeemed the coupon as often as one user may.
    CouponUserLimit = "COUPON_USER_LIMIT" => FailedPrecondition,
    /// The coupon is for subscribers of other plans.
    CouponPlanNotAllowed = "COUPON_PLAN_NOT_ALLOWED" => FailedPrecondition,
    /// The running month owes less than the coupon asks for.
    CouponMinimumNotReached = "COUPON_MINIMUM_NOT_REACHED" => FailedPrecondition,
    /// The user has the coupon already, and it still saves.
    CouponAlreadyActive = "COUPON_ALREADY_ACTIVE" => AlreadyExists,
    /// The request id redeemed another coupon.
    CouponRequestConflict = "COUPON_REQUEST_CONFLICT" => AlreadyExists,
    /// No such invoice.
    InvoiceNotFound = "INVOICE_NOT_FOUND" => NotFound,
    /// The month has no charges to invoice.
    InvoiceNothingToBill = "INVOICE_NOTHING_TO_BILL" => FailedPrecondition,
    /// Where the invoice stands does not allow it.
    InvoiceMoveNotAllowed = "INVOICE_MOVE_NOT_ALLOWED" => FailedPrecondition,
    /// The request id made another credit note.
    CreditNoteRequestConflict = "CREDIT_NOTE_REQUEST_CONFLICT" => AlreadyExists,
    /// The card, or what else pays, was declined.
    PaymentDeclined = "PAYMENT_DECLINED" => FailedPrecondition,
    /// Another payment of the same thing is under way.
    PaymentInFlight = "PAYMENT_IN_FLIGHT" => Aborted,
    /// The user has not saved the payment method.
    PaymentMethodMissing = "PAYMENT_METHOD_MISSING" => FailedPrecondition,
    /// The payment provider does not do its work now; the call may be repeated.
    PaymentProviderUnavailable = "PAYMENT_PROVIDER_UNAVAILABLE" => Unavailable,
    /// The server was given no account at the payment provider.
    PaymentProviderNotConfigured = "PAYMENT_PROVIDER_NOT_CONFIGURED" => FailedPrecondition,
    /// The payment cannot be given back.
    PaymentNotRefundable = "PAYMENT_NOT_REFUNDABLE" => FailedPrecondition,
    /// The request id made another transaction.
    PaymentRequestConflict = "PAYMENT_REQUEST_CONFLICT" => AlreadyExists,
    /// No such transaction.
    TransactionNotFound = "TRANSACTION_NOT_FOUND" => NotFound,
    /// No such event.
    EventNotFound = "EVENT_NOT_FOUND" => NotFound,
    /// The top-up is smaller or larger than one may be.
    TopupLimit = "TOPUP_LIMIT" => InvalidArgument,
    /// The user's plan sells no tokens.
    TopupNoPrice = "TOPUP_NO_PRICE" => FailedPrecondition,
    /// The webhook is not the payment provider's.
    WebhookSignature = "WEBHOOK_SIGNATURE" => InvalidArgument,
    /// No such webhook endpoint.
    WebhookEndpointNotFound = "WEBHOOK_ENDPOINT_NOT_FOUND" => NotFound,
    /// The currency is not supported.
    SettingCurrency = "SETTING_CURRENCY" => InvalidArgument,
}

impl ErrorCode {
    /// The HTTP status of a REST error with this code.
    #[must_use]
    pub(crate) fn http(self) -> StatusCode {
        match self {
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            other => http_status(other.grpc()),
        }
    }

    /// The code that is sent as `name`.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

/// The HTTP status that stands for a gRPC code.
#[must_use]
pub(crate) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A field whose value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldViolation {
    /// The field's path, such as `records[3].model`.
    pub(crate) field: String,
    /// What is wrong with it, in a lowercase sentence.
    pub(crate) description: String,
}

/// An error as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// Why the call failed.
    pub(crate) code: ErrorCode,
    /// A lowercase sentence that names the thing at fault.
    pub(crate) message: String,
    /// The fields at fault.
    pub(crate) violations: Vec<FieldViolation>,
    /// When the call may be repeated.
    pub(crate) retry_after: Option<Duration>,
    /// The scope that the token lacks.
    pub(crate) needed_scope: Option<&'static str>,
}

impl ApiError {
    /// An error with a message.
    #[must_use]
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            violations: Vec::new(),
            retry_after: None,
            needed_scope: None,
        }
    }

    /// `INVALID_FIELD` for all fields at fault at once.
    #[must_use]
    pub(crate) fn invalid(violations: Vec<FieldViolation>) -> Self {
        let listed: Vec<_> = violations
            .iter()
            .map(|v| format!("{} {}", v.field, v.description))
            .collect();
        Self {
            violations,
            ..Self::new(ErrorCode::InvalidField, listed.join("; "))
        }
    }

    /// `INVALID_FIELD` for one field at fault.
    #[must_use]
    pub(crate) fn violation(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::invalid(vec![FieldViolation {
            field: field.into(),
            description: description.into(),
        }])
    }

    /// Tells the client which scope its token lacks.
    #[must_use]
    pub(crate) fn needs_scope(mut self, scope: &'static str) -> Self {
        self.needed_scope = Some(scope);
        self
    }

    /// Tells the client when to repeat the call.
    #[must_use]
    pub(crate) fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

/// The header, and the gRPC metadata, that tells what is wrong with a token.
pub(crate) const WWW_AUTHENTICATE: &str = "www-authenticate";

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let mut metadata = MetadataMap::new();
        let challenge = challenge::challenge(&error);
        if let Some(Ok(challenge)) = challenge.map(|challenge| challenge.parse()) {
            metadata.insert(WWW_AUTHENTICATE, challenge);
        }
        let mut details = ErrorDetails::with_error_info(error.code.as_str(), ERROR_DOMAIN, []);
        for violation in error.violations {
            details.add_bad_request_violation(violation.field, violation.description);
        }
        if let Some(delay) = error.retry_after {
            details.set_retry_info(Some(delay));
        }
        let code = error.code.grpc();
        Self::with_error_details_and_metadata(code, error.message, details, metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_the_name_it_is_sent_as() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
        }
    }

    #[test]
    fn a_status_carries_reason_domain_violations_and_delay() {
        let error = ApiError::invalid(vec![FieldViolation {
            field: "model".into(),
            description: "must not be empty".into(),
        }])
        .retry_after(Duration::from_secs(1));
        let status = Status::from(error);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "model must not be empty");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_FIELD", "billing.v1")
        );
        assert_eq!(
            details.bad_request().unwrap().field_violations[0].field,
            "model"
        );
        assert_eq!(
            details.retry_info().unwrap().retry_delay,
            Some(Duration::from_secs(1))
        );
    }
}
