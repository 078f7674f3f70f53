//! Coupons and their redemptions.

pub(super) mod convert;

use billing_proto::v1::{self, coupon_service_server::CouponService};
use tonic::Request;

use super::{Answer, page::Page, service::service};
use crate::{app::App, auth::caller};

service! {
    CouponService for App {
        Admin => create_coupon(v1::CreateCouponRequest) -> v1::Coupon;
        Admin => list_coupons(v1::ListCouponsRequest) -> v1::ListCouponsResponse;
        Admin => deactivate_coupon(v1::DeactivateCouponRequest) -> v1::Coupon;
        User => validate_coupon(v1::ValidateCouponRequest) -> v1::ValidateCouponResponse;
        User => apply_coupon(v1::ApplyCouponRequest) -> v1::ApplyCouponResponse;
        User => list_redemptions(v1::ListRedemptionsRequest) -> v1::ListRedemptionsResponse;
    }
}

impl App {
    async fn create_coupon(&self, request: Request<v1::CreateCouponRequest>) -> Answer<v1::Coupon> {
        let creator = caller(&request)?.subject.clone();
        let id = self.ids().coupon();
        let coupon = convert::new_coupon(request.into_inner(), id, creator, self.now())?;
        Ok(convert::coupon(self.store().create_coupon(coupon).await?))
    }

    async fn list_coupons(
        &self,
        request: Request<v1::ListCouponsRequest>,
    ) -> Answer<v1::ListCouponsResponse> {
        let request = request.into_inner();
        let page = Page::of_all("coupons", request.page_size, &request.page_token)?;
        let mut found = self.store().coupons(page.after, page.limit()).await?;
        Ok(v1::ListCouponsResponse {
            next_page_token: page.cut(&mut found, |coupon| coupon.id),
            coupons: found.into_iter().map(convert::coupon).collect(),
        })
    }

    async fn deactivate_coupon(
        &self,
        request: Request<v1::DeactivateCouponRequest>,
    ) -> Answer<v1::Coupon> {
        let id = convert::coupon_id(request.into_inner().id)?;
        Ok(convert::coupon(self.store().deactivate_coupon(id).await?))
    }

    async fn validate_coupon(
        &self,
        request: Request<v1::ValidateCouponRequest>,
    ) -> Answer<v1::ValidateCouponResponse> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let code = request.into_inner().coupon_code;
        let order = convert::preview_order(&user, code, self.ids().redemption())?;
        let (coupon, redemption) = self.store().preview_redemption(order).await?;
        Ok(convert::previewed(coupon, &redemption))
    }

    async fn apply_coupon(
        &self,
        request: Request<v1::ApplyCouponRequest>,
    ) -> Answer<v1::ApplyCouponResponse> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let id = self.ids().redemption();
        let order = convert::redeem_order(&user, request.into_inner(), id)?;
        let (coupon, _) = self.store().redeem(order).await?;
        Ok(convert::applied(coupon))
    }

    async fn list_redemptions(
        &self,
        request: Request<v1::ListRedemptionsRequest>,
    ) -> Answer<v1::ListRedemptionsResponse> {
        let user = caller(&request)?.resolve_listed(&request.get_ref().user_id)?;
        let request = request.into_inner();
        let (size, token) = (request.page_size, &request.page_token);
        let (user_id, page) = Page::of_user("redemptions", user.as_ref(), size, token)?;
        let found = self.store().redemptions(user_id, page.after, page.limit());
        let mut found = found.await?;
        let next_page_token = page.cut(&mut found, |(_, redemption)| redemption.id);
        let redemptions = found.into_iter();
        Ok(v1::ListRedemptionsResponse {
            redemptions: redemptions
                .map(|(user_id, redemption)| convert::redemption(&user_id, redemption))
                .collect(),
            next_page_token,
        })
    }
}
