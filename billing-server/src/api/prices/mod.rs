//! Model prices.

pub(super) mod convert;

use std::cmp::Reverse;

use billing_core::{catalog::PriceDecision, refusal::Refusal};
use billing_proto::v1::{self, pricing_service_server::PricingService};
use tonic::Request;

use super::{Answer, page::Page, service::service};
use crate::{app::App, auth::caller, error::ApiError};

/// The most prices in one import.
const MAX_IMPORT: usize = 10_000;

service! {
    PricingService for App {
        User => list_model_prices(v1::ListModelPricesRequest) -> v1::ListModelPricesResponse;
        User => list_price_history(v1::ListPriceHistoryRequest) -> v1::ListPriceHistoryResponse;
        User => get_model_price(v1::GetModelPriceRequest) -> v1::ModelPrice;
        Admin => set_model_price(v1::SetModelPriceRequest) -> v1::ModelPrice;
        Admin => import_model_prices(v1::ImportModelPricesRequest) -> v1::ImportModelPricesResponse;
    }
}

impl App {
    async fn list_model_prices(
        &self,
        request: Request<v1::ListModelPricesRequest>,
    ) -> Answer<v1::ListModelPricesResponse> {
        let request = request.into_inner();
        let page = Page::<String>::of_all("prices", request.page_size, &request.page_token)?;
        let after = page.after.as_deref().unwrap_or_default();
        let catalog = self.store().catalog().await?;
        let mut prices = catalog.prices_at(self.now());
        prices.retain(|price| price.model_id.as_str() > after);
        Ok(v1::ListModelPricesResponse {
            next_page_token: page.cut(&mut prices, |price| price.model_id.to_string()),
            prices: prices
                .iter()
                .map(|price| convert::model_price(price))
                .collect(),
        })
    }

    async fn list_price_history(
        &self,
        request: Request<v1::ListPriceHistoryRequest>,
    ) -> Answer<v1::ListPriceHistoryResponse> {
        let model = convert::model(request.into_inner().model_id)?;
        let catalog = self.store().catalog().await?;
        let mut prices: Vec<_> = catalog.prices_of(model.as_str()).iter().collect();
        if prices.is_empty() {
            return Err(Refusal::ModelUnpriced(model).into());
        }
        // Ids rise in the order in which prices are set.
        prices.sort_by_key(|price| Reverse(price.id));
        Ok(v1::ListPriceHistoryResponse {
            prices: prices
                .into_iter()
                .map(|price| convert::model_price(price))
                .collect(),
        })
    }

    async fn get_model_price(
        &self,
        request: Request<v1::GetModelPriceRequest>,
    ) -> Answer<v1::ModelPrice> {
        let (model, at) = convert::model_at(request.into_inner())?;
        let catalog = self.store().catalog().await?;
        let price = catalog.price_at(model.as_str(), at.unwrap_or_else(|| self.now()));
        Ok(convert::model_price(
            price.ok_or(Refusal::ModelUnpriced(model))?,
        ))
    }

    async fn set_model_price(
        &self,
        request: Request<v1::SetModelPriceRequest>,
    ) -> Answer<v1::ModelPrice> {
        let creator = caller(&request)?.subject.clone();
        let change = convert::price_change(request.into_inner(), creator)?;
        let mut decided = self.store().set_prices(vec![change]).await?;
        match decided.pop().ok_or_else(ApiError::internal)?? {
            PriceDecision::Unchanged(price) | PriceDecision::Set(price) => {
                Ok(convert::model_price(&price))
            }
        }
    }

    async fn import_model_prices(
        &self,
        request: Request<v1::ImportModelPricesRequest>,
    ) -> Answer<v1::ImportModelPricesResponse> {
        let creator = caller(&request)?.subject.clone();
        let requests = request.into_inner().prices;
        if requests.is_empty() || requests.len() > MAX_IMPORT {
            let description = format!("must be from 1 to {MAX_IMPORT} prices");
            return Err(ApiError::violation("prices", description));
        }
        let requests = requests.into_iter();
        let parsed = requests.map(|request| convert::price_change(request, creator.clone()));
        let parsed: Vec<_> = parsed.collect();
        let valid = parsed.iter().filter_map(|change| change.clone().ok());
        let decided = self.store().set_prices(valid.collect()).await?;
        let mut decided = decided.into_iter();
        let decisions = parsed.into_iter().filter_map(|change| match change {
            Ok(_) => Some(decided.next()?.map_err(ApiError::from)),
            Err(error) => Some(Err(error)),
        });
        Ok(convert::imported(decisions))
    }
}
