//! Plans whose terms change, and what usage costs on them.

use super::{
    calendar::Micros,
    money::{Femto, half_up},
};

/// A plan's terms from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) plan: usize,
    /// Tells terms of a plan from those that were set before.
    pub(super) version: usize,
    pub(super) monthly_quota: i64,
    pub(super) monthly_price: Femto,
    /// 10^-12 USD per token.
    pub(super) extra_price: i128,
    /// 10^-4.
    pub(super) overage_rate: i128,
    pub(super) metered: bool,
}

impl Terms {
    /// What tokens beyond the quota cost.
    pub(super) fn overage_cost(&self, tokens: i64) -> Femto {
        // 10^-12 USD x 10^-4 is a tenth of the last decimal that is stored.
        half_up(
            i128::from(tokens) * self.extra_price * self.overage_rate,
            10,
        )
    }
}

/// What was in force from which time on, in the order in which it was set.
#[derive(Debug, Clone)]
pub(super) struct History<T>(Vec<(Micros, T)>);

impl<T> History<T> {
    pub(super) fn new(first: T) -> Self {
        Self(vec![(Micros::MIN, first)])
    }

    pub(super) fn set(&mut self, from: Micros, value: T) {
        self.0.push((from, value));
    }

    pub(super) fn at(&self, time: Micros) -> &T {
        let begun = self.0.iter().filter(|(from, _)| *from <= time);
        // Of several with the same beginning, the one that was set last.
        &begun
            .max_by_key(|(from, _)| *from)
            .expect("the first has always begun")
            .1
    }

    /// When the latest of them begins.
    pub(super) fn latest(&self) -> Micros {
        self.0
            .iter()
            .map(|(from, _)| *from)
            .max()
            .expect("there is a first")
    }
}

impl History<Terms> {
    /// The same terms again are no other version.
    pub(super) fn change(&mut self, from: Micros, terms: Terms) {
        let present = self.at(from);
        let version = present.version;
        if *present
            != (Terms {
                version,
                ..terms.clone()
            })
        {
            let version = self.0.len();
            self.set(from, Terms { version, ..terms });
        }
    }
}

impl History<Price> {
    /// Whether it is another price: the same again is not.
    pub(super) fn change(&mut self, from: Micros, price: Price) -> bool {
        let present = self.at(from);
        let differs = (present.prompt, present.completion) != (price.prompt, price.completion);
        if differs {
            let row = self.0.len();
            self.set(from, Price { row, ..price });
        }
        differs
    }

    /// Notes the id that the latest price has got.
    pub(super) fn name(&mut self, id: String) {
        let last = self.0.last_mut();
        last.expect("there is a first").1.id = id;
    }
}

/// A model's price, in 10^-12 USD per 1,000 tokens.
#[derive(Debug, Clone)]
pub(super) struct Price {
    /// Tells a price of a model from those that were set before.
    pub(super) row: usize,
    /// As the server names it, once it is set there.
    pub(super) id: String,
    pub(super) prompt: i128,
    pub(super) completion: i128,
}

impl Price {
    pub(super) fn cost(&self, prompt: i64, completion: i64) -> Femto {
        i128::from(prompt) * self.prompt + i128::from(completion) * self.completion
    }
}
