//! Lists that come page by page.

use billing_proto::v1;
use futures_util::stream::{self, Stream, TryStreamExt};

use crate::{BillingClient, Error};

/// A request for a list that comes page by page.
pub trait List: Clone + Send + 'static {
    /// What is listed.
    type Entry: Send + 'static;

    /// Asks for a page: its entries, and what asks for the page behind it, if there is one.
    ///
    /// # Errors
    /// Those of the call.
    fn page(
        self,
        client: &BillingClient,
    ) -> impl Future<Output = Result<(Vec<Self::Entry>, Option<Self>), Error>> + Send;
}

impl BillingClient {
    /// Lists everything from the page that is asked for on, fetching page after page as the stream
    /// is read. Ends with the first error.
    pub fn all<L: List>(
        &self,
        list: L,
    ) -> impl Stream<Item = Result<L::Entry, Error>> + Send + 'static + use<L> {
        let pages = stream::try_unfold((self.clone(), Some(list)), async |(client, list)| {
            let Some(list) = list else {
                return Ok::<_, Error>(None);
            };
            let (entries, next) = list.page(&client).await?;
            let entries = stream::iter(entries.into_iter().map(Ok));
            Ok(Some((entries, (client, next))))
        });
        pages.try_flatten()
    }
}

/// Lists whose pages name the next one by a token.
macro_rules! lists {
    ($($call:ident($request:ident) -> $entries:ident: $entry:ident;)*) => {
        $(impl List for v1::$request {
            type Entry = v1::$entry;

            async fn page(
                mut self,
                client: &BillingClient,
            ) -> Result<(Vec<Self::Entry>, Option<Self>), Error> {
                let page = client.$call(self.clone()).await?;
                self.page_token = page.next_page_token;
                let next = (!self.page_token.is_empty()).then_some(self);
                Ok((page.$entries, next))
            }
        })*
    };
}

lists! {
    get_usage_breakdown(GetUsageBreakdownRequest) -> rows: UsageBreakdownRow;
    list_coupons(ListCouponsRequest) -> coupons: Coupon;
    list_credit_notes(ListCreditNotesRequest) -> credit_notes: CreditNote;
    list_model_prices(ListModelPricesRequest) -> prices: ModelPrice;
    list_redemptions(ListRedemptionsRequest) -> redemptions: Redemption;
    list_subscriptions(ListSubscriptionsRequest) -> subscriptions: Subscription;
    list_transactions(ListTransactionsRequest) -> transactions: Transaction;
    list_usage_records(ListUsageRecordsRequest) -> records: UsageRecord;
}

impl List for v1::ListInvoicesRequest {
    type Entry = v1::InvoiceSummary;

    async fn page(
        mut self,
        client: &BillingClient,
    ) -> Result<(Vec<Self::Entry>, Option<Self>), Error> {
        let page = client.list_invoices(self.clone()).await?;
        self.page = Some(self.page.unwrap_or(1).saturating_add(1));
        // Pages are numbered, and one beyond the last is empty.
        let next = (!page.invoices.is_empty()).then_some(self);
        Ok((page.invoices, next))
    }
}
