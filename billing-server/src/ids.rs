//! Ids of what the service makes.

use std::sync::{Arc, Mutex};

use billing_core::ids::InvoiceId;
use billing_store::NewInvoiceId;
use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::clock::Clock;

/// Makes ids that sort by time, also those that one millisecond makes.
pub(crate) struct Ids(Mutex<ContextV7>);

impl Default for Ids {
    fn default() -> Self {
        Self(Mutex::new(ContextV7::new()))
    }
}

impl Ids {
    /// The next id with a prefix.
    pub(crate) fn next(&self, prefix: &str, now: DateTime<Utc>) -> String {
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let at = Timestamp::from_unix(&self.0, seconds, now.timestamp_subsec_nanos());
        format!("{prefix}-{}", Uuid::new_v7(at).simple())
    }

    /// The next id of an invoice.
    pub(crate) fn next_invoice(&self, now: DateTime<Utc>) -> InvoiceId {
        InvoiceId::trusted(self.next("inv", now))
    }

    /// Ids of invoices, for a store that makes many within a transaction.
    pub(crate) fn invoices(self: Arc<Self>, clock: Arc<dyn Clock>) -> NewInvoiceId {
        Arc::new(move || self.next_invoice(clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_moment_sort_in_the_order_they_were_made() {
        let ids = Ids::default();
        let now = "2024-11-01T00:00:00Z".parse().unwrap();
        let made: Vec<_> = (0..100).map(|_| ids.next("inv", now)).collect();
        assert!(made.is_sorted());
        assert!(made.iter().all(|id| id.starts_with("inv-")));
    }
}
