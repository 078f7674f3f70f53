//! Refunds.

use proptest::{collection::vec, prelude::*, sample::select};
use rstest::rstest;

use super::*;
use TransactionStatus as S;

fn failed() -> RefundStatus {
    RefundStatus::Failed("the account is closed".into())
}

#[test]
fn a_refund_reserves_succeeds_and_may_still_come_back() {
    let mut topup = after(ChargeStatus::Succeeded);
    let mut refunds = [refund("a", "30")];
    assert_eq!(topup.reserved(&refunds), Ok(money("30")));
    assert!(
        topup
            .settle_refunds(&refunds, time(NOW))
            .unwrap()
            .is_nothing()
    );

    let succeeded = report("a", "30", RefundStatus::Succeeded);
    let observed = refunds[0].observe_refund(&succeeded, time(LATER));
    assert_eq!(observed.effects, [Effect::Refunded]);
    assert!(
        refunds[0]
            .observe_refund(&succeeded, time(LATER))
            .is_nothing()
    );
    assert!(
        topup
            .settle_refunds(&refunds, time(LATER))
            .unwrap()
            .is_changed
    );
    assert_eq!(
        (topup.status, topup.refunded_amount),
        (S::PartlyRefunded, money("30"))
    );

    let observed = refunds[0].observe_refund(&report("a", "30", failed()), time(LATER));
    assert_eq!(observed.effects, [Effect::RefundFailed]);
    assert!(
        topup
            .settle_refunds(&refunds, time(LATER))
            .unwrap()
            .is_changed
    );
    assert_eq!(
        (topup.status, topup.refunded_amount),
        (S::Succeeded, Money::ZERO)
    );
    assert_eq!(topup.reserved(&refunds), Ok(Money::ZERO));
}

#[test]
fn a_payment_is_refunded_when_all_of_it_was_given_back() {
    let mut topup = after(ChargeStatus::Succeeded);
    let mut refunds = [refund("a", "30"), refund("b", "70")];
    for (refund, name) in refunds.iter_mut().zip(["a", "b"]) {
        let amount = refund.amount.to_string();
        let report = report(name, &amount, RefundStatus::Succeeded);
        let _ = refund.observe_refund(&report, time(LATER));
    }
    let _ = topup.settle_refunds(&refunds, time(LATER)).unwrap();
    assert_eq!(topup.status, S::Refunded);
    let _ = refunds[0].observe_refund(&report("a", "30", failed()), time(LATER));
    let _ = topup.settle_refunds(&refunds, time(LATER)).unwrap();
    assert_eq!(
        (topup.status, topup.refunded_amount),
        (S::PartlyRefunded, money("70"))
    );
}

