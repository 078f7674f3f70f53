//! Coupons: who may redeem them, and what redeemed ones take of a month (contract, chapter 8).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    ids::{CouponId, PlanId, RedemptionId, RequestId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    refusal::CouponRefusal,
};

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponValue {
    /// Percent of what is owed, above 0 and at most 100.
    Percentage(Rate),
    /// USD.
    Fixed(Money),
}

impl CouponValue {
    /// What the kind is called in tables, and the number beside it.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when the number does not fit.
    pub fn stored(self) -> Result<(&'static str, Money), NumberError> {
        Ok(match self {
            Self::Percentage(percent) => ("percentage", percent.rescaled()?),
            Self::Fixed(value) => ("fixed", value),
        })
    }

    /// The value that is stored as a kind and a number; `None` when there is no such kind.
    ///
    /// # Errors
    /// When the number is none of the kind.
    pub fn from_stored(kind: &str, number: Money) -> Result<Option<Self>, NumberError> {
        Ok(Some(match kind {
            "percentage" => Self::Percentage(number.rescaled()?),
            "fixed" => Self::Fixed(number),
            _ => return Ok(None),
        }))
    }

    /// Whether it lasts until it is used up, instead of for its months.
    pub(crate) const fn lasts_until_used_up(self) -> bool {
        match self {
            Self::Percentage(_) => false,
            Self::Fixed(_) => true,
        }
    }

    /// Whether `saved` leaves something of it.
    fn outlasts(self, saved: Money) -> bool {
        match self {
            Self::Percentage(_) => true,
            Self::Fixed(value) => saved < value,
        }
    }

    /// What it takes of a sum of which others have left `rest`, after it has saved `elsewhere`.
    pub(crate) fn part_of(self, rest: Money, elsewhere: Money) -> Result<Money, NumberError> {
        match self {
            Self::Percentage(percent) => rest.percent(percent),
            Self::Fixed(value) => {
                // An invoice that rounded up may have fixed a part of a cent more than the value.
                let left = value.minus(elsewhere)?.max(Money::ZERO);
                Ok(left.min(rest))
            }
        }
    }
}

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// The coupon.
    pub id: CouponId,
    /// What users enter, in any case.
    pub code: String,
    /// What the coupon takes off.
    pub value: CouponValue,
    /// How often it may be redeemed; 0 means without limit.
    pub max_uses: i64,
    /// How often it has been redeemed.
    pub used_count: i64,
    /// How often one user may redeem it.
    pub max_usage_per_user: i32,
    /// What the running month must owe at least, in USD.
    pub min_purchase_amount: Money,
    /// From when it can be redeemed (UTC).
    pub valid_from: DateTime<Utc>,
    /// The first moment when it no longer can (UTC).
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it can be redeemed.
    pub is_active: bool,
    /// What it is, for users.
    pub description: String,
    /// Who created it.
    pub created_by: String,
    /// Whose subscribers may redeem it; empty means everybody.
    pub applicable_plans: Vec<PlanId>,
    /// For how many calendar months a percentage is taken; 0 means for good.
    pub duration_months: u32,
    /// When it was created (UTC).
    pub created_at: DateTime<Utc>,
    /// When it last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// A coupon that a user has redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// The redemption.
    pub id: RedemptionId,
    /// The coupon.
    pub coupon_id: CouponId,
    /// What users enter.
    pub code: String,
    /// What the coupon takes off.
    pub value: CouponValue,
    /// For how many calendar months a percentage is taken; 0 means for good.
    pub duration_months: u32,
    /// The calendar month it was redeemed in, the first it is taken in.
    pub month: Month,
    /// What it has saved so far, in USD.
    pub saved: Money,
    /// What of it was saved in months that no invoice has closed, in USD.
    pub open: BTreeMap<Month, Money>,
    /// By how much redeeming it lowered what the month owed, in USD.
    pub taken_at_apply: Money,
    /// The caller's id of the call that redeemed it.
    pub request_id: Option<RequestId>,
    /// When it was redeemed (UTC).
    pub created_at: DateTime<Utc>,
}

/// What fixed coupons took of a month at once, of value that a voided record had freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    /// Its number, unique per user among those of invoice lines.
    pub sequence: i64,
    /// The calendar month it was taken of.
    pub month: Month,
    /// How much, in USD.
    pub amount: Money,
}

