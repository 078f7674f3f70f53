//! Recording usage and reading it back.

mod bulk;
mod convert;
mod fingerprint;
mod stream;

use billing_core::{
    catalog::Catalog,
    ids::InvoiceId,
    refusal::Refusal,
    usage::{Call, Outcome, Usage, UsageRecord},
};
use billing_proto::v1::{self, usage_service_server::UsageService};
use billing_store::{FoundRecords, InvoicedRecord};
use tonic::{Request, Streaming};

use self::convert::RecordPage;
pub(super) use self::convert::record;
pub(crate) use self::convert::usage as check;
use super::{Answer, service::service};
use crate::{
    app::App,
    auth::{Caller, caller},
    delivery,
    error::ApiError,
};

/// The most records in one batch.
const MAX_BATCH: usize = 10_000;

service! {
    UsageService for App where StreamUsageStream = stream::Answers {
        UsageWrite => record_usage(v1::RecordUsageRequest) -> v1::RecordUsageResponse;
        UsageWrite => record_usage_batch(v1::RecordUsageBatchRequest) -> v1::RecordUsageBatchResponse;
        UsageWrite => stream_usage(Streaming<v1::RecordUsageRequest>) -> stream::Answers;
        User => calculate_cost(v1::CalculateCostRequest) -> v1::CalculateCostResponse;
        User => get_usage_record(v1::GetUsageRecordRequest) -> v1::UsageRecord;
        User => list_usage_records(v1::ListUsageRecordsRequest) -> v1::ListUsageRecordsResponse;
        Admin => void_usage(v1::VoidUsageRequest) -> v1::UsageRecord;
    }
}

impl App {
    async fn record_usage(
        &self,
        request: Request<v1::RecordUsageRequest>,
    ) -> Answer<v1::RecordUsageResponse> {
        let usage = self.usage(&*caller(&request)?, request.into_inner())?;
        // A model without a price is refused before the database hears of the user.
        self.check_price(&usage).await?;
        let (record, duplicate) = recorded(self.writer().record(usage).await?)?;
        Ok(v1::RecordUsageResponse {
            record: Some(self.shown(record, None)?),
            duplicate,
        })
    }

    async fn record_usage_batch(
        &self,
        request: Request<v1::RecordUsageBatchRequest>,
    ) -> Answer<v1::RecordUsageBatchResponse> {
        let caller = caller(&request)?;
        let records = request.into_inner().records;
        if records.is_empty() || records.len() > MAX_BATCH {
            let description = format!("must be from 1 to {MAX_BATCH} records");
            return Err(ApiError::violation("records", description));
        }
        let results = self.queue_all(&caller, records).await?.results().await;
        Ok(convert::batch_results(results))
    }

    async fn stream_usage(
        &self,
        request: Request<Streaming<v1::RecordUsageRequest>>,
    ) -> Answer<stream::Answers> {
        let caller = caller(&request)?;
        Ok(stream::run(self.clone(), caller, request.into_inner()))
    }

    async fn calculate_cost(
        &self,
        request: Request<v1::CalculateCostRequest>,
    ) -> Answer<v1::CalculateCostResponse> {
        let user = caller(&request)?.resolve_for_usage(&request.get_ref().user_id)?;
        let usage = convert::quote_input(user, request.into_inner(), self.now())?;
        Ok(convert::cost(&self.store().quote(usage).await?))
    }

    async fn get_usage_record(
        &self,
        request: Request<v1::GetUsageRecordRequest>,
    ) -> Answer<v1::UsageRecord> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_record(&user, request.into_inner().id)?;
        let found = self.store().record(user_id, id).await?;
        Ok(self.shown(found.record, found.invoice_id)?)
    }

    async fn list_usage_records(
        &self,
        request: Request<v1::ListUsageRecordsRequest>,
    ) -> Answer<v1::ListUsageRecordsResponse> {
        let user = caller(&request)?.resolve_listed(&request.get_ref().user_id)?;
        let user = user.as_ref();
        let RecordPage { filter, page } = convert::record_page(user, request.into_inner())?;
        let FoundRecords { mut records, rest } = self.store().records(filter, page.limit()).await?;
        let cut = page.cut(&mut records, |found| found.record.id);
        // What was not searched is behind all that was found.
        let rest = rest.map(|id| page.after(&id)).unwrap_or_default();
        let next_page_token = if cut.is_empty() { rest } else { cut };
        let shown = |found: InvoicedRecord| self.shown(found.record, found.invoice_id);
        Ok(v1::ListUsageRecordsResponse {
            records: records.into_iter().map(shown).collect::<Result<_, _>>()?,
            next_page_token,
        })
    }

    async fn void_usage(&self, request: Request<v1::VoidUsageRequest>) -> Answer<v1::UsageRecord> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let order = convert::void_order(&user, request.into_inner(), self.ids().record())?;
        let correction = self.store().void_usage(order).await?;
        Ok(self.shown(correction, None)?)
    }

    /// Checks a model call of a caller who may record usage.
    fn usage(&self, caller: &Caller, request: v1::RecordUsageRequest) -> Answer<Usage> {
        let user = caller.resolve_for_usage(&request.user_id)?;
        convert::usage(user, request, self.ids().record(), self.now())
    }

    /// A record as it is sent. The catalog is as new as every record that the store has answered.
    fn shown(
        &self,
        record: UsageRecord,
        invoice_id: Option<InvoiceId>,
    ) -> Result<v1::UsageRecord, Refusal> {
        convert::record(record, invoice_id, &self.store().cached_catalog())
    }

    /// Checks that a call's model has a price; prices are read again before it has none.
    async fn check_price(&self, usage: &Usage) -> Answer<()> {
        let store = self.store();
        if is_priced(&store.cached_catalog(), usage) {
            return Ok(());
        }
        if is_priced(store.catalog().await?.as_ref(), usage) {
            return Ok(());
        }
        Err(self.refuse_unpriced(&usage.call).into())
    }

    /// Refuses a call whose model has no price, of which operators are told.
    fn refuse_unpriced(&self, call: &Call) -> Refusal {
        delivery::note_unpriced(self, call);
        Refusal::ModelUnpriced(call.model.clone())
    }
}

fn is_priced(catalog: &Catalog, usage: &Usage) -> bool {
    let at = usage.call.created_at.min(usage.received_at);
    catalog.price_at(usage.call.model.as_str(), at).is_some()
}

/// The record, and whether it is a repeat.
fn recorded(outcome: Outcome) -> Result<(UsageRecord, bool), Refusal> {
    match outcome {
        Outcome::Recorded(record) => Ok((record, false)),
        Outcome::Duplicate(record) => Ok((record, true)),
        Outcome::Refused(refusal) => Err(refusal),
    }
}
