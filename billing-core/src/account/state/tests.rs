use rstest::rstest;

use super::*;
use crate::testing::rate;

fn day(number: u32) -> DateTime<Utc> {
    format!("2024-11-{number:02}T00:00:00Z").parse().unwrap()
}

#[rstest]
#[case::before_the_first(3, "1", None, Some(5))]
#[case::its_first_moment(5, "0.9", Some(5), Some(9))]
#[case::in_the_midst(8, "0.9", Some(5), Some(9))]
#[case::the_next(9, "0.5", Some(9), None)]
#[case::later(30, "0.5", Some(9), None)]
fn a_discount_holds_until_the_next(
    #[case] at: u32,
    #[case] expected: &str,
    #[case] from: Option<u32>,
    #[case] until: Option<u32>,
) {
    let changes = [(5, "0.9"), (9, "0.5")].map(|(from, text)| DiscountChange {
        from: day(from),
        rate: rate(text),
    });
    let discount = Discount::at(&changes, day(at));
    let expected = Discount {
        rate: rate(expected),
        from: from.map(day),
        until: until.map(day),
    };
    assert_eq!(discount, expected);
    assert!(discount.covers(day(at)));
    for outside in from.iter().map(|from| from - 1).chain(until) {
        assert!(!discount.covers(day(outside)));
    }
}

#[test]
fn a_new_account_pays_list_prices_owes_nothing_and_needs_no_relations() {
    let account = AccountState::new(UserId::trusted("user-1".into()));
    assert_eq!(account.discount, Discount::at(&[], day(1)));
    assert_eq!(account.uninvoiced_in(Month::FIRST), Money::ZERO);
    assert_eq!(account.open_month, Month::FIRST);
    assert_eq!(account.tokens_remaining(), 0);
    assert_eq!(account.needs(day(1), day(2)), Needs::default());
}

#[test]
fn relations_are_needed_only_for_times_that_the_account_does_not_cover() {
    let account = AccountState {
        archived_until: Some(day(5)),
        discount: Discount {
            rate: rate("0.9"),
            from: Some(day(3)),
            until: Some(day(20)),
        },
        ..AccountState::new(UserId::trusted("user-1".into()))
    };
    assert_eq!(account.needs(day(5), day(6)), Needs::default());
    let late = account.needs(day(4), day(6));
    assert_eq!((late.windows_after, late.discounts), (Some(day(4)), false));
    assert!(account.needs(day(2), day(6)).discounts);
    assert!(account.needs(day(5), day(20)).discounts);
}
