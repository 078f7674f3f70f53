//! Draws what a sequence needs of its own: models, plans, coupons.

use integration_tests::Random;

use super::{
    calendar::{DAY, Micros},
    coupons::{Coupon, Value},
    money::{CENT, USD},
    plans::{Price, Terms},
};

/// 10^-12 USD per 1,000 tokens: round ones and some with every digit.
pub(super) fn price(random: &mut Random) -> Price {
    let mut one = || match random.range(1, 8) {
        1 => 0,
        2..=5 => i128::from(random.range(1, 300)) * 1_000_000_000,
        _ => i128::from(random.range(1, 400_000_000_000)),
    };
    Price {
        row: 0,
        id: String::new(),
        prompt: one(),
        completion: one(),
    }
}

pub(super) fn terms(random: &mut Random, plan: usize) -> Terms {
    Terms {
        plan,
        version: 0,
        monthly_quota: random.range(1_000, 60_000),
        monthly_price: i128::from(random.range(1, 20_000)) * CENT,
        extra_price: match random.range(1, 6) {
            1 => 0,
            2..=4 => i128::from(random.range(1, 40)) * 10_000_000,
            _ => i128::from(random.range(1, 400_000_000)),
        },
        overage_rate: i128::from(random.pick(&[10_000, 10_000, 9_000, 3_333, 0])),
        metered: random.percent(20),
    }
}

pub(super) fn models(random: &mut Random) -> Vec<Price> {
    (0..3).map(|_| price(random)).collect()
}

pub(super) fn plans(random: &mut Random) -> Vec<Terms> {
    (0..4).map(|plan| terms(random, plan)).collect()
}

/// 10^-4.
pub(super) fn tax_rate(random: &mut Random) -> i128 {
    i128::from(random.pick(&[0, 1_000, 825, 1_900, 3_333, 1]))
}

fn value(random: &mut Random) -> Value {
    if random.percent(45) {
        return Value::Fixed(i128::from(random.range(1, 1_500)) * CENT);
    }
    let odd = random.range(1, 1_000_000);
    let value = random.pick(&[100_000, 200_000, 500_000, 333_333, odd, odd, 1_000_000]);
    let months = random.pick(&[0, 1, 1, 2, 3]);
    Value::Percentage {
        value: i128::from(value),
        months,
    }
}

pub(super) fn coupons(random: &mut Random, seed: u64, now: Micros) -> Vec<Coupon> {
    let coupon = |number| Coupon {
        id: String::new(),
        code: format!("C{seed}-{number}"),
        value: value(random),
        max_uses: random.pick(&[0, 0, 0, 1, 2]),
        max_usage_per_user: random.pick(&[1, 2, 3, 5]),
        minimum: i128::from(random.pick(&[0, 0, 0, 1, 5])) * USD,
        valid_from: now + random.pick(&[0, 0, 0, 0, -1, 20]) * DAY,
        expires_at: random
            .percent(30)
            .then(|| now + random.range(21, 150) * DAY),
        plans: if random.percent(20) {
            vec![0, 2]
        } else {
            Vec::new()
        },
        active: true,
    };
    (0..7).map(coupon).collect()
}
