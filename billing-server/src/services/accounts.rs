//! Users' accounts: what they pay of list prices, and tax.

use billing_proto::v1::{self, account_service_server::AccountService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{auth::layer::caller, convert, error::ApiError};

#[async_trait]
impl AccountService for Services {
    async fn get_account(
        &self,
        request: Request<v1::GetAccountRequest>,
    ) -> Result<Response<v1::Account>, Status> {
        let user = convert::user(caller(&request)?.user_or_self(&request.get_ref().user_id)?)?;
        let account = self
            .store()
            .user_account(user, self.now())
            .await
            .map_err(ApiError::from)?;
        Ok(Response::new(convert::account(account)))
    }

    async fn set_discount_rate(
        &self,
        request: Request<v1::SetDiscountRateRequest>,
    ) -> Result<Response<v1::Account>, Status> {
        caller(&request)?.require_admin()?;
        let (user, rate, from) =
            convert::discount(request.into_inner()).map_err(ApiError::invalid)?;
        let account = self
            .store()
            .set_discount_rate(user, rate, from, self.clock())
            .await
            .map_err(ApiError::from)?;
        Ok(Response::new(convert::account(account)))
    }

    async fn set_tax(
        &self,
        request: Request<v1::SetTaxRequest>,
    ) -> Result<Response<v1::Account>, Status> {
        caller(&request)?.require_admin()?;
        let (user, rate, exempt) = convert::tax(request.into_inner()).map_err(ApiError::invalid)?;
        let account = self
            .store()
            .set_tax(user, rate, exempt, self.clock())
            .await
            .map_err(ApiError::from)?;
        Ok(Response::new(convert::account(account)))
    }
}
