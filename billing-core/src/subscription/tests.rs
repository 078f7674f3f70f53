use proptest::prelude::*;

use super::{SubscriptionTransition as T, *};

const STATES: [SubscriptionState; 8] = [
    SubscriptionState::Trialing,
    SubscriptionState::TrialEnding,
    SubscriptionState::Active,
    SubscriptionState::Ending,
    SubscriptionState::PastDue,
    SubscriptionState::PastDueEnding,
    SubscriptionState::Cancelled,
    SubscriptionState::Expired,
];
const ALL: [SubscriptionTransition; 8] = [
    T::Upgrade,
    T::ChangeLater,
    T::CancelNow,
    T::CancelAtPeriodEnd,
    T::Resume,
    T::PeriodEnd,
    T::FallPastDue,
    T::Settle,
];

#[test]
fn every_transition_is_listed_once() {
    for (index, (from, step, _)) in TRANSITIONS.iter().enumerate() {
        let again = TRANSITIONS.iter().skip(index + 1);
        assert!(
            again.clone().all(|(f, s, _)| (f, s) != (from, step)),
            "{from:?} {step:?}"
        );
    }
}

#[test]
fn a_state_is_its_status_and_renewal() {
    for state in STATES {
        assert_eq!(
            SubscriptionState::new(state.status(), state.renews()),
            state
        );
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_subscription_ends_once_and_is_never_in_trial_again(
        start in prop::sample::select(&STATES[..]),
        transitions in prop::collection::vec(prop::sample::select(&ALL[..]), 0..12),
    ) {
        let mut state = start;
        for step in transitions {
            let Some(next) = state.after(step) else {
                continue;
            };
            prop_assert!(!state.is_over(), "{state:?} {step:?}");
            prop_assert!(state.is_trial() || !next.is_trial());
            prop_assert_eq!(next.is_over(), match step {
                T::CancelNow => true,
                T::PeriodEnd => !state.renews(),
                _ => false,
            });
            prop_assert_eq!(next.renews(), match step {
                T::Resume => true,
                T::CancelNow | T::CancelAtPeriodEnd => false,
                _ => state.renews(),
            });
            state = next;
        }
    }

    #[test]
    fn a_live_subscription_can_always_be_cancelled_and_reaches_its_periods_end(
        state in prop::sample::select(&STATES[..]),
    ) {
        for step in [T::CancelNow, T::PeriodEnd] {
            prop_assert_eq!(state.after(step).is_some(), !state.is_over());
        }
    }
}
