//! Where an invoice can go.

use proptest::{collection::vec, prelude::*, sample::select};
use rstest::rstest;

use super::*;

const TRANSITIONS: [InvoiceTransition; 5] = [
    InvoiceTransition::Issue,
    InvoiceTransition::Pay,
    InvoiceTransition::FallDue,
    InvoiceTransition::Void,
    InvoiceTransition::WriteOff,
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
    None,
    None,
])]
#[case::paid(InvoiceStatus::Paid, [None; 5])]
#[case::void(InvoiceStatus::Void, [None; 5])]
fn an_invoice_makes_only_these_transitions(
    #[case] from: InvoiceStatus,
    #[case] to: [Option<InvoiceStatus>; 5],
) {
    assert_eq!(TRANSITIONS.map(|step| from.after(step)), to);
}

proptest! {
    /// Whatever is tried, an invoice is issued at most once and settled at most once, and a draft
    /// is never owed.
    #[test]
    fn an_invoice_is_issued_once_and_ends_paid_or_void(
        tried in vec(select(&TRANSITIONS[..]), 0..30),
    ) {
        let mut status = InvoiceStatus::Draft;
        let mut made = Vec::new();
        for step in tried {
            let Some(next) = status.after(step) else { continue };
            prop_assert!(!matches!(status, InvoiceStatus::Paid | InvoiceStatus::Void));
            prop_assert_ne!(next, InvoiceStatus::Draft);
            prop_assert_eq!(next == InvoiceStatus::Paid, step == InvoiceTransition::Pay);
            status = next;
            made.push(step);
        }
        let count = |step| made.iter().filter(|made| **made == step).count();
        prop_assert!(count(InvoiceTransition::Issue) <= 1);
        prop_assert!(count(InvoiceTransition::Pay) + count(InvoiceTransition::Void) <= 1);
        prop_assert!(count(InvoiceTransition::FallDue) <= 1);
        let was_issued = made.first() == Some(&InvoiceTransition::Issue);
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
