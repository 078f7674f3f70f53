//! Where an invoice can go.

use proptest::{collection::vec, prelude::*, sample::select};
use rstest::rstest;

use super::*;

const MOVES: [InvoiceMove; 5] = [
    InvoiceMove::Issue,
    InvoiceMove::Pay,
    InvoiceMove::FallDue,
    InvoiceMove::Void,
    InvoiceMove::WriteOff,
];

#[rstest]
#[case::draft(InvoiceStatus::Draft, [
    Some(InvoiceStatus::Issued),
    None,
    None,
    Some(InvoiceStatus::Void),
    None,
])]
#[case::issued(InvoiceStatus::Issued, [
    None,
    Some(InvoiceStatus::Paid),
    Some(InvoiceStatus::Overdue),
    Some(InvoiceStatus::Void),
    Some(InvoiceStatus::Uncollectible),
])]
#[case::overdue(InvoiceStatus::Overdue, [
    None,
    Some(InvoiceStatus::Paid),
    None,
    Some(InvoiceStatus::Void),
    Some(InvoiceStatus::Uncollectible),
])]
#[case::uncollectible(InvoiceStatus::Uncollectible, [
    None,
    Some(InvoiceStatus::Paid),
    None,
    Some(InvoiceStatus::Void),
    None,
])]
#[case::paid(InvoiceStatus::Paid, [None; 5])]
#[case::void(InvoiceStatus::Void, [None; 5])]
fn an_invoice_makes_only_these_moves(
    #[case] from: InvoiceStatus,
    #[case] to: [Option<InvoiceStatus>; 5],
) {
    assert_eq!(MOVES.map(|step| from.after(step)), to);
}

proptest! {
    /// Whatever is tried, an invoice is issued at most once and settled at most once, and a draft
    /// is never owed.
    #[test]
    fn an_invoice_is_issued_once_and_ends_paid_or_void(tried in vec(select(&MOVES[..]), 0..30)) {
        let mut status = InvoiceStatus::Draft;
        let mut made = Vec::new();
        for step in tried {
            let Some(next) = status.after(step) else { continue };
            prop_assert!(!matches!(status, InvoiceStatus::Paid | InvoiceStatus::Void));
            prop_assert_ne!(next, InvoiceStatus::Draft);
            prop_assert_eq!(next == InvoiceStatus::Paid, step == InvoiceMove::Pay);
            status = next;
            made.push(step);
        }
        let count = |step| made.iter().filter(|made| **made == step).count();
        prop_assert!(count(InvoiceMove::Issue) <= 1);
        prop_assert!(count(InvoiceMove::Pay) + count(InvoiceMove::Void) <= 1);
        prop_assert!(count(InvoiceMove::FallDue) <= 1);
        let was_issued = made.first() == Some(&InvoiceMove::Issue);
        prop_assert!(was_issued || matches!(status, InvoiceStatus::Draft | InvoiceStatus::Void));
    }
}

#[test]
fn names_read_back_as_written() {
    for status in InvoiceStatus::ALL {
        assert_eq!(InvoiceStatus::named(status.name()), Some(status));
    }
    assert_eq!(InvoiceStatus::named("open"), None);
    for kind in [
        "usage",
        "plan_fee",
        "proration",
        "overage",
        "late_usage",
        "correction",
    ] {
        assert_eq!(ItemKind::named(kind).map(ItemKind::name), Some(kind));
    }
    for part in [
        "prompt",
        "cached_prompt",
        "cache_write",
        "completion",
        "reasoning",
        "overage",
        "all",
    ] {
        assert_eq!(PartKind::named(part).map(PartKind::name), Some(part));
    }
}

#[rstest]
#[case(0, "INV-alice-2024-11")]
#[case(1, "INV-alice-2024-11-2")]
#[case(9, "INV-alice-2024-11-10")]
fn a_number_tells_the_user_the_month_and_how_often_it_was_voided(
    #[case] voided: i64,
    #[case] number: &str,
) {
    let alice = UserId::trusted("alice".into());
    assert_eq!(invoice_number(&alice, month(NOVEMBER), voided), number);
}
