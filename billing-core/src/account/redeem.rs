//! Redeeming a coupon (contract, chapter 8).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    coupon::{Coupon, RedeemOrder, Redeemer, Redemption},
    event::EventData,
    money::NumberError,
    month::Month,
    refusal::{CouponRefusal, Refusal},
};

/// A coupon that is redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The coupon as it is now: a new redemption counts as a use.
    pub coupon: Coupon,
    /// The redemption.
    pub redemption: Redemption,
    /// Whether the call made it; an earlier call with the same request id may have.
    pub is_new: bool,
}

impl Account {
    /// Redeems a coupon, which takes its part of the running month's sum at once. A repeated call
    /// answers with the redemption that the first one made. The account was advanced to `now`.
    ///
    /// # Errors
    /// The first rule of the contract that is broken, a request id that redeemed another coupon, or
    /// an amount that does not fit.
    pub fn redeem(
        &mut self,
        mut coupon: Coupon,
        order: RedeemOrder,
        now: DateTime<Utc>,
    ) -> Result<Redeemed, Refusal> {
        let refused = |reason| Refusal::Coupon {
            name: order.code.clone(),
            reason,
        };
        if let Some(earlier) = self.redeemed_by(&order) {
            if earlier.coupon_id != coupon.id {
                return Err(refused(CouponRefusal::RequestConflict));
            }
            return Ok(Redeemed {
                redemption: earlier.clone(),
                coupon,
                is_new: false,
            });
        }
        let redeemer = Redeemer {
            plan_id: self.state.subscription.as_ref().map(|live| live.plan_id()),
            purchase_amount: self.state.uninvoiced_in(Month::of(now)),
            redemptions: &self.relations.redemptions,
        };
        coupon.check(redeemer, now).map_err(refused)?;
        let redemption = coupon.redeemed(order.redemption_id, order.request_id, now);
        let redemption = self.add_redemption(redemption)?;
        self.tell(EventData::CouponApplied(Arc::new(redemption.clone())));
        coupon.used_count = coupon.used_count.saturating_add(1);
        coupon.updated_at = now;
        Ok(Redeemed {
            coupon,
            redemption,
            is_new: true,
        })
    }

    /// The redemption that an earlier call with the same request id made.
    fn redeemed_by(&self, order: &RedeemOrder) -> Option<&Redemption> {
        order.request_id.as_ref()?;
        let mut redeemed = self.relations.redemptions.iter();
        redeemed.find(|redemption| redemption.request_id == order.request_id)
    }

    fn add_redemption(&mut self, redemption: Redemption) -> Result<Redemption, NumberError> {
        let month = redemption.month;
        let sum = self.state.uninvoiced_in(month);
        let mut redeemed = redemption.clone();
        self.pending.note_redemptions([redemption.id]);
        self.relations.redemptions.push(redemption);
        if let Some(allocation) = self.allocate(month, sum, None)? {
            self.enter_allocation(&allocation)?;
            if let Some(newest) = self.relations.redemptions.last_mut() {
                newest.taken_at_apply = allocation.total;
                redeemed.clone_from(newest);
            }
        }
        self.state.has_redemptions = true;
        self.pending.note_all();
        Ok(redeemed)
    }
}
