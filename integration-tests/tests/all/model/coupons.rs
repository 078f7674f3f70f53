//! Coupons: who may redeem one, and what the redeemed ones take of a month.

use std::collections::BTreeMap;

use super::{
    calendar::Micros,
    money::{Femto, half_up},
};

/// 100 % in 10^-4 %.
pub(super) const WHOLE: i128 = 1_000_000;

#[derive(Debug, Clone)]
pub(super) struct Coupon {
    pub(super) id: String,
    pub(super) code: String,
    pub(super) value: Value,
    pub(super) max_uses: i64,
    pub(super) max_usage_per_user: i64,
    pub(super) minimum: Femto,
    pub(super) valid_from: Micros,
    pub(super) expires_at: Option<Micros>,
    pub(super) plans: Vec<usize>,
    pub(super) active: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// 10^-4 % for so many months; 0 means for good.
    Percentage {
        value: i128,
        months: i64,
    },
    Fixed(Femto),
}

/// A coupon that the user has redeemed.
#[derive(Debug, Clone)]
pub(super) struct Redemption {
    pub(super) coupon: usize,
    pub(super) value: Value,
    pub(super) month: i64,
    pub(super) taken_at_apply: Femto,
    /// What it has taken of each month.
    pub(super) parts: BTreeMap<i64, Femto>,
}

impl Redemption {
    pub(super) fn part(&self, month: i64) -> Femto {
        self.parts.get(&month).copied().unwrap_or(0)
    }

    pub(super) fn saved(&self) -> Femto {
        self.parts.values().sum()
    }

    fn counts_in(&self, month: i64) -> bool {
        match self.value {
            Value::Percentage { months, .. } => {
                self.month <= month && (months == 0 || month < self.month + months)
            }
            Value::Fixed(_) => self.month <= month,
        }
    }

    /// Whether it may still take something in this month.
    pub(super) fn is_live(&self, month: i64) -> bool {
        match self.value {
            Value::Percentage { .. } => self.counts_in(month),
            Value::Fixed(value) => self.saved() < value,
        }
    }
}

/// What a month owes to each redemption: the parts, and the order in which they take.
pub(super) struct Taken {
    pub(super) parts: Vec<Femto>,
    pub(super) order: Vec<usize>,
}

impl Taken {
    pub(super) fn part_sum(&self) -> Femto {
        // A month that is closed keeps parts of redemptions that no longer count.
        self.order.iter().map(|index| self.parts[*index]).sum()
    }
}

/// The contract's function f of a month that owes `sum` before coupons. All parts together grow by
/// `most` at most, the first in the order first; the rest waits for the month's next record.
pub(super) fn taken(redemptions: &[Redemption], month: i64, sum: Femto, most: Femto) -> Taken {
    let (percentages, fixed): (Vec<usize>, Vec<usize>) = (0..redemptions.len())
        .filter(|index| redemptions[*index].counts_in(month))
        .partition(|index| matches!(redemptions[*index].value, Value::Percentage { .. }));
    let order: Vec<usize> = percentages.into_iter().chain(fixed).collect();
    let mut left = sum.max(0);
    let mut growth = vec![0; redemptions.len()];
    for &index in &order {
        let redemption = &redemptions[index];
        let part = match redemption.value {
            Value::Percentage { value, .. } => half_up(left * value, WHOLE),
            Value::Fixed(value) => {
                let elsewhere = redemption.saved() - redemption.part(month);
                // An invoice may have rounded up what it took.
                left.min((value - elsewhere).max(0))
            }
        };
        growth[index] = part - redemption.part(month);
        left -= part;
    }
    // What some give up, others may take besides.
    let given_up: Femto = growth.iter().filter(|change| **change < 0).sum();
    let mut allowed = most.saturating_sub(given_up);
    let mut parts: Vec<_> = redemptions.iter().map(|r| r.part(month)).collect();
    for &index in &order {
        let change = growth[index].min(allowed);
        parts[index] += change;
        allowed -= change.max(0);
    }
    Taken { parts, order }
}
