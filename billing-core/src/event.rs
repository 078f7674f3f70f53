//! What the world is told of, numbered per account.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    catalog::{ModelPrice, Plan},
    coupon::Redemption,
    event_type::EventType,
    ids::ModelId,
    invoice::{CreditNote, Invoice},
    payment::{Effect, Transaction, TransactionKind},
    subscription::SubscriptionView,
    webhook::WebhookEndpoint,
};

/// Something that happened to an account, or to what all accounts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, unique per account and rising.
    pub sequence: i64,
    /// What happened.
    pub data: EventData,
}

/// What happened, with what is told of it: how it stood right after. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventData {
    /// Quota and topped-up balance are used up to a level.
    QuotaAlert(QuotaAlert),
    /// A model without a price was asked for.
    Unpriced(UnpricedModel),
    /// What became of a subscription.
    Subscription(SubscriptionEvent, Arc<SubscriptionView>),
    /// A coupon was redeemed.
    CouponApplied(Arc<Redemption>),
    /// What became of an invoice.
    Invoice(InvoiceEvent, Arc<Invoice>),
    /// A part of an invoice was credited.
    CreditNote(Arc<CreditNote>),
    /// What became of a payment, a top-up or a refund.
    Payment(PaymentEvent, Arc<Transaction>),
    /// A model has another price.
    PriceChanged(Arc<ModelPrice>),
    /// A plan was made or changed.
    PlanChanged(Arc<Plan>),
    /// What became of a webhook endpoint.
    Endpoint(EndpointEvent, Arc<WebhookEndpoint>),
}

/// What can become of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionEvent {
    /// It was made.
    Created,
    /// Its plan, what is to come, or whether it renews.
    Changed,
    /// Another period has begun.
    Renewed,
    /// It was cancelled, at once or for the end of its period.
    Cancelled,
    /// It has ended with its last period.
    Expired,
    /// What is owed could not be collected.
    PastDue,
}

/// What can become of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceEvent {
    /// It was issued.
    Issued,
    /// It was paid.
    Paid,
    /// It is unpaid after its due date.
    Overdue,
    /// It was taken back, or given up.
    Voided,
}

/// What can become of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentEvent {
    /// The money has arrived.
    Succeeded,
    /// No money moved.
    Failed,
    /// The user has to do their part.
    RequiresAction,
    /// Money went back to the payer.
    Refunded,
    /// It is disputed, or the dispute was won or lost.
    Disputed,
}

/// What can become of a webhook endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointEvent {
    /// It has taken nothing for a day.
    Failing,
    /// It was disabled because it took nothing any more.
    Disabled,
    /// An operator tries it out.
    Test,
}

/// A model that somebody wanted to use and that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedModel {
    /// The model.
    pub model_id: ModelId,
    /// Who runs the model, as the caller said.
    pub provider: String,
}

/// A level that a window has reached, which is announced once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaAlert {
    /// The first moment of the window (UTC).
    pub window_start: DateTime<Utc>,
    /// The level.
    pub level: QuotaLevel,
    /// Tokens that are left.
    pub tokens_remaining: i64,
    /// Tokens of quota and topped-up balance.
    pub tokens_total: i64,
}

/// How far quota and topped-up balance are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaLevel {
    /// 80 % are used.
    MostUsed,
    /// The user's own threshold is reached.
    Threshold,
    /// Nothing is left.
    UsedUp,
}

impl EventData {
    /// The event's type.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            Self::QuotaAlert(alert) => match alert.level {
                QuotaLevel::MostUsed | QuotaLevel::Threshold => EventType::QuotaWarning,
                QuotaLevel::UsedUp => EventType::QuotaExhausted,
            },
            Self::Unpriced(_) => EventType::UsageUnpriced,
            Self::Subscription(event, _) => event.event_type(),
            Self::CouponApplied(_) => EventType::CouponApplied,
            Self::Invoice(event, _) => event.event_type(),
            Self::CreditNote(_) => EventType::CreditNoteCreated,
            Self::Payment(event, transaction) => event.event_type(transaction.kind),
            Self::PriceChanged(_) => EventType::PriceChanged,
            Self::PlanChanged(_) => EventType::PlanChanged,
            Self::Endpoint(event, _) => event.event_type(),
        }
    }
}

