//! The users who come first.

use std::{cmp::Reverse, collections::BTreeMap};

use super::UsageTotals;
use crate::{ids::UserId, money::Money};

/// What users are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankBy {
    /// What their usage costs them.
    Cost,
    /// Their tokens.
    Tokens,
    /// Their records.
    Records,
}

/// A user's place in a ranking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUser {
    /// The user.
    pub user_id: UserId,
    /// What the user used.
    pub totals: UsageTotals,
}

/// Keeps the best of any number of users, those with equal figures by their ids.
#[derive(Debug)]
pub struct TopUsers {
    by: RankBy,
    limit: usize,
    /// By cost, then by count, of which a ranking uses one.
    best: BTreeMap<(Reverse<(Money, i64)>, UserId), UsageTotals>,
}

impl TopUsers {
    /// Room for `limit` users.
    #[must_use]
    pub const fn new(by: RankBy, limit: usize) -> Self {
        Self {
            by,
            limit,
            best: BTreeMap::new(),
        }
    }

    /// Lets a user compete, once; one without any figure does not take part.
    pub fn offer(&mut self, user_id: UserId, totals: UsageTotals) {
        if totals == UsageTotals::default() {
            return;
        }
        let figure = match self.by {
            RankBy::Cost => (totals.final_cost, 0),
            RankBy::Tokens => (Money::ZERO, totals.tokens),
            RankBy::Records => (Money::ZERO, totals.records),
        };
        self.best.insert((Reverse(figure), user_id), totals);
        if self.best.len() > self.limit {
            self.best.pop_last();
        }
    }

    /// The best, first things first.
    #[must_use]
    pub fn into_users(self) -> Vec<TopUser> {
        let best = self.best.into_iter();
        best.map(|((_, user_id), totals)| TopUser { user_id, totals })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Costs whose order as texts is another: "10" < "9.5", "-1" > "-0.5".
    const USERS: [(&str, &str, i64, i64); 7] = [
        ("dora", "9.5", 7, 1),
        ("alice", "10", 7, 2),
        ("bob", "0.000000000000001", 7_000, 3),
        ("carol", "10", 6, 2),
        ("nobody", "0", 0, 0),
        ("erin", "-1", 0, 0),
        ("frank", "-0.5", 0, 0),
    ];

    #[rstest]
    #[case(RankBy::Cost, 7, &["alice", "carol", "dora", "bob", "frank", "erin"])]
    #[case(RankBy::Tokens, 7, &["bob", "alice", "dora", "carol", "erin", "frank"])]
    #[case(RankBy::Records, 7, &["bob", "alice", "carol", "dora", "erin", "frank"])]
    #[case(RankBy::Cost, 2, &["alice", "carol"])]
    #[case(RankBy::Records, 1, &["bob"])]
    fn the_best_come_first_and_ties_go_by_id(
        #[case] by: RankBy,
        #[case] limit: usize,
        #[case] expected: &[&str],
        #[values(false, true)] backwards: bool,
    ) {
        let mut users = USERS;
        if backwards {
            users.reverse();
        }
        let mut top = TopUsers::new(by, limit);
        for (user, cost, tokens, records) in users {
            let totals = UsageTotals {
                final_cost: cost.parse().unwrap(),
                tokens,
                records,
            };
            top.offer(UserId::parse(user).unwrap(), totals);
        }
        let users = top.into_users();
        let users: Vec<_> = users.iter().map(|top| top.user_id.as_str()).collect();
        assert_eq!(users, expected);
    }
}
