//! Why a call is refused although it is well formed. Nothing changes by a refused call.

use crate::{
    Violation,
    ids::{InvoiceId, ModelId, PlanId, PlanVersionId, PriceId, TransactionId},
    money::{Money, NumberError},
    month::Month,
};

/// Why a call is refused: a reason each, with what its message needs. As text it is the message
/// that callers read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field's value does not go with what is stored.
    #[error("{0}")]
    Field(Violation),
    /// An amount does not fit.
    #[error("{what} {error}")]
    TooLarge {
        /// Which amount, with its article.
        what: &'static str,
        /// Why.
        error: NumberError,
    },

    /// The model has no price at that time.
    #[error("model {:?} has no price at that time", .0.as_str())]
    ModelUnpriced(ModelId),
    /// A price would start before now, and the model has one already.
    #[error("effective_from lies in the past and the model has a price already")]
    PriceInPast,
    /// The catalog, which forgets nothing, has no such price: a stored id is at fault.
    #[error("the catalog has no {0}")]
    PriceUnknown(PriceId),
    /// The catalog, which forgets nothing, has no such version: a stored id is at fault.
    #[error("the catalog has no {0}")]
    PlanVersionUnknown(PlanVersionId),

    /// The request id was recorded before with other content.
    #[error("this request id was recorded before with other content")]
    UsageConflict,
    /// An amount of a record does not fit.
    #[error("the amount is too large to be billed")]
    UsageTooLarge,
    /// No usage record has the id, which is as the caller wrote it.
    #[error("there is no usage record {0:?}")]
    UsageNotFound(String),
    /// The record was voided before.
    #[error("the record is voided already")]
    UsageVoided,
    /// The record reverses another one.
    #[error("a correction cannot be voided")]
    UsageIsCorrection,

    /// Credit notes have given back what the record added to its invoice.
    #[error(
        "invoice {number:?}: credit notes have left {left} USD of it, less than the record added"
    )]
    UsageCredited {
        /// The invoice's number.
        number: String,
        /// What is left of it before tax, in USD.
        left: Money,
    },

    /// No plan has the id.
    #[error("there is no plan {:?}", .0.as_str())]
    PlanNotFound(PlanId),
    /// Another plan has the id.
    #[error("there is another plan {:?}", .0.as_str())]
    PlanExists(PlanId),
    /// The plan is off the offer.
    #[error("the plan {:?} is no longer offered", .0.as_str())]
    PlanInactive(PlanId),
    /// Subscriptions use the plan or will change to it.
    #[error("plan {:?} still has subscriptions: {subscriptions}", .id.as_str())]
    PlanInUse {
        /// The plan.
        id: PlanId,
        /// How many.
        subscriptions: i64,
    },

    /// A live subscription is in the way.
    #[error("the user has a live subscription already")]
    SubscriptionExists,
    /// No live subscription.
    #[error("the user has no live subscription")]
    SubscriptionNotFound,
    /// The state of the subscription does not allow it.
    #[error("{0}")]
    SubscriptionTransition(&'static str),
    /// The user's one trial is used.
    #[error("the user has had a trial already")]
    TrialUsed,
    /// The fee of the subscription that is asked for does not fit.
    #[error("the fee {0}")]
    SubscriptionTooLarge(NumberError),

    /// A coupon cannot be redeemed.
    #[error("coupon {name:?}: {reason}")]
    Coupon {
        /// Its code or id, as the caller wrote it.
        name: String,
        /// Why.
        reason: CouponRefusal,
    },
    /// The code of a new coupon is taken.
    #[error("there is a coupon with the code {0:?} already")]
    CouponExists(String),

    /// The month has no charges to invoice.
    #[error("month {0}: there is nothing to bill")]
    NothingToBill(Month),
    /// No invoice has the id, which is as the caller wrote it.
    #[error("invoice {0:?}: there is no such invoice")]
    InvoiceNotFound(String),
    /// The status of the invoice does not allow it.
    #[error("invoice \"{id}\": the invoice is {status}")]
    InvoiceTransition {
        /// The invoice.
        id: InvoiceId,
        /// What its status is called.
        status: &'static str,
    },
    /// Records of the invoice were voided after it was issued, and given back.
    #[error(
        "invoice \"{0}\": records of it were voided and given back; credit the rest of it instead"
    )]
    InvoiceCorrected(InvoiceId),
    /// The request id made another credit note.
    #[error("invoice \"{0}\": the request id was used for another credit note")]
    CreditNoteConflict(InvoiceId),

    /// The user has saved no method to charge, or not the one that was named.
    #[error("the user has no such payment method; save one first")]
    PaymentMethodMissing,
    /// Another payment of the same thing may still succeed.
    #[error("{what}: transaction \"{transaction}\" for it is still under way")]
    PaymentInFlight {
        /// What is paid: an invoice with its id, or a top-up.
        what: String,
        /// The transaction that is under way.
        transaction: TransactionId,
    },
    /// A payment cannot be given back.
    #[error("transaction \"{id}\": {reason}")]
    PaymentNotRefundable {
        /// The payment.
        id: TransactionId,
        /// Why not.
        reason: RefundRefusal,
    },
    /// No transaction has the id, which is as the caller wrote it.
    #[error("there is no transaction {0:?}")]
    TransactionNotFound(String),
    /// No event has the id, which is as the caller wrote it.
    #[error("there is no event {0:?}")]
    EventNotFound(String),
    /// The request id made another transaction.
    #[error("this request id was used for another transaction")]
    TransactionConflict,
    /// No webhook endpoint has the id, which is as the caller wrote it.
    #[error("there is no webhook endpoint {0:?}")]
    WebhookEndpointNotFound(String),
    /// A top-up is smaller or larger than one may be.
    #[error("amount must be between {least} and {most} USD")]
    TopupLimit {
        /// The least, in USD.
        least: Money,
        /// The most, in USD.
        most: Money,
    },
    /// The user's plan sells no tokens.
    #[error("no tokens can be bought: {0}")]
    TopupNoPrice(TopupRefusal),
}

