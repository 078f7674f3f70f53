//! Charges.

use proptest::{collection::vec, prelude::*, sample::select};
use rstest::rstest;

use super::*;
use TransactionStatus as S;

#[rstest]
#[case::ready(ChargeStatus::Ready, S::Pending, vec![])]
#[case::processing(ChargeStatus::Processing, S::Pending, vec![])]
#[case::succeeded(ChargeStatus::Succeeded, S::Succeeded, vec![Effect::Credit])]
#[case::needs_user(
    ChargeStatus::NeedsUser(None),
    S::RequiresAction,
    vec![Effect::NeedsUser]
)]
#[case::authentication_while_away(
    declined(DeclineKind::UserNeeded),
    S::RequiresAction,
    vec![Effect::NeedsUser]
)]
#[case::declined(
    declined(DeclineKind::Retryable),
    S::Failed,
    vec![Effect::Failed(Some(DeclineKind::Retryable))]
)]
#[case::declined_for_good(
    declined(DeclineKind::Final),
    S::Failed,
    vec![Effect::Failed(Some(DeclineKind::Final))]
)]
#[case::cancelled(ChargeStatus::Cancelled, S::Failed, vec![Effect::Failed(None)])]
fn a_report_moves_a_pending_transaction(
    #[case] reported: ChargeStatus,
    #[case] status: S,
    #[case] effects: Vec<Effect>,
) {
    let mut topup = topup();
    let observed = topup.observe(&charge(reported.clone()), time(LATER));
    assert_eq!(topup.status, status);
    assert_eq!(observed.is_changed, status != S::Pending);
    assert_eq!(observed.effects, effects);
    let again = topup.observe(&charge(reported), time(LATER));
    assert!(again.is_nothing());
}

#[test]
fn the_user_has_a_day_for_their_part() {
    let page = "https://pay.example/1";
    let topup = after(ChargeStatus::NeedsUser(Some(page.into())));
    assert_eq!(topup.next_action_url.as_deref(), Some(page));
    assert_eq!(topup.expires_at, Some(time("2024-11-16T10:00:00Z")));
    assert!(!topup.is_expired(time("2024-11-16T09:59:59Z")));
    assert!(topup.is_expired(time("2024-11-16T10:00:00Z")));
    let mut done = topup;
    let _ = done.observe(&charge(ChargeStatus::Succeeded), time(LATER));
    assert!(!done.is_expired(time("2024-11-17T10:00:00Z")));
    assert_eq!(done.next_action_url, None);
}

#[test]
fn a_user_who_has_done_their_part_is_waited_for_no_longer() {
    let mut topup = topup();
    let page = ChargeStatus::NeedsUser(Some("https://pay.example/1".into()));
    drop(topup.observe(&charge(page), time(NOW)));
    let observed = topup.observe(&charge(ChargeStatus::Processing), time(NOW));
    assert_eq!((observed.is_changed, observed.effects), (true, Vec::new()));
    assert_eq!(topup.status, TransactionStatus::Pending);
    assert_eq!((&topup.next_action_url, topup.expires_at), (&None, None));
}

#[test]
fn only_what_is_over_lapses() {
    let mut topup = topup();
    drop(topup.observe(&charge(ChargeStatus::NeedsUser(None)), time(NOW)));
    let end = topup.expires_at.unwrap();
    let a_second_before = end - chrono::TimeDelta::seconds(1);
    assert!(topup.lapse(a_second_before).is_nothing());
    assert_eq!(topup.lapse(end).effects, [Effect::Failed(None)]);
    assert_eq!(topup.status, TransactionStatus::Failed);
    assert_eq!(topup.failure.as_ref().unwrap().code, "expired");
    assert!(topup.lapse(end).is_nothing());
    // Money that was on its way counts all the same, and the operator is told.
    let observed = topup.observe(&charge(ChargeStatus::Succeeded), end);
    assert_eq!(observed.effects, [Effect::LateSuccess]);
}

#[test]
fn a_new_page_for_the_user_is_stored_and_gives_no_more_time() {
    let mut topup = after(ChargeStatus::NeedsUser(Some(
        "https://pay.example/1".into(),
    )));
    let page = ChargeStatus::NeedsUser(Some("https://pay.example/2".into()));
    let observed = topup.observe(&charge(page), time(LATER));
    assert!(observed.is_changed && observed.effects.is_empty());
    assert_eq!(topup.expires_at, Some(time("2024-11-16T10:00:00Z")));
}

