//! Model prices.

use billing_core::{
    ids::ModelId,
    pricing::{PriceChange, PriceDecision, PriceInPast},
};
use billing_proto::v1::{self, pricing_service_server::PricingService};
use tonic::{Request, Response, Status, async_trait};

use super::{Services, model_not_found};
use crate::{
    auth::layer::caller,
    convert::{self, Page, Violations},
    error::{ApiError, ErrorCode, FieldViolation},
};

/// The most prices in one import.
const MAX_IMPORT: usize = 10_000;

#[async_trait]
impl PricingService for Services {
    async fn list_model_prices(
        &self,
        request: Request<v1::ListModelPricesRequest>,
    ) -> Result<Response<v1::ListModelPricesResponse>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let (size, token) = (request.page_size, &request.page_token);
        let Some(page) = Page::read(&["prices"], size, token, &mut violations) else {
            return Err(violations.into_status());
        };
        let after = page.after.as_deref().unwrap_or_default();
        let catalog = self.store().catalog().await.map_err(ApiError::from)?;
        let mut prices = catalog.prices_at(self.now());
        prices.retain(|price| price.model_id.as_str() > after);
        Ok(Response::new(v1::ListModelPricesResponse {
            next_page_token: page.cut(&mut prices, |price| price.model_id.as_str()),
            prices: prices
                .into_iter()
                .map(|price| convert::model_price(price))
                .collect(),
        }))
    }

    async fn get_model_price(
        &self,
        request: Request<v1::GetModelPriceRequest>,
    ) -> Result<Response<v1::ModelPrice>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let model = violations.check("model_id", ModelId::parse(request.model_id));
        let at = convert::time("at", request.at, &mut violations);
        let (Some(model), true) = (model, violations.is_empty()) else {
            return Err(violations.into_status());
        };
        let catalog = self.store().catalog().await.map_err(ApiError::from)?;
        match catalog.price_at(model.as_str(), at.unwrap_or_else(|| self.now())) {
            Some(price) => Ok(Response::new(convert::model_price(price))),
            None => Err(model_not_found(model.as_str()).into()),
        }
    }

    async fn set_model_price(
        &self,
        request: Request<v1::SetModelPriceRequest>,
    ) -> Result<Response<v1::ModelPrice>, Status> {
        caller(&request)?.require_admin()?;
        let change = convert::price_change(request.into_inner()).map_err(ApiError::invalid)?;
        let decided = self.set_prices(vec![change]).await?.pop();
        match decided {
            Some(Ok(PriceDecision::Unchanged(price) | PriceDecision::Set(price))) => {
                Ok(Response::new(convert::model_price(&price)))
            }
            Some(Err(refused)) => Err(price_in_past(refused).into()),
            None => Err(ApiError::new(ErrorCode::Internal, "internal error").into()),
        }
    }

    async fn import_model_prices(
        &self,
        request: Request<v1::ImportModelPricesRequest>,
    ) -> Result<Response<v1::ImportModelPricesResponse>, Status> {
        caller(&request)?.require_admin()?;
        let requests = request.into_inner().prices;
        if requests.is_empty() || requests.len() > MAX_IMPORT {
            return Err(wrong_import_size().into());
        }
        let parsed: Vec<_> = requests.into_iter().map(convert::price_change).collect();
        let valid = parsed
            .iter()
            .filter_map(|change| change.as_ref().ok().cloned())
            .collect();
        let mut decided = self.set_prices(valid).await?.into_iter();
        let mut response = v1::ImportModelPricesResponse::default();
        for (index, change) in parsed.into_iter().enumerate() {
            let decision = match change {
                Ok(_) => decided
                    .next()
                    .map(|decision| decision.map_err(price_in_past)),
                Err(violations) => Some(Err(ApiError::invalid(violations))),
            };
            match decision {
                Some(Ok(PriceDecision::Set(_))) => response.imported += 1,
                Some(Ok(PriceDecision::Unchanged(_))) => response.unchanged += 1,
                Some(Err(error)) => {
                    response.rejected += 1;
                    response.problems.extend(problems(index, &error));
                }
                None => {}
            }
        }
        Ok(Response::new(response))
    }
}

impl Services {
    async fn set_prices(
        &self,
        changes: Vec<PriceChange>,
    ) -> Result<Vec<Result<PriceDecision, PriceInPast>>, ApiError> {
        Ok(self.store().set_prices(changes, self.clock()).await?)
    }
}

fn price_in_past(refused: PriceInPast) -> ApiError {
    ApiError {
        violations: vec![FieldViolation {
            field: "effective_from".to_owned(),
            description: "must not be before now".to_owned(),
        }],
        ..ApiError::new(ErrorCode::PriceInPast, refused.to_string())
    }
}

fn wrong_import_size() -> ApiError {
    ApiError::invalid(vec![FieldViolation {
        field: "prices".to_owned(),
        description: format!("must be from 1 to {MAX_IMPORT} prices"),
    }])
}

/// One problem per field at fault.
fn problems(index: usize, error: &ApiError) -> Vec<v1::Problem> {
    let problem = |violation: &FieldViolation| v1::Problem {
        code: error.code.as_str().to_owned(),
        message: violation.description.clone(),
        field: format!("prices[{index}].{}", violation.field),
    };
    error.violations.iter().map(problem).collect()
}
