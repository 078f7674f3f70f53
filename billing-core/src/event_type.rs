//! The types of events (contract, chapter 14).

/// What happened, as it is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Quota and topped-up balance are used up to a level.
    QuotaWarning,
    /// Nothing is left of quota and topped-up balance.
    QuotaExhausted,
    /// A model without a price was asked for.
    UsageUnpriced,
    /// A user has subscribed.
    SubscriptionCreated,
    /// A subscription has changed: its plan, what is to come, or that it renews.
    SubscriptionChanged,
    /// Another period of a subscription has begun.
    SubscriptionRenewed,
    /// A subscription was cancelled, at once or for the end of its period.
    SubscriptionCancelled,
    /// A subscription has ended with its last period.
    SubscriptionExpired,
    /// What a subscriber owes could not be collected.
    SubscriptionPastDue,
    /// A coupon was redeemed.
    CouponApplied,
    /// An invoice was issued.
    InvoiceIssued,
    /// An invoice was paid.
    InvoicePaid,
    /// An invoice is unpaid after its due date.
    InvoiceOverdue,
    /// An invoice was taken back, or given up.
    InvoiceVoided,
    /// A part of an invoice was credited.
    CreditNoteCreated,
    /// An invoice's payment has arrived.
    PaymentSucceeded,
    /// An invoice's payment, or a refund, has failed.
    PaymentFailed,
    /// The user has to do their part of a payment.
    PaymentRequiresAction,
    /// Money went back to the payer.
    PaymentRefunded,
    /// A payment is disputed, or what became of its dispute.
    PaymentDisputed,
    /// A top-up's money has arrived, and the balance has grown.
    TopupSucceeded,
    /// A top-up has failed.
    TopupFailed,
    /// A model has another price.
    PriceChanged,
    /// A plan was made or changed.
    PlanChanged,
    /// An endpoint has taken nothing for a day.
    EndpointFailing,
    /// An endpoint was disabled because it took nothing any more.
    EndpointDisabled,
    /// An operator tries an endpoint out.
    EndpointTest,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 27] = [
        Self::QuotaWarning,
        Self::QuotaExhausted,
        Self::UsageUnpriced,
        Self::SubscriptionCreated,
        Self::SubscriptionChanged,
        Self::SubscriptionRenewed,
        Self::SubscriptionCancelled,
        Self::SubscriptionExpired,
        Self::SubscriptionPastDue,
        Self::CouponApplied,
        Self::InvoiceIssued,
        Self::InvoicePaid,
        Self::InvoiceOverdue,
        Self::InvoiceVoided,
        Self::CreditNoteCreated,
        Self::PaymentSucceeded,
        Self::PaymentFailed,
        Self::PaymentRequiresAction,
        Self::PaymentRefunded,
        Self::PaymentDisputed,
        Self::TopupSucceeded,
        Self::TopupFailed,
        Self::PriceChanged,
        Self::PlanChanged,
        Self::EndpointFailing,
        Self::EndpointDisabled,
        Self::EndpointTest,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuotaWarning => "usage.quota_warning",
            Self::QuotaExhausted => "usage.quota_exhausted",
            Self::UsageUnpriced => "usage.unpriced",
            Self::SubscriptionCreated => "subscription.created",
            Self::SubscriptionChanged => "subscription.changed",
            Self::SubscriptionRenewed => "subscription.renewed",
            Self::SubscriptionCancelled => "subscription.cancelled",
            Self::SubscriptionExpired => "subscription.expired",
            Self::SubscriptionPastDue => "subscription.past_due",
            Self::CouponApplied => "coupon.applied",
            Self::InvoiceIssued => "invoice.issued",
            Self::InvoicePaid => "invoice.paid",
            Self::InvoiceOverdue => "invoice.overdue",
            Self::InvoiceVoided => "invoice.voided",
            Self::CreditNoteCreated => "credit_note.created",
            Self::PaymentSucceeded => "payment.succeeded",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentRequiresAction => "payment.requires_action",
            Self::PaymentRefunded => "payment.refunded",
            Self::PaymentDisputed => "payment.disputed",
            Self::TopupSucceeded => "topup.succeeded",
            Self::TopupFailed => "topup.failed",
            Self::PriceChanged => "price.changed",
            Self::PlanChanged => "plan.changed",
            Self::EndpointFailing => "webhook_endpoint.failing",
            Self::EndpointDisabled => "webhook_endpoint.disabled",
            Self::EndpointTest => "webhook_endpoint.test",
        }
    }

    /// The type with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_has_a_name_of_its_own_and_is_found_by_it() {
        let names: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        for kind in EventType::ALL {
            assert_eq!(EventType::named(kind.name()), Some(kind));
        }
        assert_eq!(EventType::named("invoice"), None);
    }
}
