//! What a comparison of both sides finds.

use rstest::rstest;

use super::*;

fn known(transaction: Transaction) -> [Compared; 1] {
    [Compared {
        transaction,
        misses_refunds: false,
    }]
}

/// What is found of one pair, in short, and what a person reads of it.
fn found(transaction: Transaction, charge: Charge) -> (&'static str, Option<String>) {
    let known = known(transaction);
    let charges = [charge];
    match compare(&charges, &known).as_slice() {
        [] => ("agrees", None),
        [difference] => {
            let kind = match difference {
                Difference::Behind(..) => "behind",
                Difference::Differs(..) => "differs",
                Difference::Unsettled(..) => "unsettled",
                Difference::Unknown(_) | Difference::Missing(_) => panic!("both are there"),
            };
            assert_eq!(difference.transaction(), Some(&known[0].transaction));
            assert_eq!(difference.reference(), "ch_1");
            (kind, difference.reason())
        }
        more => panic!("one pair has several differences: {more:?}"),
    }
}

#[rstest]
#[case::success(ChargeStatus::Succeeded, ChargeStatus::Succeeded, "agrees", "")]
#[case::success_is_not_known_yet(
    ChargeStatus::Processing,
    ChargeStatus::Succeeded,
    "behind",
    "it is pending here and has succeeded at the provider"
)]
#[case::success_after_all(
    declined(DeclineKind::Final),
    ChargeStatus::Succeeded,
    "behind",
    "it is failed here and has succeeded at the provider"
)]
#[case::unfinished(ChargeStatus::Processing, ChargeStatus::Processing, "unsettled", "")]
#[case::user_is_needed(
    ChargeStatus::NeedsUser(None),
    declined(DeclineKind::UserNeeded),
    "unsettled",
    ""
)]
#[case::end_is_not_known_yet(
    ChargeStatus::NeedsUser(None),
    ChargeStatus::Cancelled,
    "behind",
    "it is requires_action here and has ended at the provider"
)]
#[case::decline_is_not_known_yet(
    ChargeStatus::Processing,
    declined(DeclineKind::Retryable),
    "behind",
    "it is pending here and has ended at the provider"
)]
#[case::failure(ChargeStatus::Cancelled, ChargeStatus::Cancelled, "agrees", "")]
#[case::success_only_here(
    ChargeStatus::Succeeded,
    ChargeStatus::Cancelled,
    "differs",
    "it has succeeded here and not at the provider"
)]
#[case::on_its_way_only_there(
    ChargeStatus::Succeeded,
    ChargeStatus::Processing,
    "differs",
    "it has succeeded here and not at the provider"
)]
fn a_transaction_is_compared_by_what_became_of_it(
    #[case] here: ChargeStatus,
    #[case] there: ChargeStatus,
    #[case] kind: &str,
    #[case] reason: &str,
) {
    let (found, read) = found(after(here), charge(there));
    assert_eq!((found, read.as_deref().unwrap_or_default()), (kind, reason));
}

#[rstest]
#[case::amount(
    Charge { amount: money("100.01"), ..charge(ChargeStatus::Succeeded) },
    "differs",
    "the provider shows 100.01 USD and not 100.00 USD"
)]
#[case::currency(
    Charge { currency: "EUR".into(), ..charge(ChargeStatus::Succeeded) },
    "differs",
    "the provider shows 100.00 EUR and not 100.00 USD"
)]
#[case::dispute(
    disputed(DisputeState::Open, "100"),
    "behind",
    "it is succeeded here and disputed at the provider"
)]
#[case::lost_dispute(
    disputed(DisputeState::Lost, "100"),
    "behind",
    "it is succeeded here and charged_back at the provider"
)]
#[case::inquiry(disputed(DisputeState::Inquiry, "100"), "agrees", "")]
#[case::fee(
    Charge { fee: Some(money("3.20")), ..charge(ChargeStatus::Succeeded) },
    "unsettled",
    ""
)]
fn what_has_arrived_is_compared_further(
    #[case] there: Charge,
    #[case] kind: &str,
    #[case] reason: &str,
) {
    let (found, read) = found(after(ChargeStatus::Succeeded), there);
    assert_eq!((found, read.as_deref().unwrap_or_default()), (kind, reason));
}

#[rstest]
#[case::unknown(true, Some("the provider shows 1.00 USD given back and not 0.00 USD"))]
#[case::known_and_under_way(false, None)]
fn refunds_that_are_known_are_no_difference(
    #[case] misses_refunds: bool,
    #[case] reason: Option<&str>,
) {
    let known = [Compared {
        transaction: after(ChargeStatus::Succeeded),
        misses_refunds,
    }];
    let charges = [Charge {
        refunded: money("1"),
        ..charge(ChargeStatus::Succeeded)
    }];
    let found = compare(&charges, &known);
    let reasons: Vec<_> = found.iter().filter_map(Difference::reason).collect();
    assert_eq!(reasons.iter().map(String::as_str).next(), reason);
}

#[test]
fn what_only_one_side_has_is_named() {
    let elsewhere = |status| Charge {
        reference: "ch_2".into(),
        ..charge(status)
    };
    let charges = [
        elsewhere(ChargeStatus::Succeeded),
        elsewhere(ChargeStatus::Ready),
    ];
    let known = known(after(ChargeStatus::Succeeded));
    let (taken, missing) = (
        Difference::Unknown(&charges[0]),
        Difference::Missing(&known[0].transaction),
    );
    let reasons = [&taken, &missing].map(|difference| difference.reason().unwrap());
    assert_eq!(
        reasons,
        [
            "the provider has taken 100.00 USD and no transaction has this charge",
            "the provider does not know its charge",
        ]
    );
    assert_eq!((taken.reference(), taken.transaction()), ("ch_2", None));
    assert_eq!(missing.reference(), "ch_1");
    assert_eq!(compare(&charges, &known), [taken, missing]);
    // No money has moved on either side.
    let failed = self::known(after(ChargeStatus::Cancelled));
    assert_eq!(compare(&charges[1..], &failed), []);
}
