//! Recording usage and reading it back.

mod bulk;
mod convert;
mod fingerprint;
mod stream;

use std::sync::Arc;

use billing_core::{
    pricing::Catalog,
    rating::{Outcome, UsageRecord},
    usage::Usage,
};
use billing_proto::v1::{self, usage_service_server::UsageService};
use chrono::{DateTime, Utc};
use tonic::{Request, Streaming};

use self::convert::RecordPage;
use super::{Answer, service::service};
use crate::{
    app::App,
    auth::{Caller, caller},
    error::{
        ApiError,
        refused::{
            model_not_found, quote_refused, record_not_found, usage_conflict, usage_too_large,
            void_refused,
        },
    },
};

/// The most records in one batch.
const MAX_BATCH: usize = 10_000;

service! {
    UsageService for App where StreamUsageStream = stream::Answers {
        record_usage(v1::RecordUsageRequest) -> v1::RecordUsageResponse;
        record_usage_batch(v1::RecordUsageBatchRequest) -> v1::RecordUsageBatchResponse;
        stream_usage(Streaming<v1::RecordUsageRequest>) -> stream::Answers;
        calculate_cost(v1::CalculateCostRequest) -> v1::CalculateCostResponse;
        get_usage_record(v1::GetUsageRecordRequest) -> v1::UsageRecord;
        list_usage_records(v1::ListUsageRecordsRequest) -> v1::ListUsageRecordsResponse;
        void_usage(v1::VoidUsageRequest) -> v1::UsageRecord;
    }
}

impl App {
    async fn record_usage(
        &self,
        request: Request<v1::RecordUsageRequest>,
    ) -> Answer<v1::RecordUsageResponse> {
        let usage = self.usage(&*caller(&request)?, request.into_inner())?;
        let model = usage.model.clone();
        // A model without a price is refused before the database hears of the user.
        let at = usage.created_at.min(usage.received_at);
        self.catalog_with(model.as_str(), at).await?;
        let outcome = self.writer().record(usage).await?;
        let (record, duplicate) = recorded(outcome, model.as_str())?;
        Ok(v1::RecordUsageResponse {
            record: Some(convert::record(record)),
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
        let results = self.record_all(&caller, records).await?;
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
        let now = self.now();
        let usage = convert::quote_input(user, request.into_inner(), now)?;
        let model = usage.model.clone();
        let quoted = self.store().quote(usage, now).await?;
        let quote = quoted.map_err(|refusal| quote_refused(model.as_str(), refusal))?;
        Ok(convert::cost(&quote))
    }

    async fn get_usage_record(
        &self,
        request: Request<v1::GetUsageRecordRequest>,
    ) -> Answer<v1::UsageRecord> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_record(&user, request.into_inner().id)?;
        let found = self.store().record(user_id, id.clone()).await?;
        Ok(convert::record(found.ok_or_else(|| record_not_found(&id))?))
    }

    async fn list_usage_records(
        &self,
        request: Request<v1::ListUsageRecordsRequest>,
    ) -> Answer<v1::ListUsageRecordsResponse> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let RecordPage { filter, page } = convert::record_page(&user, request.into_inner())?;
        let mut found = self.store().records(filter, page.limit()).await?;
        Ok(v1::ListUsageRecordsResponse {
            next_page_token: page.cut(&mut found, |record| record.id.as_str()),
            records: found.into_iter().map(convert::record).collect(),
        })
    }

    async fn void_usage(&self, request: Request<v1::VoidUsageRequest>) -> Answer<v1::UsageRecord> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let order = convert::void_order(&user, request.into_inner(), self.ids().record())?;
        let id = order.id.clone();
        let voided = self.store().void_usage(order, self.clock()).await?;
        let correction = voided.map_err(|refusal| void_refused(&id, refusal))?;
        Ok(convert::record(correction))
    }

    /// Checks a model call of a caller who may record usage.
    fn usage(&self, caller: &Caller, request: v1::RecordUsageRequest) -> Answer<Usage> {
        let user = caller.resolve_for_usage(&request.user_id)?;
        convert::usage(user, request, self.ids().record(), self.now())
    }

    /// The prices, read again if they have none for a model at a time.
    async fn catalog_with(&self, model: &str, at: DateTime<Utc>) -> Answer<Arc<Catalog>> {
        let cached = self.store().cached_catalog();
        if cached.price_at(model, at).is_some() {
            return Ok(cached);
        }
        let current = self.store().catalog().await?;
        match current.price_at(model, at) {
            Some(_) => Ok(current),
            None => Err(model_not_found(model)),
        }
    }
}

/// The record, and whether it is a repeat.
fn recorded(outcome: Outcome, model: &str) -> Answer<(UsageRecord, bool)> {
    match outcome {
        Outcome::Recorded(record) => Ok((record, false)),
        Outcome::Duplicate(record) => Ok((record, true)),
        Outcome::Conflict => Err(usage_conflict()),
        Outcome::Unpriced => Err(model_not_found(model)),
        Outcome::TooLarge => Err(usage_too_large()),
    }
}