/// Which coupon to redeem, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeemOrder {
    /// Who redeems it.
    pub user_id: UserId,
    /// Its code, in any case.
    pub code: String,
    /// The id of the redemption, if one is made.
    pub redemption_id: RedemptionId,
    /// The caller's id of the call.
    pub request_id: Option<RequestId>,
}

/// Who wants to redeem a coupon.
#[derive(Debug, Clone, Copy)]
pub struct Redeemer<'a> {
    /// The plan of the user's live subscription.
    pub plan_id: Option<&'a PlanId>,
    /// What the records of the running month owe before coupons, in USD. Fees join at invoicing.
    pub purchase_amount: Money,
    /// All that the user has redeemed.
    pub redemptions: &'a [Redemption],
}

impl Coupon {
    /// Whether a user may redeem the coupon now.
    ///
    /// # Errors
    /// The first rule that is broken, in the contract's order.
    pub fn check(&self, user: Redeemer<'_>, now: DateTime<Utc>) -> Result<(), CouponRefusal> {
        let own = || user.redemptions.iter().filter(|r| r.coupon_id == self.id);
        let uses = i64::try_from(own().count()).unwrap_or(i64::MAX);
        let month = Month::of(now);
        let plan_allowed = self.applicable_plans.is_empty()
            || user
                .plan_id
                .is_some_and(|plan| self.applicable_plans.contains(plan));
        let rules = [
            (self.is_active, CouponRefusal::Inactive),
            (self.valid_from <= now, CouponRefusal::NotYetValid),
            (
                self.expires_at.is_none_or(|end| now < end),
                CouponRefusal::Expired,
            ),
            (
                !own().any(|r| r.is_live_in(month)),
                CouponRefusal::AlreadyActive,
            ),
            (
                self.max_uses == 0 || self.used_count < self.max_uses,
                CouponRefusal::UsedUp,
            ),
            (
                uses < self.max_usage_per_user.into(),
                CouponRefusal::UserLimit,
            ),
            (plan_allowed, CouponRefusal::PlanNotAllowed),
            (
                user.purchase_amount >= self.min_purchase_amount,
                CouponRefusal::MinimumNotReached,
            ),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, refusal)| Err(refusal))
    }

    /// The redemption of the coupon, which has taken nothing yet.
    #[must_use]
    pub fn redeemed(
        &self,
        id: RedemptionId,
        request_id: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Redemption {
        Redemption {
            id,
            coupon_id: self.id,
            code: self.code.clone(),
            value: self.value,
            duration_months: self.duration_months,
            month: Month::of(now),
            saved: Money::ZERO,
            open: BTreeMap::new(),
            taken_at_apply: Money::ZERO,
            request_id,
            created_at: now,
        }
    }
}

impl Redemption {
    /// Whether the redemption takes from a month's sum: a percentage for its months, a fixed amount
    /// until it is used up.
    #[must_use]
    pub fn is_live_in(&self, month: Month) -> bool {
        self.runs_in(month) && self.value.outlasts(self.saved)
    }

    fn runs_in(&self, month: Month) -> bool {
        let limited = self.duration_months > 0 && !self.value.lasts_until_used_up();
        self.month <= month && (!limited || month < self.month.plus(self.duration_months))
    }

    fn taken_in(&self, month: Month) -> Money {
        self.open.get(&month).copied().unwrap_or(Money::ZERO)
    }

    /// Fixes in cents what was taken of a month, and answers whether that changes anything.
    pub(crate) fn settle(&mut self, month: Month, amount: Money) -> Result<bool, NumberError> {
        let open = self.taken_in(month);
        if amount == Money::ZERO && !self.open.contains_key(&month) {
            return Ok(false);
        }
        self.saved = self.saved.minus(open)?.plus(amount)?;
        self.open.remove(&month);
        Ok(true)
    }

    /// Undoes what was fixed for a month: the exact part is kept for its next invoice.
    pub(crate) fn reopen(
        &mut self,
        month: Month,
        exact: Money,
        in_cents: Money,
    ) -> Result<(), NumberError> {
        self.saved = self.saved.minus(in_cents)?.plus(exact)?;
        self.open.insert(month, exact);
        Ok(())
    }

