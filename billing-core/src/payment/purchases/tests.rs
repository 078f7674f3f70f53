//! What is left of purchases, and what is given back of them.

use proptest::{collection::vec, prelude::*};
use rstest::rstest;

use super::*;
use crate::testing::{money, uuid};

fn id(name: &str) -> TransactionId {
    TransactionId::new(uuid(name))
}

fn purchase(name: &str, amount: &str, bought: i64) -> Purchase {
    Purchase {
        id: id(name),
        status: TransactionStatus::Succeeded,
        amount: money(amount),
        refunded: Money::ZERO,
        bought,
        taken_back: 0,
        frozen: 0,
        shortfall: 0,
    }
}

/// Two purchases of 1,000 tokens for 10.00 each, of which `balance` tokens are left.
fn two(balance: i64) -> Purchases {
    let list = vec![purchase("old", "10", 1_000), purchase("new", "10", 1_000)];
    Purchases::new(balance, list)
}

fn refused<T>(name: &str, reason: RefundRefusal) -> Result<T, Refusal> {
    Err(Refusal::PaymentNotRefundable {
        id: id(name),
        reason,
    })
}

#[rstest]
#[case(2_000, 1_000, 1_000)]
#[case(1_500, 500, 1_000)]
#[case(1_000, 0, 1_000)]
#[case(400, 0, 400)]
#[case(0, 0, 0)]
fn the_oldest_purchase_is_used_first(#[case] balance: i64, #[case] old: i64, #[case] new: i64) {
    let purchases = two(balance);
    assert_eq!(
        [purchases.unused(id("old")), purchases.unused(id("new"))],
        [old, new]
    );
    assert_eq!(purchases.unused(id("other")), 0);
}

#[rstest]
#[case::untouched(2_000, Ok("10"))]
#[case::half(1_500, Ok("5"))]
#[case::cut_off_after_the_cent(1_333, Ok("3.33"))]
#[case::less_than_a_cent(1_000, Err(RefundRefusal::NothingUnused))]
fn what_is_unused_can_be_given_back(
    #[case] balance: i64,
    #[case] worth: Result<&str, RefundRefusal>,
) {
    let refundable = two(balance).refundable(id("old"));
    match worth {
        Ok(worth) => assert_eq!(refundable, Ok(money(worth))),
        Err(reason) => assert_eq!(refundable, refused("old", reason)),
    }
}

#[test]
fn a_refund_takes_its_tokens_at_once() {
    let mut purchases = two(1_500);
    let taken = purchases.refund(id("old"), None).unwrap();
    let expected = TakenBack {
        amount: money("5"),
        tokens: 500,
        shortfall: 0,
    };
    assert_eq!(taken, expected);
    assert_eq!(purchases.balance(), 1_000);
    assert_eq!(purchases.unused(id("new")), 1_000);
    let again = purchases.refund(id("old"), None);
    assert_eq!(again, refused("old", RefundRefusal::NothingUnused));
    purchases.refund_failed(id("old"), &taken).unwrap();
    assert_eq!(purchases, two(1_500));
}

#[test]
fn whoever_takes_all_back_keeps_no_tokens() {
    let mut purchases = Purchases::new(100, vec![purchase("a", "100", 740_740)]);
    let taken = purchases.refund(id("a"), None).unwrap();
    assert_eq!((taken.amount, taken.tokens), (money("0.01"), 100));
    assert_eq!(purchases.balance(), 0);
}

#[test]
fn a_part_can_be_given_back_and_then_the_rest() {
    let mut purchases = Purchases::new(3, vec![purchase("a", "1", 3)]);
    let more = purchases.refund(id("a"), Some(money("1.01")));
    assert_eq!(more, refused("a", RefundRefusal::MoreThanLeft(money("1"))));
    let half = purchases.refund(id("a"), Some(money("0.5"))).unwrap();
    assert_eq!(half.tokens, 2);
    let rest = purchases.refund(id("a"), None).unwrap();
    assert_eq!((rest.amount, rest.tokens), (money("0.5"), 1));
    assert_eq!(purchases.balance(), 0);
    let again = purchases.refund(id("a"), None);
    assert_eq!(again, refused("a", RefundRefusal::AlreadyRefunded));
}