#[rstest]
#[case::another_amount(
    Charge { amount: money("99.99"), ..charge(ChargeStatus::Succeeded) },
    "the provider received 99.99 USD and not 100.00 USD"
)]
#[case::another_currency(
    Charge { currency: "EUR".into(), ..charge(ChargeStatus::Succeeded) },
    "the provider received 100.00 EUR and not 100.00 USD"
)]
#[case::real_money(
    Charge { is_live: true, ..charge(ChargeStatus::Succeeded) },
    "the charge \"ch_1\" mixes test and real money"
)]
#[case::another_charge(
    Charge { reference: "ch_2".into(), ..charge(ChargeStatus::Succeeded) },
    "there is another charge \"ch_2\" for it"
)]
fn what_was_not_asked_for_has_no_effect_but_attention(
    #[case] charge: Charge,
    #[case] reason: &str,
) {
    let mut topup = topup();
    let observed = topup.observe(&charge, time(LATER));
    assert_eq!(observed.effects, [Effect::Attention(reason.into())]);
    assert_eq!(topup.status, S::Pending);
    assert_eq!(topup.attention.as_deref(), Some(reason));
    assert!(topup.observe(&charge, time(LATER)).is_nothing());
}

#[test]
fn a_charge_of_another_transaction_is_not_taken() {
    let mut topup = topup();
    let other = Charge {
        transaction: Some(id("other")),
        ..charge(ChargeStatus::Succeeded)
    };
    let observed = topup.observe(&other, time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    assert_eq!(topup.status, S::Pending);
}

#[test]
fn a_charge_whose_id_was_lost_is_known_by_the_transaction_it_names() {
    let mut lost = topup();
    lost.provider_reference = None;
    let nameless = Charge {
        transaction: None,
        ..charge(ChargeStatus::Succeeded)
    };
    let observed = lost.clone().observe(&nameless, time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    let observed = lost.observe(&charge(ChargeStatus::Succeeded), time(LATER));
    assert_eq!(observed.effects, [Effect::Credit]);
    assert_eq!(lost.provider_reference.as_deref(), Some("ch_1"));
}

#[test]
fn what_succeeds_after_it_failed_counts_and_the_operator_is_told() {
    let mut topup = after(declined(DeclineKind::Retryable));
    let observed = topup.observe(&charge(ChargeStatus::Succeeded), time(LATER));
    assert_eq!(observed.effects, [Effect::LateSuccess]);
    assert_eq!((topup.status, &topup.failure), (S::Succeeded, &None));
    assert!(topup.attention.is_some());
}

#[test]
fn what_fails_after_it_succeeded_stands_and_the_operator_is_told() {
    let mut topup = after(ChargeStatus::Succeeded);
    let observed = topup.observe(&charge(declined(DeclineKind::Final)), time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    assert_eq!(topup.status, S::Succeeded);
}

#[test]
fn an_amount_that_changes_after_it_succeeded_calls_for_attention() {
    let mut topup = after(ChargeStatus::Succeeded);
    let changed = Charge {
        amount: money("90"),
        ..charge(ChargeStatus::Succeeded)
    };
    let observed = topup.observe(&changed, time(LATER));
    assert!(matches!(observed.effects[..], [Effect::Attention(_)]));
    assert_eq!(topup.status, S::Succeeded);
}

#[test]
fn a_dispute_about_money_that_has_not_arrived_changes_nothing() {
    let mut topup = topup();
    let early = Charge {
        status: ChargeStatus::Processing,
        ..disputed(DisputeState::Lost, "100")
    };
    assert!(topup.observe(&early, time(LATER)).is_nothing());
}

#[test]
fn the_fee_is_noted_when_it_is_known() {
    let mut topup = after(ChargeStatus::Succeeded);
    let with_fee = Charge {
        fee: Some(money("3.20")),
        ..charge(ChargeStatus::Succeeded)
    };
    let observed = topup.observe(&with_fee, time(LATER));
    assert!(observed.is_changed && observed.effects.is_empty());
    assert!(
        topup
            .observe(&charge(ChargeStatus::Succeeded), time(LATER))
            .is_nothing()
    );
    assert_eq!(topup.fee, Some(money("3.2")));
}

#[test]
fn what_the_provider_never_made_can_be_ended() {
    let failure = Failure {
        code: "amount_too_small".into(),
        message: "the amount is too small".into(),
    };
    let mut made = topup();
    assert!(made.refused(failure.clone(), time(LATER)).is_nothing());
    let mut unmade = topup();
    unmade.provider_reference = None;
    let observed = unmade.refused(failure, time(LATER));
    assert_eq!(observed.effects, [Effect::Failed(None)]);
    assert_eq!(unmade.status, S::Failed);
}

#[test]
fn attention_changes_nothing_else_and_is_told_once() {
    let mut topup = topup();
    let observed = topup.note_attention("the provider knows no such charge", time(LATER));
    assert_eq!(observed.effects.len(), 1);
    assert_eq!(topup.status, S::Pending);
    let again = topup.note_attention("the provider knows no such charge", time(LATER));
    assert!(again.is_nothing());
}

#[rstest]
#[case::inquiry(DisputeState::Inquiry, S::Succeeded, vec![])]
#[case::won_unseen(DisputeState::Won, S::Succeeded, vec![])]
#[case::open(DisputeState::Open, S::Disputed, vec![Effect::Frozen(Money::whole(40).unwrap())])]
#[case::lost_unseen(
    DisputeState::Lost,
    S::ChargedBack,
    vec![
        Effect::Frozen(Money::whole(40).unwrap()),
        Effect::ChargedBack(Money::whole(40).unwrap()),
    ]
)]
fn a_dispute_moves_what_has_succeeded(
    #[case] state: DisputeState,
    #[case] status: S,
    #[case] effects: Vec<Effect>,
) {
    let mut topup = after(ChargeStatus::Succeeded);
    let observed = topup.observe(&disputed(state, "40"), time(LATER));
    assert_eq!(topup.status, status);
    assert_eq!(observed.effects, effects);
    assert!(
        topup
            .observe(&disputed(state, "40"), time(LATER))
            .is_nothing()
    );
}

#[test]
fn what_is_won_stands_by_its_refunds() {
    let mut topup = after(ChargeStatus::Succeeded);
    let mut given_back = refund("a", "30");
    given_back.status = S::Succeeded;
    let _ = topup.observe(&disputed(DisputeState::Open, "40"), time(NOW));
    let _ = topup.settle_refunds(&[given_back], time(NOW)).unwrap();
    assert_eq!(topup.status, S::Disputed);
    let observed = topup.observe(&disputed(DisputeState::Won, "40"), time(LATER));
    assert_eq!(observed.effects, [Effect::Unfrozen]);
    assert_eq!(topup.status, S::PartlyRefunded);
    assert_eq!(topup.disputed_amount, Money::ZERO);
}

#[test]
fn success_and_dispute_may_come_together() {
    let mut topup = topup();
    let observed = topup.observe(&disputed(DisputeState::Open, "100"), time(LATER));
    assert_eq!(
        observed.effects,
        [Effect::Credit, Effect::Frozen(money("100"))]
    );
}

/// Whatever a provider may say.
fn any_charge() -> impl Strategy<Value = Charge> {
    let status = select(vec![
        ChargeStatus::Ready,
        ChargeStatus::NeedsUser(None),
        ChargeStatus::Processing,
        ChargeStatus::Succeeded,
        declined(DeclineKind::Final),
        declined(DeclineKind::UserNeeded),
        declined(DeclineKind::Retryable),
        ChargeStatus::Cancelled,
    ]);
    let dispute = select(vec![
        None,
        Some(DisputeState::Inquiry),
        Some(DisputeState::Open),
        Some(DisputeState::Won),
        Some(DisputeState::Lost),
    ]);
    let amount = select(vec!["100", "100", "100", "99.99"]);
    (status, dispute, amount).prop_map(|(status, dispute, amount)| {
        let dispute = dispute.and_then(|state| disputed(state, "100").dispute);
        Charge {
            amount: money(amount),
            dispute,
            ..charge(status)
        }
    })
}

proptest! {
    #[test]
    fn money_is_credited_at_most_once_whatever_is_reported(
        reports in vec(any_charge(), 0..40),
    ) {
        let mut topup = topup();
        let (mut credits, mut frozen, mut thawed) = (0, 0, 0);
        for report in &reports {
            for effect in topup.observe(report, time(NOW)).effects {
                match effect {
                    Effect::Credit | Effect::LateSuccess => credits += 1,
                    Effect::Frozen(_) => frozen += 1,
                    Effect::Unfrozen | Effect::ChargedBack(_) => thawed += 1,
                    _ => {}
                }
            }
            let again = topup.observe(report, time(NOW));
            prop_assert!(again.is_nothing(), "{report:?} {again:?}");
        }
        prop_assert!(credits <= 1);
        prop_assert_eq!(credits == 1, topup.status.has_succeeded());
        prop_assert_eq!(frozen - thawed, i32::from(topup.status == S::Disputed));
        let paid = |report: &Charge| {
            report.status == ChargeStatus::Succeeded && report.amount == money("100")
        };
        prop_assert_eq!(topup.status.has_succeeded(), reports.iter().any(paid));
    }
}