impl SubscriptionEvent {
    const fn event_type(self) -> EventType {
        match self {
            Self::Created => EventType::SubscriptionCreated,
            Self::Changed => EventType::SubscriptionChanged,
            Self::Renewed => EventType::SubscriptionRenewed,
            Self::Cancelled => EventType::SubscriptionCancelled,
            Self::Expired => EventType::SubscriptionExpired,
            Self::PastDue => EventType::SubscriptionPastDue,
        }
    }
}

impl InvoiceEvent {
    const fn event_type(self) -> EventType {
        match self {
            Self::Issued => EventType::InvoiceIssued,
            Self::Paid => EventType::InvoicePaid,
            Self::Overdue => EventType::InvoiceOverdue,
            Self::Voided => EventType::InvoiceVoided,
        }
    }
}

impl EndpointEvent {
    const fn event_type(self) -> EventType {
        match self {
            Self::Failing => EventType::EndpointFailing,
            Self::Disabled => EventType::EndpointDisabled,
            Self::Test => EventType::EndpointTest,
        }
    }
}

impl PaymentEvent {
    /// What is told of an effect; nothing of what only the operator has to know.
    pub(crate) const fn of(effect: &Effect) -> Option<Self> {
        match effect {
            Effect::Credit | Effect::LateSuccess => Some(Self::Succeeded),
            Effect::Failed(_) | Effect::RefundFailed => Some(Self::Failed),
            Effect::NeedsUser => Some(Self::RequiresAction),
            Effect::Refunded => Some(Self::Refunded),
            Effect::Frozen(_) | Effect::Unfrozen | Effect::ChargedBack(_) => Some(Self::Disputed),
            Effect::Attention(_) => None,
        }
    }

    /// A top-up has types of its own for how it ended.
    const fn event_type(self, kind: TransactionKind) -> EventType {
        match (self, kind) {
            (Self::Succeeded, TransactionKind::Topup) => EventType::TopupSucceeded,
            (Self::Failed, TransactionKind::Topup) => EventType::TopupFailed,
            (Self::Succeeded, _) => EventType::PaymentSucceeded,
            (Self::Failed, _) => EventType::PaymentFailed,
            (Self::RequiresAction, _) => EventType::PaymentRequiresAction,
            (Self::Refunded, _) => EventType::PaymentRefunded,
            (Self::Disputed, _) => EventType::PaymentDisputed,
        }
    }
}

impl QuotaLevel {
    const ALL: [Self; 3] = [Self::MostUsed, Self::Threshold, Self::UsedUp];

    /// What the level is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MostUsed => "80%",
            Self::Threshold => "threshold",
            Self::UsedUp => "100%",
        }
    }

    /// The level with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(QuotaLevel::MostUsed, "usage.quota_warning")]
    #[case(QuotaLevel::Threshold, "usage.quota_warning")]
    #[case(QuotaLevel::UsedUp, "usage.quota_exhausted")]
    fn a_level_is_announced_under_its_name(#[case] level: QuotaLevel, #[case] name: &str) {
        let data = EventData::QuotaAlert(QuotaAlert {
            window_start: DateTime::UNIX_EPOCH,
            level,
            tokens_remaining: 0,
            tokens_total: 0,
        });
        assert_eq!(data.event_type().name(), name);
        assert_eq!(QuotaLevel::named(level.name()), Some(level));
    }

    #[rstest]
    #[case(PaymentEvent::Succeeded, TransactionKind::Topup, "topup.succeeded")]
    #[case(PaymentEvent::Failed, TransactionKind::Topup, "topup.failed")]
    #[case(PaymentEvent::Disputed, TransactionKind::Topup, "payment.disputed")]
    #[case(
        PaymentEvent::Succeeded,
        TransactionKind::InvoicePayment,
        "payment.succeeded"
    )]
    #[case(PaymentEvent::Failed, TransactionKind::Refund, "payment.failed")]
    #[case(PaymentEvent::Refunded, TransactionKind::Refund, "payment.refunded")]
    fn how_a_top_up_ended_has_types_of_its_own(
        #[case] event: PaymentEvent,
        #[case] kind: TransactionKind,
        #[case] name: &str,
    ) {
        assert_eq!(event.event_type(kind).name(), name);
    }
}
