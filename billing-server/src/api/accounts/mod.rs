//! Users' accounts: what they pay of list prices, and tax.

mod convert;

use billing_proto::v1::{self, account_service_server::AccountService};
use tonic::Request;

use super::{Answer, service::service, values::user};
use crate::{app::App, auth::caller};

service! {
    AccountService for App {
        User => get_account(v1::GetAccountRequest) -> v1::Account;
        Admin => set_discount_rate(v1::SetDiscountRateRequest) -> v1::Account;
        Admin => set_tax(v1::SetTaxRequest) -> v1::Account;
    }
}

impl App {
    async fn get_account(&self, request: Request<v1::GetAccountRequest>) -> Answer<v1::Account> {
        let user = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let account = self.store().account(user).await?;
        Ok(convert::account(account, self.now())?)
    }

    async fn set_discount_rate(
        &self,
        request: Request<v1::SetDiscountRateRequest>,
    ) -> Answer<v1::Account> {
        let (user, rate, from) = convert::discount(request.into_inner())?;
        let account = self.store().set_discount_rate(user, rate, from).await?;
        Ok(convert::account(account, self.now())?)
    }

    async fn set_tax(&self, request: Request<v1::SetTaxRequest>) -> Answer<v1::Account> {
        let (user, tax) = convert::tax(request.into_inner())?;
        let account = self.store().set_tax(user, tax).await?;
        Ok(convert::account(account, self.now())?)
    }
}