#[rstest]
#[case(TransactionStatus::Pending, RefundRefusal::NotSucceeded)]
#[case(TransactionStatus::Disputed, RefundRefusal::Disputed)]
#[case(TransactionStatus::ChargedBack, RefundRefusal::ChargedBack)]
#[case(TransactionStatus::Refunded, RefundRefusal::AlreadyRefunded)]
fn only_what_has_succeeded_is_given_back(
    #[case] status: TransactionStatus,
    #[case] reason: RefundRefusal,
) {
    let listed = Purchase {
        status,
        ..purchase("a", "10", 1_000)
    };
    let mut purchases = Purchases::new(1_000, vec![listed]);
    assert_eq!(purchases.refund(id("a"), None), refused("a", reason));
    let unknown = Err(Refusal::TransactionNotFound(id("other").to_string()));
    assert_eq!(purchases.refund(id("other"), None), unknown);
}

#[test]
fn a_dispute_freezes_what_is_unused_and_winning_gives_it_back() {
    let mut purchases = two(1_500);
    assert_eq!(purchases.freeze(id("old"), money("10")), Ok(500));
    assert_eq!(
        (purchases.balance(), purchases.unused(id("old"))),
        (1_000, 0)
    );
    assert_eq!(purchases.freeze(id("old"), money("10")), Ok(0));
    let won = purchases.unfreeze(id("old"), TransactionStatus::Succeeded);
    assert_eq!(won, Ok(500));
    assert_eq!(purchases, two(1_500));
}

#[test]
fn a_lost_dispute_takes_what_is_left_and_the_rest_is_recorded() {
    let mut purchases = two(1_500);
    purchases.freeze(id("old"), money("10")).unwrap();
    let taken = purchases.charge_back(id("old"), money("10")).unwrap();
    let expected = TakenBack {
        amount: Money::ZERO,
        tokens: 500,
        shortfall: 500,
    };
    assert_eq!(taken, expected);
    assert_eq!(purchases.balance(), 1_000);
    assert_eq!(purchases.unused(id("new")), 1_000);
}

#[test]
fn the_same_dispute_freezes_once() {
    let mut purchases = two(2_000);
    assert_eq!(purchases.freeze(id("new"), money("4")), Ok(400));
    assert_eq!(purchases.freeze(id("new"), money("4")), Ok(0));
    assert_eq!(purchases.freeze(id("new"), money("5")), Ok(100));
}

#[test]
fn no_more_is_given_back_than_was_paid() {
    let refunded = money("9.99");
    let listed = Purchase {
        refunded,
        ..purchase("a", "10", 1_000)
    };
    let purchases = Purchases::new(500, vec![listed]);
    assert_eq!(purchases.refundable(id("a")), Ok(money("0.01")));
}

#[test]
fn a_part_that_is_disputed_freezes_and_takes_its_part() {
    let mut purchases = two(2_000);
    assert_eq!(purchases.freeze(id("new"), money("4")), Ok(400));
    let taken = purchases.charge_back(id("new"), money("4")).unwrap();
    assert_eq!((taken.tokens, taken.shortfall), (400, 0));
    assert_eq!(
        [purchases.unused(id("old")), purchases.unused(id("new"))],
        [1_000, 600]
    );
}

#[test]
fn a_refund_at_the_providers_site_takes_what_is_there() {
    let mut purchases = two(1_200);
    let taken = purchases.refund_made(id("old"), money("10")).unwrap();
    let expected = TakenBack {
        amount: money("10"),
        tokens: 200,
        shortfall: 800,
    };
    assert_eq!(taken, expected);
    assert_eq!(purchases.balance(), 1_000);
    purchases.refund_failed(id("old"), &taken).unwrap();
    assert_eq!(purchases, two(1_200));
}

#[test]
fn no_balance_is_negative() {
    assert_eq!(Purchases::new(-5, Vec::new()).balance(), 0);
}

/// Something that happens to a purchase.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Buy { cents: i64, tokens: i64 },
    Use(i64),
    Refund { which: usize, percent: i64 },
    RefundAll(usize),
    RefundMade { which: usize, percent: i64 },
    RefundFailed(usize),
    Freeze { which: usize, percent: i64 },
    Win(usize),
    Lose { which: usize, percent: i64 },
}

fn happening() -> impl Strategy<Value = Happening> {
    let which = 0_usize..5;
    let part = || (0_usize..5, 1_i64..=100);
    prop_oneof![
        (1_i64..100_000, 1_i64..1_000_000)
            .prop_map(|(cents, tokens)| Happening::Buy { cents, tokens }),
        (1_i64..500_000).prop_map(Happening::Use),
        part().prop_map(|(which, percent)| Happening::Refund { which, percent }),
        which.clone().prop_map(Happening::RefundAll),
        part().prop_map(|(which, percent)| Happening::RefundMade { which, percent }),
        (0_usize..20).prop_map(Happening::RefundFailed),
        part().prop_map(|(which, percent)| Happening::Freeze { which, percent }),
        which.prop_map(Happening::Win),
        part().prop_map(|(which, percent)| Happening::Lose { which, percent }),
    ]
}