/// Why a payment cannot be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// It is a refund itself.
    #[error("it is a refund")]
    IsRefund,
    /// Its money has not arrived.
    #[error("it has not succeeded")]
    NotSucceeded,
    /// The payer disputes it.
    #[error("it is disputed")]
    Disputed,
    /// The payer's bank has taken it back.
    #[error("it was charged back")]
    ChargedBack,
    /// It was given back, or is being given back, in full.
    #[error("it was given back in full already")]
    AlreadyRefunded,
    /// All its tokens are used.
    #[error("none of its tokens are left")]
    NothingUnused,
    /// More is asked for than is left, in USD.
    #[error("at most {0} USD of it can be given back")]
    MoreThanLeft(Money),
}

/// Why the user's plan sells no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopupRefusal {
    /// No plan, so no price.
    #[error("the user has no plan")]
    NoPlan,
    /// Tokens of a metered plan cost their models' prices, so bought ones are never used.
    #[error("the user's plan is metered")]
    Metered,
    /// The plan's price of extra tokens is 0.
    #[error("the user's plan has no price for extra tokens")]
    NoPrice,
    /// The amount is less than one token costs.
    #[error("the amount is less than one token costs")]
    BuysNothing,
}

/// Why a coupon cannot be redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CouponRefusal {
    /// No such code.
    #[error("there is none")]
    NotFound,
    /// Taken back.
    #[error("it is no longer offered")]
    Inactive,
    /// Too early.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Too late.
    #[error("it has expired")]
    Expired,
    /// The user's redemption of it still saves.
    #[error("it is applied already")]
    AlreadyActive,
    /// Redeemed as often as it may be.
    #[error("it is used up")]
    UsedUp,
    /// Redeemed by the user as often as one user may.
    #[error("it was redeemed as often as one user may")]
    UserLimit,
    /// For subscribers of other plans.
    #[error("it does not apply to the user's plan")]
    PlanNotAllowed,
    /// The month owes too little.
    #[error("the running month does not reach its minimum purchase amount")]
    MinimumNotReached,
    /// The request id redeemed another coupon.
    #[error("the request id was used for another one")]
    RequestConflict,
}

impl Refusal {
    /// A field's value does not go with what is stored; `description` is a lowercase sentence
    /// without a subject.
    pub fn field(field: &'static str, description: impl Into<String>) -> Self {
        Self::Field(Violation::new(field, description))
    }

    /// The month has not begun.
    #[must_use]
    pub fn month_in_future() -> Self {
        Self::field("billing_month", "must not be in the future")
    }

    /// The month, which is to be closed or checked, is not over.
    #[must_use]
    pub fn month_not_over() -> Self {
        Self::field("month", "must be over")
    }

    /// The amount exceeds what credit notes and voided records have left of the invoice.
    #[must_use]
    pub fn credit_too_high(left: Money) -> Self {
        let description =
            format!("must be at most {left}, what was not given back of the invoice yet");
        Self::field("amount", description)
    }

    /// What the error of a named amount comes to.
    pub(crate) fn too_large(what: &'static str) -> impl Fn(NumberError) -> Self {
        move |error| Self::TooLarge { what, error }
    }
}

