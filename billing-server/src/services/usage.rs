//! Recording usage and reading it back.

use billing_core::{
    ids::{RecordId, UserId},
    rating::{Outcome, QuoteError, quote},
};
use billing_proto::v1::{self, usage_service_server::UsageService};
use tonic::{Request, Response, Status, async_trait};

use super::{Services, model_not_found};
use crate::{
    auth::layer::caller,
    convert::{self, Violations},
    error::{ApiError, ErrorCode},
};

#[async_trait]
impl UsageService for Services {
    async fn record_usage(
        &self,
        request: Request<v1::RecordUsageRequest>,
    ) -> Result<Response<v1::RecordUsageResponse>, Status> {
        let caller = caller(&request)?;
        caller.require_usage_write()?;
        let mut request = request.into_inner();
        request.user_id = caller.user_for_usage(&request.user_id)?;
        let now = self.now();
        let usage = convert::usage(request, self.new_record_id(now), now)?;
        let model = usage.model.clone();
        // A model without a price is refused before the database hears of the user.
        self.catalog_with(model.as_str(), usage.created_at.min(now))
            .await?;
        let outcome = self.0.writer.record(usage).await.map_err(ApiError::from)?;
        let (record, duplicate) = match outcome {
            Outcome::Recorded(record) => (record, false),
            Outcome::Duplicate(record) => (record, true),
            Outcome::Conflict => return Err(conflict().into()),
            Outcome::Unpriced => return Err(model_not_found(model.as_str()).into()),
            Outcome::TooLarge => return Err(too_large().into()),
        };
        Ok(Response::new(v1::RecordUsageResponse {
            record: Some(convert::record(record)),
            duplicate,
        }))
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
        let model = usage.model.as_str();
        let catalog = self.store().catalog().await.map_err(ApiError::from)?;
        let account = self
            .store()
            .account(usage.user_id)
            .await
            .map_err(ApiError::from)?;
        let quoted = quote(
            &catalog,
            &account,
            model,
            &usage.tokens,
            usage.created_at,
            now,
        );
        match quoted {
            Ok(quote) => Ok(Response::new(convert::cost(&quote))),
            Err(QuoteError::Unpriced) => Err(model_not_found(model).into()),
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
        let page = convert::record_page(request)?;
        // One more than asked for tells whether there is a next page.
        let limit = i64::from(page.size).saturating_add(1);
        let found = self.store().records(page.filter, limit).await;
        let mut found = found.map_err(ApiError::from)?;
        let more = found.len() > usize::from(page.size);
        found.truncate(page.size.into());
        let last = found.last().filter(|_| more);
        Ok(Response::new(v1::ListUsageRecordsResponse {
            next_page_token: last
                .map(|r| page.tokens.after(r.id.as_str()))
                .unwrap_or_default(),
            records: found.into_iter().map(convert::record).collect(),
        }))
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