/// A user's purchases, with what has happened to them.
#[derive(Default)]
struct History {
    balance: i64,
    list: Vec<Purchase>,
    refunds: Vec<(TransactionId, TakenBack)>,
    used: i64,
}

impl History {
    fn purchases(&self) -> Purchases {
        Purchases::new(self.balance, self.list.clone())
    }

    /// The purchase at a place and a part of its price.
    fn part(&self, which: usize, percent: i64) -> Option<(TransactionId, Money)> {
        let purchase = self.list.get(which)?;
        let part = exact::floor_share(purchase.amount, percent, 100).unwrap();
        (part > Money::ZERO).then_some((purchase.id, part))
    }

    fn disputed(&self, which: usize) -> Option<TransactionId> {
        let purchase = self.list.get(which)?;
        (purchase.status == TransactionStatus::Disputed).then_some(purchase.id)
    }

    /// Lets something happen where it can.
    fn step(&mut self, happening: Happening) -> Option<()> {
        let mut purchases = self.purchases();
        match happening {
            Happening::Buy { cents, tokens } => {
                let amount = Money::whole(cents).unwrap().divided(100, 2).unwrap();
                let name = format!("topup-{}", self.list.len());
                let bought = Purchase {
                    amount,
                    ..purchase(&name, "1", tokens)
                };
                purchases.add(bought);
            }
            Happening::Use(tokens) => {
                let tokens = tokens.min(self.balance);
                self.used += tokens;
                purchases = Purchases::new(self.balance - tokens, self.list.clone());
            }
            Happening::Refund { which, percent } => {
                let (id, part) = self.part(which, percent)?;
                let taken = purchases.refund(id, Some(part)).ok()?;
                self.refunds.push((id, taken));
            }
            Happening::RefundAll(which) => {
                let id = self.list.get(which)?.id;
                let refundable = purchases.refundable(id).ok()?;
                let taken = purchases.refund(id, None).unwrap();
                assert_eq!(taken.amount, refundable);
                self.refunds.push((id, taken));
            }
            Happening::RefundMade { which, percent } => {
                let (id, part) = self.part(which, percent)?;
                let listed = self.list.get(which)?;
                // The provider gives back no more than it has taken in.
                let left = listed.amount.minus(listed.refunded).unwrap();
                let taken = purchases.refund_made(id, part.min(left)).unwrap();
                self.refunds.push((id, taken));
            }
            Happening::RefundFailed(which) => {
                if which >= self.refunds.len() {
                    return None;
                }
                let (id, taken) = self.refunds.remove(which);
                purchases.refund_failed(id, &taken).unwrap();
            }
            Happening::Freeze { which, percent } => {
                let (id, part) = self.part(which, percent)?;
                if self.list[which].status == TransactionStatus::ChargedBack {
                    return None;
                }
                purchases.freeze(id, part).unwrap();
            }
            Happening::Win(which) => {
                let id = self.disputed(which)?;
                purchases
                    .unfreeze(id, TransactionStatus::Succeeded)
                    .unwrap();
            }
            Happening::Lose { which, percent } => {
                let (_, part) = self.part(which, percent)?;
                purchases.charge_back(self.disputed(which)?, part).unwrap();
            }
        }
        self.balance = purchases.balance();
        self.list = purchases.list().to_vec();
        Some(())
    }
}

proptest! {
    #[test]
    fn tokens_and_money_come_from_somewhere(happenings in vec(happening(), 0..60)) {
        let mut history = History::default();
        for happening in happenings {
            if history.step(happening).is_none() {
                continue;
            }
            let purchases = history.purchases();
            prop_assert!(history.balance >= 0);
            let unused: i64 = history.list.iter().map(|listed| purchases.unused(listed.id)).sum();
            prop_assert_eq!(unused, history.balance, "{:?}", happening);
            let sum = |of: fn(&Purchase) -> i64| history.list.iter().map(of).sum::<i64>();
            // Every token that was bought is somewhere.
            let elsewhere = sum(|listed| listed.taken_back + listed.frozen) + history.used;
            prop_assert_eq!(sum(|listed| listed.bought), history.balance + elsewhere);
            prop_assert!(sum(|listed| listed.shortfall) <= history.used);
            for listed in &history.list {
                prop_assert!(listed.refunded <= listed.amount && !listed.refunded.is_negative());
                prop_assert!(listed.frozen >= 0 && listed.taken_back >= 0);
                let gone = listed.taken_back + listed.frozen + listed.shortfall;
                prop_assert!(gone <= listed.bought);
            }
        }
    }
}
