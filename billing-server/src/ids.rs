//! Ids of what the service makes.

use std::sync::{Arc, Mutex};

use billing_core::ids::{
    CouponId, CreditNoteId, EventId, InvoiceId, PaymentMethodId, RecordId, RedemptionId,
    SubscriptionId, TransactionId, WebhookEndpointId,
};
use billing_store::NewInvoiceId;
use uuid::{ContextV7, Timestamp, Uuid};

use crate::clock::Clock;

/// Makes ids that sort by time, also those that one millisecond makes.
pub(crate) struct Ids {
    clock: Arc<dyn Clock>,
    context: Mutex<ContextV7>,
}

macro_rules! makes {
    ($($(#[doc = $doc:tt])+ $name:ident: $id:ident;)+) => {
        $($(#[doc = $doc])+
        pub(crate) fn $name(&self) -> $id {
            $id::new(self.next())
        })+
    };
}

impl Ids {
    /// Ids with the times of a clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            context: Mutex::new(ContextV7::new()),
        }
    }

    fn next(&self) -> Uuid {
        let now = self.clock.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let at = Timestamp::from_unix(&self.context, seconds, now.timestamp_subsec_nanos());
        Uuid::new_v7(at)
    }

    makes! {
        /// The next usage record's id.
        record: RecordId;
        /// The next subscription's id.
        subscription: SubscriptionId;
        /// The next coupon's id.
        coupon: CouponId;
        /// The next redemption's id.
        redemption: RedemptionId;
        /// The next invoice's id.
        invoice: InvoiceId;
        /// The next credit note's id.
        credit_note: CreditNoteId;
        /// The next transaction's id.
        transaction: TransactionId;
        /// The next payment method's id.
        payment_method: PaymentMethodId;
        /// The next event's id.
        event: EventId;
        /// The next webhook endpoint's id.
        webhook_endpoint: WebhookEndpointId;
    }

    /// What nobody else holds a lease under.
    pub(crate) fn lease(&self) -> Uuid {
        self.next()
    }

    /// Ids of invoices, for a store that makes many within a transaction.
    pub(crate) fn invoices(self: Arc<Self>) -> NewInvoiceId {
        Arc::new(move || self.invoice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;

    #[test]
    fn ids_of_one_moment_sort_in_the_order_they_were_made() {
        let now = "2024-11-01T00:00:00Z".parse().unwrap();
        let ids = Ids::new(Arc::new(TestClock::new(now)));
        let made: Vec<_> = (0..100).map(|_| ids.invoice().to_string()).collect();
        assert!(made.is_sorted());
        assert!(made.iter().all(|id| id.starts_with("inv-")));
    }
}