/// An amount without a better name.
impl From<NumberError> for Refusal {
    fn from(error: NumberError) -> Self {
        Self::TooLarge {
            what: "an amount",
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{money, month, uuid};

    fn plan() -> PlanId {
        PlanId::parse("plan \"x\"").unwrap()
    }

    fn invoice() -> InvoiceId {
        InvoiceId::new(uuid("a"))
    }

    const INVOICE: &str = "invoice \"inv-61000000000000000000000000000000\"";

    #[rstest]
    #[case(
        Refusal::ModelUnpriced(ModelId::parse("gpt-4").unwrap()),
        "model \"gpt-4\" has no price at that time"
    )]
    #[case(Refusal::PriceUnknown(PriceId::new(7)), "the catalog has no price-7")]
    #[case(
        Refusal::PlanVersionUnknown(PlanVersionId::new(7)),
        "the catalog has no plan-version-7"
    )]
    #[case(Refusal::UsageNotFound("rec\n".into()), "there is no usage record \"rec\\n\"")]
    #[case(Refusal::PlanNotFound(plan()), "there is no plan \"plan \\\"x\\\"\"")]
    #[case(
        Refusal::PlanExists(plan()),
        "there is another plan \"plan \\\"x\\\"\""
    )]
    #[case(
        Refusal::PlanInactive(plan()),
        "the plan \"plan \\\"x\\\"\" is no longer offered"
    )]
    #[case(
        Refusal::PlanInUse { id: plan(), subscriptions: 3 },
        "plan \"plan \\\"x\\\"\" still has subscriptions: 3"
    )]
    #[case(
        Refusal::SubscriptionTooLarge(NumberError::TooLarge),
        "the fee is too large"
    )]
    #[case(
        Refusal::Coupon { name: "SAVE".into(), reason: CouponRefusal::Expired },
        "coupon \"SAVE\": it has expired"
    )]
    #[case(
        Refusal::CouponExists("SAVE".into()),
        "there is a coupon with the code \"SAVE\" already"
    )]
    #[case(
        Refusal::NothingToBill(month("2024-11")),
        "month 2024-11: there is nothing to bill"
    )]
    #[case(
        Refusal::InvoiceNotFound("inv-1".into()),
        "invoice \"inv-1\": there is no such invoice"
    )]
    #[case(Refusal::from(NumberError::TooLarge), "an amount is too large")]
    #[case(Refusal::too_large("a fee")(NumberError::TooLarge), "a fee is too large")]
    #[case(Refusal::month_in_future(), "billing_month must not be in the future")]
    #[case(Refusal::month_not_over(), "month must be over")]
    #[case(
        Refusal::credit_too_high(money("7.5")),
        "amount must be at most 7.5, what was not given back of the invoice yet"
    )]
    #[case(
        Refusal::TransactionNotFound("txn-1".into()),
        "there is no transaction \"txn-1\""
    )]
    #[case(
        Refusal::TopupLimit { least: money("1"), most: money("10000") },
        "amount must be between 1 and 10000 USD"
    )]
    #[case(
        Refusal::TopupNoPrice(TopupRefusal::NoPrice),
        "no tokens can be bought: the user's plan has no price for extra tokens"
    )]
    fn a_refusal_names_what_it_is_about(#[case] refusal: Refusal, #[case] message: &str) {
        assert_eq!(refusal.to_string(), message);
    }

    #[test]
    fn a_refused_invoice_is_named_by_its_id() {
        let paid = Refusal::InvoiceTransition {
            id: invoice(),
            status: "paid",
        };
        assert_eq!(paid.to_string(), format!("{INVOICE}: the invoice is paid"));
        let conflict = Refusal::CreditNoteConflict(invoice());
        let message = format!("{INVOICE}: the request id was used for another credit note");
        assert_eq!(conflict.to_string(), message);
    }

    #[test]
    fn a_refused_payment_is_named_by_its_id() {
        let id = TransactionId::new(uuid("a"));
        let left = RefundRefusal::MoreThanLeft(money("7.5"));
        let refused = Refusal::PaymentNotRefundable { id, reason: left };
        let message = "transaction \"txn-61000000000000000000000000000000\": \
                       at most 7.5 USD of it can be given back";
        assert_eq!(refused.to_string(), message);
        let running = Refusal::PaymentInFlight {
            what: INVOICE.to_owned(),
            transaction: id,
        };
        let message = format!("{INVOICE}: transaction \"{id}\" for it is still under way");
        assert_eq!(running.to_string(), message);
    }
}
