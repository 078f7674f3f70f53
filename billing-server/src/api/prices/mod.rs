//! Model prices.

mod convert;

use billing_core::pricing::PriceDecision;
use billing_proto::v1::{self, pricing_service_server::PricingService};
use tonic::Request;

pub(super) use self::convert::model_price;
use super::{Answer, page::Page, service::service};
use crate::{
    app::App,
    error::{ApiError, refused::model_not_found},
};

/// The most prices in one import.
const MAX_IMPORT: usize = 10_000;

service! {
    PricingService for App {
        list_model_prices(v1::ListModelPricesRequest) -> v1::ListModelPricesResponse;
        get_model_price(v1::GetModelPriceRequest) -> v1::ModelPrice;
        set_model_price(v1::SetModelPriceRequest) -> v1::ModelPrice;
        import_model_prices(v1::ImportModelPricesRequest) -> v1::ImportModelPricesResponse;
    }
}

impl App {
    async fn list_model_prices(
        &self,
        request: Request<v1::ListModelPricesRequest>,
    ) -> Answer<v1::ListModelPricesResponse> {
        let request = request.into_inner();
        let page = Page::of_all("prices", request.page_size, &request.page_token)?;
        let after = page.after.as_deref().unwrap_or_default();
        let catalog = self.store().catalog().await?;
        let mut prices = catalog.prices_at(self.now());
        prices.retain(|price| price.model_id.as_str() > after);
        Ok(v1::ListModelPricesResponse {
            next_page_token: page.cut(&mut prices, |price| price.model_id.as_str()),
            prices: prices.iter().map(|price| model_price(price)).collect(),
        })
    }

    async fn get_model_price(
        &self,
        request: Request<v1::GetModelPriceRequest>,
    ) -> Answer<v1::ModelPrice> {
        let (model, at) = convert::model_at(request.into_inner())?;
        let catalog = self.store().catalog().await?;
        let price = catalog.price_at(model.as_str(), at.unwrap_or_else(|| self.now()));
        let not_found = || model_not_found(model.as_str());
        Ok(model_price(price.ok_or_else(not_found)?))
    }

    async fn set_model_price(
        &self,
        request: Request<v1::SetModelPriceRequest>,
    ) -> Answer<v1::ModelPrice> {
        let change = convert::price_change(request.into_inner())?;
        let setting = self.store().set_prices(vec![change], self.clock());
        match setting.await?.pop().ok_or_else(ApiError::internal)?? {
            PriceDecision::Unchanged(price) | PriceDecision::Set(price) => Ok(model_price(&price)),
        }
    }

    async fn import_model_prices(
        &self,
        request: Request<v1::ImportModelPricesRequest>,
    ) -> Answer<v1::ImportModelPricesResponse> {
        let requests = request.into_inner().prices;
        if requests.is_empty() || requests.len() > MAX_IMPORT {
            let description = format!("must be from 1 to {MAX_IMPORT} prices");
            return Err(ApiError::violation("prices", description));
        }
        let mut parsed: Vec<_> = requests.into_iter().map(convert::price_change).collect();
        let valid = parsed.iter().filter_map(|change| change.clone().ok());
        let decided = self.store().set_prices(valid.collect(), self.clock());
        let mut decided = decided.await?.into_iter();
        let decisions = parsed.drain(..).filter_map(|change| match change {
            Ok(_) => Some(decided.next()?.map_err(ApiError::from)),
            Err(error) => Some(Err(error)),
        });
        Ok(convert::imported(decisions))
    }
}
