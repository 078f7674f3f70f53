//! What holds for every account and every batch.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::{collection::vec, prelude::*};

use super::*;

/// Calls from October to December on a few request ids, so that ids, windows and months collide.
fn calls() -> impl Strategy<Value = Vec<Usage>> {
    let call = (
        0..12_u8,
        prop_oneof![
            Just("gpt-4"),
            Just("gpt-3.5-turbo"),
            Just("free"),
            Just("unknown")
        ],
        0..86_400_i64 * 80,
        [0..3_000_i64, 0..3_000_i64],
        0..3_u8,
    );
    vec(call, 0..24).prop_map(|calls| {
        let numbered = calls.into_iter().enumerate();
        numbered
            .map(|(number, (request, model, second, tokens, content))| {
                let offset = TimeDelta::seconds(second);
                let created_at = day("2024-10-01").checked_add_signed(offset).unwrap();
                let mut usage = usage(&format!("r{request}"), model, created_at, tokens);
                usage.record_id = RecordId::new(uuid(&format!("record-{number}")));
                usage.call.fingerprint = Fingerprint([content; 32]);
                usage
            })
            .collect()
    })
}

fn accounts() -> impl Strategy<Value = Account> {
    let subscription = prop_oneof![
        Just(None),
        (0..20_000_i64).prop_map(|quota| Some(pro(quota))),
        (0..20_000_i64).prop_map(|quota| Some(metered(quota))),
    ];
    let open = prop_oneof![Just("1970-01"), Just("2024-11"), Just("2025-01")];
    (subscription, 0..=10_000_i64, 0..5_000_i64, open).prop_map(
        |(subscription, rate, topup_balance, open)| {
            let rate = rust_decimal::Decimal::new(rate, 4).to_string();
            let mut account = account(&rate, subscription);
            account.state.topup_balance = topup_balance;
            account.state.open_month = month(open);
            account
        },
    )
}

fn new_records(outcomes: &[Outcome]) -> impl Iterator<Item = &UsageRecord> {
    outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Recorded(record) => Some(record),
        _ => None,
    })
}

fn total(records: &[&UsageRecord], part: impl Fn(&UsageRecord) -> i64) -> i64 {
    records.iter().map(|record| part(record)).sum()
}

proptest! {
    #[test]
    fn what_records_owe_is_what_the_account_owes(mut account in accounts(), calls in calls()) {
        let outcomes = rate(&mut account, &calls);
        let mut owed: BTreeMap<Month, Money> = BTreeMap::new();
        for record in new_records(&outcomes) {
            let sum = owed.entry(record.invoice_month).or_default();
            *sum = sum.plus(record.charge.final_cost).unwrap();
        }
        prop_assert_eq!(owed, account.state.uninvoiced);
    }

    #[test]
    fn no_record_owes_less_than_nothing(mut account in accounts(), calls in calls()) {
        let outcomes = rate(&mut account, &calls);
        for record in new_records(&outcomes) {
            let charge = &record.charge;
            let discounted = charge.cost_usd.at_rate(charge.discount_rate).unwrap();
            let owed = discounted
                .minus(charge.covered_amount)
                .and_then(|rest| rest.plus(charge.overage_cost))
                .and_then(|rest| rest.minus(charge.discount_amount))
                .unwrap();
            prop_assert_eq!(charge.final_cost, owed);
            prop_assert!(!charge.final_cost.is_negative());
        }
    }

    #[test]
    fn no_token_is_lost_or_taken_twice(mut account in accounts(), calls in calls()) {
        let balance = account.state.topup_balance;
        let outcomes = rate(&mut account, &calls);
        let under_plan: Vec<_> = new_records(&outcomes)
            .filter(|record| record.charge.subscription_id.is_some())
            .collect();
        let plan = account.state.subscription.as_ref().map(|live| &live.window);
        if plan.is_some_and(|plan| plan.terms().covers_prices()) {
            for record in &under_plan {
                let taken = record.charge.taken;
                let all = taken.quota + taken.topup + taken.overage;
                prop_assert_eq!(all, record.call.tokens.total());
            }
        }
        let after = counters(&account);
        prop_assert_eq!(after.tokens_used, total(&under_plan, |r| r.call.tokens.total()));
        prop_assert_eq!(after.quota_used, total(&under_plan, |r| r.charge.taken.quota));
        let beyond = |r: &UsageRecord| {
            r.call.tokens.total() - r.charge.taken.quota - r.charge.taken.topup
        };
        prop_assert_eq!(after.overage_tokens, total(&under_plan, beyond));
        let spent = balance - account.state.topup_balance;
        prop_assert_eq!(spent, total(&under_plan, |r| r.charge.taken.topup));
        prop_assert!(account.state.topup_balance >= 0);
        prop_assert!(after.quota_used <= plan.map_or(0, |plan| plan.quota));
        prop_assert!(account.state.tokens_remaining() >= 0);
    }

    #[test]
    fn overage_starts_only_when_nothing_is_left(mut account in accounts(), calls in calls()) {
        for call in calls {
            let left = account.state.tokens_remaining();
            if let [Outcome::Recorded(record)] = rate(&mut account, &[call])[..].as_ref()
                && record.charge.taken.overage > 0
            {
                prop_assert_eq!(record.call.tokens.total() - record.charge.taken.overage, left);
            }
        }
    }

    #[test]
    fn splitting_a_batch_changes_nothing(
        account in accounts(), calls in calls(), at in any::<prop::sample::Index>(),
    ) {
        let (mut whole, mut split) = (account.clone(), account);
        let expected = rate(&mut whole, &calls);

        let (first, second) = calls.split_at(at.index(calls.len() + 1));
        let mut outcomes = rate(&mut split, first);
        let recorded = new_records(&outcomes)
            .map(|record| (record.call.request_id.clone(), record.clone()))
            .collect();
        outcomes.extend(rate_again(&mut split, &recorded, second));

        prop_assert_eq!(outcomes, expected);
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn sending_a_batch_again_charges_nothing(mut account in accounts(), calls in calls()) {
        let outcomes = rate(&mut account, &calls);
        let recorded = new_records(&outcomes)
            .map(|record| (record.call.request_id.clone(), record.clone()))
            .collect();
        let before = account.clone();
        let again = rate_again(&mut account, &recorded, &calls);
        prop_assert_eq!(new_records(&again).count(), 0);
        prop_assert_eq!(account, before);
    }
}
