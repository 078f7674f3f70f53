//! What is collected, and what arrived money pays.

use proptest::{collection::vec, prelude::*};
use rstest::rstest;

use super::*;
use crate::testing::{day, money, uuid};

fn invoice(name: &str) -> InvoiceId {
    InvoiceId::new(uuid(name))
}

fn collectible(name: &str, amount: &str, issued: &str) -> Collectible {
    Collectible {
        invoice_id: invoice(name),
        amount_due: money(amount),
        issued_at: day(issued),
    }
}

fn allocation(name: &str, amount: &str) -> Allocation {
    Allocation {
        invoice_id: invoice(name),
        amount: money(amount),
    }
}

#[test]
fn invoices_are_charged_together_oldest_first() {
    let invoices = [
        collectible("c", "10.5", "2024-11-01"),
        collectible("a", "0.2", "2024-09-01"),
        collectible("b", "0", "2024-10-01"),
    ];
    let collection = collect(&invoices, money("0.5")).unwrap().unwrap();
    assert_eq!(collection.amount, money("10.7"));
    let expected = [allocation("a", "0.2"), allocation("c", "10.5")];
    assert_eq!(collection.allocations, expected);
}

#[rstest]
#[case::too_little(&["0.2", "0.29"], false)]
#[case::enough_together(&["0.2", "0.3"], true)]
#[case::nothing(&[], false)]
#[case::paid(&["0"], false)]
fn small_amounts_wait_for_the_next_invoice(#[case] due: &[&str], #[case] is_charged: bool) {
    let named = due.iter().zip(["a", "b"]);
    let invoices: Vec<Collectible> = named
        .map(|(amount, name)| collectible(name, amount, "2024-11-01"))
        .collect();
    let collection = collect(&invoices, money("0.5")).unwrap();
    assert_eq!(collection.is_some(), is_charged);
}

#[rstest]
#[case::first(0, Some("2024-11-02"))]
#[case::second(1, Some("2024-11-04"))]
#[case::third(2, Some("2024-11-08"))]
#[case::last(3, None)]
fn a_failed_collection_is_tried_again_and_then_given_up(
    #[case] failures_before: usize,
    #[case] next: Option<&str>,
) {
    let failed_at = day("2024-11-01");
    for (kind, needs_other_method) in [
        (None, false),
        (Some(DeclineKind::Retryable), false),
        (Some(DeclineKind::Final), true),
    ] {
        let expected = next.map_or(AfterFailure::GiveUp, |next| AfterFailure::Retry {
            at: day(next),
            needs_other_method,
        });
        let after = after_failure(&DEFAULT_RETRIES, failures_before, kind, failed_at);
        assert_eq!(after, expected);
    }
}

#[test]
fn money_for_an_invoice_that_asks_for_nothing_goes_to_the_credit_balance() {
    let allocations = [allocation("a", "10"), allocation("b", "5")];
    let asked = |id| {
        if id == invoice("b") {
            money("5")
        } else {
            Money::ZERO
        }
    };
    let settled = settle(money("15"), &allocations, asked).unwrap();
    assert_eq!(settled.paid, [allocation("b", "5")]);
    assert_eq!(settled.to_credit, money("10"));
    let told = "10.00 USD arrived that no invoice asks for any more; the credit balance has them";
    assert_eq!(settled.attention.as_deref(), Some(told));
}

#[test]
fn a_credited_invoice_takes_what_it_still_asks_for() {
    let settled = settle(money("10"), &[allocation("a", "10")], |_| money("4")).unwrap();
    assert_eq!(settled.paid, [allocation("a", "4")]);
    assert_eq!(settled.to_credit, money("6"));
}

#[test]
fn nobody_is_told_when_everything_is_as_it_was() {
    let settled = settle(money("10"), &[allocation("a", "10")], |_| money("10")).unwrap();
    assert_eq!((settled.to_credit, settled.attention), (Money::ZERO, None));
}

proptest! {
    #[test]
    fn arrived_money_goes_somewhere_and_no_invoice_gets_more_than_it_asks(
        parts in vec((0_usize..4, 0_i64..1_000), 0..6),
        asked in vec(0_i64..1_000, 4),
        amount in 0_i64..4_000,
    ) {
        let names = ["a", "b", "c", "d"];
        let whole = |number| Money::whole(number).unwrap();
        let allocations: Vec<Allocation> = parts
            .iter()
            .map(|(name, part)| Allocation {
                invoice_id: invoice(names[*name]),
                amount: whole(*part),
            })
            .collect();
        let asks = |id| {
            let place = names.iter().position(|name| invoice(name) == id).unwrap();
            whole(asked[place])
        };
        let settled = settle(whole(amount), &allocations, asks).unwrap();
        let sum = |id: Option<InvoiceId>, parts: &[Allocation]| {
            let parts = parts.iter().filter(|part| id.is_none_or(|id| part.invoice_id == id));
            parts.fold(Money::ZERO, |sum, part| sum.plus(part.amount).unwrap())
        };
        let paid = sum(None, &settled.paid);
        prop_assert_eq!(paid.plus(settled.to_credit), Ok(whole(amount)));
        prop_assert!(!settled.to_credit.is_negative());
        prop_assert_eq!(settled.attention.is_some(), settled.to_credit > Money::ZERO);
        for name in names {
            let id = invoice(name);
            let got = sum(Some(id), &settled.paid);
            prop_assert!(got <= asks(id) && got <= sum(Some(id), &allocations));
        }
        prop_assert!(settled.paid.iter().all(|part| part.amount > Money::ZERO));
    }
}
