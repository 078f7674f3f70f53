//! What the daily sweep finds.

use rstest::rstest;

use super::*;

/// What is found of one pair, in short.
fn found(transaction: &Transaction, charge: &Charge) -> &'static str {
    match compare_one(transaction, charge) {
        None => "agrees",
        Some(Difference::Behind(..)) => "behind",
        Some(Difference::Differs(..)) => "differs",
        Some(Difference::Unknown(_) | Difference::Missing(_)) => panic!("both are there"),
    }
}

#[rstest]
#[case::success(ChargeStatus::Succeeded, ChargeStatus::Succeeded, "agrees")]
#[case::success_is_not_known_yet(ChargeStatus::Processing, ChargeStatus::Succeeded, "behind")]
#[case::success_after_all(declined(DeclineKind::Final), ChargeStatus::Succeeded, "behind")]
#[case::unfinished(ChargeStatus::Processing, ChargeStatus::Processing, "behind")]
#[case::failure_is_not_known_yet(ChargeStatus::Processing, ChargeStatus::Cancelled, "behind")]
#[case::failure(ChargeStatus::Cancelled, ChargeStatus::Cancelled, "agrees")]
#[case::success_only_here(ChargeStatus::Succeeded, ChargeStatus::Cancelled, "differs")]
#[case::on_its_way_only_there(ChargeStatus::Succeeded, ChargeStatus::Processing, "differs")]
fn a_transaction_is_compared_by_what_became_of_it(
    #[case] here: ChargeStatus,
    #[case] there: ChargeStatus,
    #[case] expected: &str,
) {
    assert_eq!(found(&after(here), &charge(there)), expected);
}

#[test]
fn amounts_and_refunds_are_compared() {
    let topup = after(ChargeStatus::Succeeded);
    let other = Charge {
        amount: money("100.01"),
        ..charge(ChargeStatus::Succeeded)
    };
    let reason = "the provider shows 100.01 USD and not 100.00 USD".to_owned();
    let differs = Some(Difference::Differs(&topup, reason));
    assert_eq!(compare_one(&topup, &other), differs);
    let currency = Charge {
        currency: "EUR".into(),
        ..charge(ChargeStatus::Succeeded)
    };
    assert_eq!(found(&topup, &currency), "differs");
    let refunded = Charge {
        refunded: money("1"),
        ..charge(ChargeStatus::Succeeded)
    };
    assert_eq!(found(&topup, &refunded), "behind");
}

#[test]
fn what_only_one_side_has_is_named() {
    let topup = after(ChargeStatus::Succeeded);
    let elsewhere = |status| Charge {
        reference: "ch_2".into(),
        ..charge(status)
    };
    let charges = [
        elsewhere(ChargeStatus::Succeeded),
        elsewhere(ChargeStatus::Ready),
    ];
    let known = [topup];
    let expected = vec![
        Difference::Unknown(&charges[0]),
        Difference::Missing(&known[0]),
    ];
    assert_eq!(compare(&charges, &known), expected);
    // No money has moved on either side.
    let failed = [after(ChargeStatus::Cancelled)];
    assert_eq!(compare(&charges[1..], &failed), []);
}
