//! What was captured in a stretch of time. PayPal has no list of orders, only a search of the
//! account's transactions.

use std::collections::BTreeSet;

use billing_core::{ids::TransactionId, payment::Charge};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

use super::{PaypalClient, charge::time, http::Call};
use crate::payments::provider::ProviderError;

/// The longest stretch that one search covers.
const LONGEST: TimeDelta = TimeDelta::days(31);
/// Entries of a page, the most there can be.
const PAGE: &str = "500";

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    transaction_details: Vec<Entry>,
    #[serde(default)]
    total_pages: u32,
}

#[derive(Deserialize)]
struct Entry {
    transaction_info: Info,
}

/// An entry of the account.
#[derive(Deserialize)]
struct Info {
    /// Of a payment: the capture.
    transaction_id: String,
    /// T00nn is a payment, T11nn a refund or reversal, and so on.
    transaction_event_code: String,
    transaction_initiation_date: String,
    /// What we gave as custom id.
    custom_field: Option<String>,
}

impl Info {
    /// Whether it is a payment of one of our orders.
    fn is_ours(&self) -> bool {
        let ours = self.custom_field.as_deref().map(TransactionId::parse);
        self.transaction_event_code.starts_with("T00") && matches!(ours, Some(Ok(_)))
    }
}

impl PaypalClient {
    /// The orders of ours that were captured in a stretch of time, `from` included and `until`
    /// not; the second of `from` counts as a whole.
    ///
    /// Orders that were never captured are missing: they moved no money, and PayPal lists them
    /// nowhere. The search lags behind by up to three hours, so the stretch should end before
    /// that. An app without the permission to search is refused with `NOT_AUTHORIZED`.
    pub(super) async fn captured_between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charge>, ProviderError> {
        let mut captures = BTreeSet::new();
        let mut start = from;
        while start < until {
            let end = start
                .checked_add_signed(LONGEST)
                .unwrap_or(until)
                .min(until);
            self.search(start, end, &mut captures).await?;
            start = end;
        }
        let mut orders = BTreeSet::new();
        for capture in captures {
            orders.extend(self.order_of_capture(&capture).await?);
        }
        let mut charges = Vec::new();
        for order in orders {
            charges.push(self.order_as_charge(&order).await?);
        }
        Ok(charges)
    }

    /// Adds the captures of ours in a stretch that one search covers.
    async fn search(
        &self,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        captures: &mut BTreeSet<String>,
    ) -> Result<(), ProviderError> {
        let mut page = 1_u32;
        loop {
            let query = vec![
                (
                    "start_date",
                    start.to_rfc3339_opts(SecondsFormat::Secs, true),
                ),
                ("end_date", end.to_rfc3339_opts(SecondsFormat::Secs, true)),
                ("fields", "transaction_info".to_owned()),
                ("page_size", PAGE.to_owned()),
                ("page", page.to_string()),
            ];
            let call = Call::get("/v1/reporting/transactions".to_owned()).query(query);
            let found: Found = self.api.send(call).await?;
            for entry in found.transaction_details {
                let info = entry.transaction_info;
                // PayPal includes the end.
                if info.is_ours() && time(&info.transaction_initiation_date)? < end {
                    captures.insert(info.transaction_id);
                }
            }
            if page >= found.total_pages {
                return Ok(());
            }
            page = page.saturating_add(1);
        }
    }
}