    /// What it takes of a month's sum of which other coupons have left `rest`.
    fn part_of(&self, rest: Money, month: Month) -> Result<Money, NumberError> {
        if rest.is_negative() || !self.runs_in(month) {
            return Ok(Money::ZERO);
        }
        let elsewhere = self.saved.minus(self.taken_in(month))?;
        self.value.part_of(rest, elsewhere)
    }
}

/// What each redemption takes of a month: the contract's function f, by its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    month: Month,
    /// Index of the redemption, and what it takes, in the order of taking.
    parts: Vec<(usize, Money)>,
}

/// How what coupons take of a month changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    month: Month,
    /// Index of the redemption, and by how much its part grows, in the order of taking.
    changes: Vec<(usize, Money)>,
    /// By how much all parts grow together, in USD.
    pub total: Money,
}

impl Parts {
    /// What redemptions, oldest first, take of the sum that an invoice month owes: the percentages
    /// one after another of what is left, then the fixed ones.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn of(redemptions: &[Redemption], month: Month, sum: Money) -> Result<Self, NumberError> {
        let lasting = |until_used_up: bool| {
            let numbered = redemptions.iter().enumerate();
            numbered.filter(move |(_, taker)| taker.value.lasts_until_used_up() == until_used_up)
        };
        let mut rest = sum;
        let mut parts = Vec::with_capacity(redemptions.len());
        for (index, redemption) in lasting(false).chain(lasting(true)) {
            let part = redemption.part_of(rest, month)?;
            rest = rest.minus(part)?;
            parts.push((index, part));
        }
        Ok(Self { month, parts })
    }

    /// Each redemption with what it takes, in the order of taking.
    pub(crate) fn taken<'a>(
        &self,
        redemptions: &'a [Redemption],
    ) -> impl Iterator<Item = (&'a Redemption, Money)> {
        let parts = self.parts.iter();
        parts.filter_map(|(index, part)| Some((redemptions.get(*index)?, *part)))
    }

    /// What leads from what the redemptions have taken of the month to these parts. `most` limits
    /// the growth of all together: a record is never worth less than nothing, even when a fixed
    /// coupon has got back what another month had taken. What is too much stays with the coupons
    /// that take last.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn allocation(
        self,
        redemptions: &[Redemption],
        most: Option<Money>,
    ) -> Result<Allocation, NumberError> {
        let mut total = Money::ZERO;
        let mut changes = Vec::with_capacity(self.parts.len());
        for (index, part) in self.parts {
            let before = redemptions
                .get(index)
                .map_or(Money::ZERO, |redemption| redemption.taken_in(self.month));
            let change = part.minus(before)?;
            total = total.plus(change)?;
            changes.push((index, change));
        }
        for (_, change) in changes.iter_mut().rev() {
            let most = most.unwrap_or(total);
            if *change > Money::ZERO && total > most {
                let excess = total.minus(most)?.min(*change);
                *change = change.minus(excess)?;
                total = total.minus(excess)?;
            }
        }
        Ok(Allocation {
            month: self.month,
            changes,
            total,
        })
    }
}

impl Allocation {
    /// The first redemption whose part grows.
    #[must_use]
    pub fn first<'a>(&self, redemptions: &'a [Redemption]) -> Option<&'a Redemption> {
        let grown = self
            .changes
            .iter()
            .find(|(_, change)| *change > Money::ZERO);
        grown.and_then(|(index, _)| redemptions.get(*index))
    }

    /// Enters the changes into the redemptions, all or none, and answers which of them change.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn enter(&self, redemptions: &mut [Redemption]) -> Result<Vec<RedemptionId>, NumberError> {
        let mut entered = Vec::with_capacity(self.changes.len());
        for &(index, change) in &self.changes {
            if let Some(redemption) = redemptions.get(index)
                && change != Money::ZERO
            {
                let taken = redemption.taken_in(self.month).plus(change)?;
                entered.push((index, redemption.saved.plus(change)?, taken));
            }
        }
        let mut changed = Vec::with_capacity(entered.len());
        for (index, saved, taken) in entered {
            if let Some(redemption) = redemptions.get_mut(index) {
                redemption.saved = saved;
                redemption.open.insert(self.month, taken);
                changed.push(redemption.id);
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests;