#[rstest]
#[case::another_amount(RefundReport { amount: money("29"), ..report("a", "30", failed()) })]
#[case::another_currency(RefundReport { currency: "EUR".into(), ..report("a", "30", failed()) })]
#[case::another_refund(report("b", "30", failed()))]
fn a_refund_that_was_not_asked_for_calls_for_attention(#[case] report: RefundReport) {
    let mut refund = refund("a", "30");
    let observed = refund.observe_refund(&report, time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    assert_eq!(refund.status, S::Pending);
}

#[test]
fn a_refund_that_names_another_one_is_not_taken() {
    let mut refund = refund("a", "30");
    let _ = refund.observe_refund(&report("a", "30", RefundStatus::Pending), time(NOW));
    let other = RefundReport {
        transaction: Some(id("b")),
        ..report("a", "30", RefundStatus::Succeeded)
    };
    let observed = refund.observe_refund(&other, time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    assert_eq!(refund.status, S::Pending);
}

#[test]
fn a_refund_that_had_failed_does_not_succeed_unseen() {
    let mut refund = refund("a", "30");
    let _ = refund.observe_refund(&report("a", "30", failed()), time(NOW));
    let late = report("a", "30", RefundStatus::Succeeded);
    let observed = refund.observe_refund(&late, time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    assert_eq!(refund.status, S::Failed);
}

#[test]
fn a_refund_made_at_the_providers_site_gets_a_row_of_its_own() {
    let mut topup = after(ChargeStatus::Succeeded);
    let given_back = Charge {
        refunded: money("25"),
        ..charge(ChargeStatus::Succeeded)
    };
    assert_eq!(topup.misses_refunds(&given_back, &[]), Ok(true));
    let report = RefundReport {
        transaction: None,
        ..report("site", "25", RefundStatus::Succeeded)
    };
    let mut row = topup.refund_from_site(id("new"), &report, time(NOW));
    assert!(row.is_told_by(&report));
    assert!(!refund("a", "25").is_told_by(&report));
    assert_eq!(
        row.observe_refund(&report, time(NOW)).effects,
        [Effect::Refunded]
    );
    let rows = [row];
    assert_eq!(topup.misses_refunds(&given_back, &rows), Ok(false));
    let _ = topup.settle_refunds(&rows, time(NOW)).unwrap();
    assert_eq!(
        (topup.status, topup.refunded_amount),
        (S::PartlyRefunded, money("25"))
    );
}

#[test]
fn a_refund_that_was_not_sent_is_not_missed_at_the_provider() {
    let topup = after(ChargeStatus::Succeeded);
    let charge = charge(ChargeStatus::Succeeded);
    assert_eq!(
        topup.misses_refunds(&charge, &[refund("a", "30")]),
        Ok(false)
    );
}

#[rstest]
#[case::pending(S::Pending, RefundRefusal::NotSucceeded)]
#[case::failed(S::Failed, RefundRefusal::NotSucceeded)]
#[case::disputed(S::Disputed, RefundRefusal::Disputed)]
#[case::charged_back(S::ChargedBack, RefundRefusal::ChargedBack)]
#[case::refunded(S::Refunded, RefundRefusal::AlreadyRefunded)]
fn what_has_not_succeeded_or_is_gone_is_not_given_back(
    #[case] status: S,
    #[case] reason: RefundRefusal,
) {
    let mut topup = topup();
    topup.status = status;
    let id = topup.id;
    let refused = Refusal::PaymentNotRefundable { id, reason };
    assert_eq!(topup.refundable(&[]), Err(refused));
}

#[test]
fn what_is_reserved_cannot_be_given_back_twice() {
    let topup = after(ChargeStatus::Succeeded);
    assert_eq!(topup.refundable(&[]), Ok(money("100")));
    assert_eq!(topup.refundable(&[refund("a", "99.99")]), Ok(money("0.01")));
    let refused = |id, reason| Err(Refusal::PaymentNotRefundable { id, reason });
    assert_eq!(
        topup.refundable(&[refund("a", "100")]),
        refused(topup.id, RefundRefusal::AlreadyRefunded)
    );
    let refund = refund("a", "100");
    assert_eq!(
        refund.refundable(&[]),
        refused(refund.id, RefundRefusal::IsRefund)
    );
}

proptest! {
    /// Money goes back at most once, and comes back at most once.
    #[test]
    fn a_refund_happens_once(
        reports in vec(
            select(vec![RefundStatus::Pending, RefundStatus::Succeeded, failed()]),
            0..20,
        ),
    ) {
        let mut refund = refund("a", "30");
        let mut made = Vec::new();
        for status in reports {
            let report = report("a", "30", status);
            let effects = refund.observe_refund(&report, time(NOW)).effects;
            let is_told = |effect: &Effect| matches!(effect, Effect::Attention(_));
            made.extend(effects.into_iter().filter(|effect| !is_told(effect)));
            prop_assert!(refund.observe_refund(&report, time(NOW)).is_nothing());
        }
        let expected: &[Effect] = match (refund.status, made.len()) {
            (S::Pending, _) => &[],
            (S::Succeeded, _) => &[Effect::Refunded],
            (_, 1) => &[Effect::RefundFailed],
            _ => &[Effect::Refunded, Effect::RefundFailed],
        };
        prop_assert_eq!(&made[..], expected);
    }
}
