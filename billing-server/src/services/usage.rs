//! Recording usage and reading it back.

use billing_core::{
    correction::VoidRefusal,
    ids::{RecordId, UserId},
    rating::{Outcome, QuoteError, UsageRecord},
    usage::Usage,
};
use billing_proto::v1::{self, usage_service_server::UsageService};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{Services, model_not_found, stream};
use crate::{
    auth::{Caller, layer::caller},
    convert::{self, RecordPage, Violations},
    error::{ApiError, ErrorCode},
};

/// The most records in one batch.
const MAX_BATCH: usize = 10_000;

#[async_trait]
impl UsageService for Services {
    type StreamUsageStream = ReceiverStream<Result<v1::StreamUsageResponse, Status>>;

    async fn record_usage(
        &self,
        request: Request<v1::RecordUsageRequest>,
    ) -> Result<Response<v1::RecordUsageResponse>, Status> {
        let caller = caller(&request)?;
        caller.require_usage_write()?;
        let usage = self.usage(&caller, request.into_inner())?;
        let model = usage.model.clone();
        // A model without a price is refused before the database hears of the user.
        let at = usage.created_at.min(usage.received_at);
        self.catalog_with(model.as_str(), at).await?;
        let outcome = self.0.writer.record(usage).await;
        let (record, duplicate) = recorded(outcome.map_err(ApiError::from)?, model.as_str())?;
        Ok(Response::new(v1::RecordUsageResponse {
            record: Some(convert::record(record)),
            duplicate,
        }))
    }

    async fn record_usage_batch(
        &self,
        request: Request<v1::RecordUsageBatchRequest>,
    ) -> Result<Response<v1::RecordUsageBatchResponse>, Status> {
        let caller = caller(&request)?;
        caller.require_usage_write()?;
        let records = request.into_inner().records;
        if records.is_empty() || records.len() > MAX_BATCH {
            let mut violations = Violations::default();
            let wrong = format!("must be from 1 to {MAX_BATCH} records");
            violations.check("records", Err::<(), _>(wrong));
            return Err(violations.into_status());
        }
        let results = self.record_all(&caller, records).await?;
        let count = |outcome: v1::UsageOutcome| {
            let counted = results.iter().filter(|result| result.outcome() == outcome);
            i64::try_from(counted.count()).unwrap_or(i64::MAX)
        };
        Ok(Response::new(v1::RecordUsageBatchResponse {
            recorded: count(v1::UsageOutcome::Recorded),
            duplicates: count(v1::UsageOutcome::Duplicate),
            rejected: count(v1::UsageOutcome::Rejected),
            results,
        }))
    }

    async fn stream_usage(
        &self,
        request: Request<Streaming<v1::RecordUsageRequest>>,
    ) -> Result<Response<Self::StreamUsageStream>, Status> {
        let caller = caller(&request)?;
        caller.require_usage_write()?;
        let results = stream::run(self.clone(), caller, request.into_inner());
        Ok(Response::new(results))
    }

    async fn calculate_cost(
        &self,
        request: Request<v1::CalculateCostRequest>,
    ) -> Result<Response<v1::CalculateCostResponse>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        request.user_id = caller.user_for_usage(&request.user_id)?;
        let now = self.now();
        let usage = convert::quote_input(request, now)?;
        let model = usage.model.clone();
        let quoted = self.store().quote(usage, now).await;
        match quoted.map_err(ApiError::from)? {
            Ok(quote) => Ok(Response::new(convert::cost(&quote))),
            Err(QuoteError::Unpriced) => Err(model_not_found(model.as_str()).into()),
            Err(QuoteError::TooLarge(_)) => Err(too_large().into()),
        }
    }

    async fn get_usage_record(
        &self,
        request: Request<v1::GetUsageRecordRequest>,
    ) -> Result<Response<v1::UsageRecord>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user = caller.user_or_self(&request.user_id)?;
        let mut violations = Violations::default();
        let user = violations.check("user_id", UserId::parse(user));
        let id = violations.check("id", RecordId::parse(request.id));
        let (Some(user), Some(id)) = (user, id) else {
            return Err(violations.into_status());
        };
        let found = self
            .store()
            .record(user, id.clone())
            .await
            .map_err(ApiError::from)?;
        match found {
            Some(record) => Ok(Response::new(convert::record(record))),
            None => Err(record_not_found(&id).into()),
        }
    }

    async fn list_usage_records(
        &self,
        request: Request<v1::ListUsageRecordsRequest>,
    ) -> Result<Response<v1::ListUsageRecordsResponse>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let RecordPage { filter, page } = convert::record_page(request)?;
        let found = self.store().records(filter, page.limit()).await;
        let mut found = found.map_err(ApiError::from)?;
        Ok(Response::new(v1::ListUsageRecordsResponse {
            next_page_token: page.cut(&mut found, |record| record.id.as_str()),
            records: found.into_iter().map(convert::record).collect(),
        }))
    }

    async fn void_usage(
        &self,
        request: Request<v1::VoidUsageRequest>,
    ) -> Result<Response<v1::UsageRecord>, Status> {
        let caller = caller(&request)?;
        caller.require_admin()?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let order = convert::void_order(request, self.new_record_id(self.now()))?;
        let id = order.id.clone();
        let voided = self.store().void_usage(order, self.clock()).await;
        match voided.map_err(ApiError::from)? {
            Ok(correction) => Ok(Response::new(convert::record(correction))),
            Err(VoidRefusal::NotFound) => Err(record_not_found(&id).into()),
            Err(refusal @ (VoidRefusal::AlreadyVoided | VoidRefusal::IsCorrection)) => {
                let code = ErrorCode::UsageAlreadyVoided;
                Err(ApiError::new(code, refusal.to_string()).into())
            }
        }
    }
}

impl Services {
    /// Checks a model call of a caller who may record usage.
    pub(super) fn usage(
        &self,
        caller: &Caller,
        mut request: v1::RecordUsageRequest,
    ) -> Result<Usage, ApiError> {
        request.user_id = caller.user_for_usage(&request.user_id)?;
        let now = self.now();
        convert::usage(request, self.new_record_id(now), now)
    }
}

/// The record, and whether it is a repeat.
pub(super) fn recorded(outcome: Outcome, model: &str) -> Result<(UsageRecord, bool), ApiError> {
    match outcome {
        Outcome::Recorded(record) => Ok((record, false)),
        Outcome::Duplicate(record) => Ok((record, true)),
        Outcome::Conflict => Err(conflict()),
        Outcome::Unpriced => Err(model_not_found(model)),
        Outcome::TooLarge => Err(too_large()),
    }
}

fn conflict() -> ApiError {
    let message = "this request id was recorded before with other content";
    ApiError::new(ErrorCode::UsageConflict, message)
}

fn record_not_found(id: &RecordId) -> ApiError {
    let message = format!("there is no usage record {:?}", id.as_str());
    ApiError::new(ErrorCode::UsageNotFound, message)
}

fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::InvalidField,
        "the amount is too large to be billed",
    )
}
