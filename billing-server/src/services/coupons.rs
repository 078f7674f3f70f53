//! Coupons and their redemptions.

use billing_core::{
    coupon::CouponRefusal,
    ids::{CouponId, RedemptionId},
};
use billing_proto::v1::{self, coupon_service_server::CouponService};
use tonic::{Request, Response, Status, async_trait};

use super::Services;
use crate::{
    auth::layer::caller,
    convert::{self, Page, Violations},
    error::{ApiError, ErrorCode},
};

#[async_trait]
impl CouponService for Services {
    async fn create_coupon(
        &self,
        request: Request<v1::CreateCouponRequest>,
    ) -> Result<Response<v1::Coupon>, Status> {
        let caller = caller(&request)?;
        caller.require_admin()?;
        let now = self.now();
        let id = CouponId::trusted(self.new_id("cpn", now));
        let creator = caller.subject.clone();
        let coupon = convert::new_coupon(request.into_inner(), id, creator, now)?;
        let code = coupon.code.clone();
        let created = self.store().create_coupon(coupon).await;
        match created.map_err(ApiError::from)? {
            Some(coupon) => Ok(Response::new(convert::coupon(coupon))),
            None => Err(code_taken(&code).into()),
        }
    }

    async fn list_coupons(
        &self,
        request: Request<v1::ListCouponsRequest>,
    ) -> Result<Response<v1::ListCouponsResponse>, Status> {
        caller(&request)?.require_admin()?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let (size, token) = (request.page_size, &request.page_token);
        let Some(page) = Page::read(&["coupons"], size, token, &mut violations) else {
            return Err(violations.into_status());
        };
        let after = page.after.clone().map(CouponId::trusted);
        let found = self.store().coupons(after, page.limit()).await;
        let mut found = found.map_err(ApiError::from)?;
        Ok(Response::new(v1::ListCouponsResponse {
            next_page_token: page.cut(&mut found, |coupon| coupon.id.as_str()),
            coupons: found.into_iter().map(convert::coupon).collect(),
        }))
    }

    async fn deactivate_coupon(
        &self,
        request: Request<v1::DeactivateCouponRequest>,
    ) -> Result<Response<v1::Coupon>, Status> {
        caller(&request)?.require_admin()?;
        let mut violations = Violations::default();
        let id = CouponId::parse(request.into_inner().id);
        let Some(id) = violations.check("id", id) else {
            return Err(violations.into_status());
        };
        let name = id.to_string();
        let deactivated = self.store().deactivate_coupon(id, self.now()).await;
        match deactivated.map_err(ApiError::from)? {
            Some(coupon) => Ok(Response::new(convert::coupon(coupon))),
            None => Err(refused(&name, CouponRefusal::NotFound).into()),
        }
    }

    async fn validate_coupon(
        &self,
        request: Request<v1::ValidateCouponRequest>,
    ) -> Result<Response<v1::ValidateCouponResponse>, Status> {
        let user_id = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let now = self.now();
        // What would be applied, but for the id of the call.
        let would_be = v1::ApplyCouponRequest {
            coupon_code: request.into_inner().coupon_code,
            user_id,
            request_id: String::new(),
        };
        let order = convert::redeem_order(would_be, self.new_redemption_id())?;
        let name = order.code.clone();
        let previewed = self.store().preview_redemption(order, now).await;
        let previewed = previewed.map_err(ApiError::from)?;
        let (coupon, redemption) = previewed.map_err(|refusal| refused(&name, refusal))?;
        Ok(Response::new(convert::coupon_previewed(
            coupon,
            &redemption,
        )))
    }

    async fn apply_coupon(
        &self,
        request: Request<v1::ApplyCouponRequest>,
    ) -> Result<Response<v1::ApplyCouponResponse>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let order = convert::redeem_order(request, self.new_redemption_id())?;
        let name = order.code.clone();
        let redeemed = self.store().redeem(order, self.clock()).await;
        let redeemed = redeemed.map_err(ApiError::from)?;
        let (coupon, _) = redeemed.map_err(|refusal| refused(&name, refusal))?;
        Ok(Response::new(convert::coupon_applied(coupon)))
    }

    async fn list_redemptions(
        &self,
        request: Request<v1::ListRedemptionsRequest>,
    ) -> Result<Response<v1::ListRedemptionsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user = caller.user_or_self(&request.user_id)?;
        let (size, token) = (request.page_size, &request.page_token);
        let (user_id, page) = Page::of_user("redemptions", user, size, token)?;
        let after = page.after.clone().map(RedemptionId::trusted);
        let store = self.store();
        let found = store.redemptions(user_id.clone(), after, page.limit());
        let mut found = found.await.map_err(ApiError::from)?;
        Ok(Response::new(v1::ListRedemptionsResponse {
            next_page_token: page.cut(&mut found, |redemption| redemption.id.as_str()),
            redemptions: found
                .into_iter()
                .map(|redemption| convert::redemption(&user_id, redemption))
                .collect(),
        }))
    }
}

impl Services {
    fn new_redemption_id(&self) -> RedemptionId {
        RedemptionId::trusted(self.new_id("red", self.now()))
    }
}

fn code_taken(code: &str) -> ApiError {
    let message = format!("there is a coupon with the code {code:?} already");
    ApiError::new(ErrorCode::CouponExists, message)
}

/// Names the coupon by its code or id.
fn refused(name: &str, refusal: CouponRefusal) -> ApiError {
    let code = match refusal {
        CouponRefusal::NotFound => ErrorCode::CouponNotFound,
        CouponRefusal::Inactive => ErrorCode::CouponInactive,
        CouponRefusal::NotYetValid => ErrorCode::CouponNotYetValid,
        CouponRefusal::Expired => ErrorCode::CouponExpired,
        CouponRefusal::AlreadyActive => ErrorCode::CouponAlreadyActive,
        CouponRefusal::UsedUp => ErrorCode::CouponUsedUp,
        CouponRefusal::UserLimit => ErrorCode::CouponUserLimit,
        CouponRefusal::PlanNotAllowed => ErrorCode::CouponPlanNotAllowed,
        CouponRefusal::MinimumNotReached => ErrorCode::CouponMinimumNotReached,
        CouponRefusal::RequestConflict => ErrorCode::CouponRequestConflict,
    };
    ApiError::new(code, format!("coupon {name:?}: {refusal}"))
}
