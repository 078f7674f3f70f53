use rstest::rstest;

use super::*;
use crate::testing::{time, uuid};

const NOW: &str = "2024-11-15T10:00:00Z";

fn id(name: &str) -> TransactionId {
    TransactionId::new(uuid(name))
}

fn method() -> Option<PaymentMethodId> {
    Some(PaymentMethodId::new(uuid("m")))
}

fn begun() -> Collecting {
    let mut collecting = Collecting::default();
    collecting.ask(time(NOW));
    assert_eq!(collecting.due_at, Some(time(NOW)));
    collecting.note_begun(id("t"));
    collecting
}

fn fail(collecting: &mut Collecting, kind: DeclineKind) {
    let retries = super::super::DEFAULT_RETRIES;
    collecting.note_failure(id("t"), method(), Some(kind), &retries, time(NOW));
}

#[test]
fn a_collection_is_tried_again_after_1_3_and_7_days_and_then_given_up() {
    let mut collecting = begun();
    for next in ["2024-11-16", "2024-11-18", "2024-11-22"] {
        fail(&mut collecting, DeclineKind::Retryable);
        assert_eq!(
            collecting.due_at,
            Some(time(&format!("{next}T10:00:00Z"))),
            "{next}"
        );
        // An invoice that is issued meanwhile waits with the others.
        let waiting = collecting;
        collecting.ask(time(NOW));
        assert_eq!(collecting, waiting);
        collecting.note_begun(id("t"));
    }
    fail(&mut collecting, DeclineKind::Retryable);
    assert!(collecting.is_given_up);
    assert_eq!((collecting.due_at, collecting.in_flight), (None, None));
    collecting.ask(time(NOW));
    assert_eq!(collecting.due_at, None);
}

#[rstest]
#[case(DeclineKind::Final, method())]
#[case(DeclineKind::Retryable, None)]
fn a_method_that_was_declined_for_good_is_not_tried_again(
    #[case] kind: DeclineKind,
    #[case] declined: Option<PaymentMethodId>,
) {
    let mut collecting = begun();
    fail(&mut collecting, kind);
    assert_eq!(collecting.declined_method, declined);
    collecting.resume(time(NOW));
    let expected = Collecting {
        due_at: Some(time(NOW)),
        ..Collecting::default()
    };
    assert_eq!(collecting, expected);
}

#[test]
fn only_the_try_that_is_under_way_can_fail_or_succeed() {
    let mut collecting = begun();
    let before = collecting;
    let now = time(NOW);
    collecting.note_failure(id("other"), method(), None, &[], now);
    collecting.note_success(id("other"), now);
    collecting.note_dropped(id("other"), now);
    assert_eq!(collecting, before);
    collecting.note_success(id("t"), now);
    assert_eq!((collecting.in_flight, collecting.due_at), (None, Some(now)));
}

#[test]
fn a_try_that_was_dropped_is_no_failure() {
    let mut collecting = begun();
    collecting.note_dropped(id("t"), time(NOW));
    let expected = Collecting {
        due_at: Some(time(NOW)),
        ..Collecting::default()
    };
    assert_eq!(collecting, expected);
}
