//! One test per rule of the contract's chapter 5.

use rstest::rstest;

use super::*;
use crate::{
    account::DiscountChange,
    ids::{PlanVersionId, PriceId},
    usage::WindowRef,
};

fn call(tokens: [i64; 2]) -> Usage {
    usage("r", "gpt-4", day("2024-11-20"), tokens)
}

fn unpriced() -> Outcome {
    Outcome::Refused(Refusal::ModelUnpriced(ModelId::parse("unknown").unwrap()))
}

fn with_fingerprint(byte: u8, mut usage: Usage) -> Usage {
    usage.call.fingerprint = Fingerprint([byte; 32]);
    usage
}

#[test]
fn a_metered_plan_charges_model_prices_and_its_quota_only_counts() {
    let mut account = account("0.9", Some(metered(1_000)));
    account.state.topup_balance = 500;
    let charge = rate_call(&mut account, call([1_000, 400])).charge;
    assert_eq!(charge.final_cost, money("0.0486"));
    assert_eq!(charge.covered_amount, Money::ZERO);
    assert_eq!(charge.overage_cost, Money::ZERO);
    assert_eq!(
        charge.subscription_id,
        Some(SubscriptionId::new(uuid("sub-1")))
    );
    let taken = (charge.taken.quota, charge.taken.topup, charge.taken.overage);
    assert_eq!(taken, (1_000, 0, 0));
    assert_eq!(counters(&account).tokens_used, 1_400);
    assert_eq!(account.state.tokens_remaining(), 500);
}

#[rstest]
#[case::quota_is_enough([600, 0], (600, 0, 0), "0", 500)]
#[case::exactly_the_quota([600, 400], (1_000, 0, 0), "0", 500)]
#[case::one_from_the_balance([601, 400], (1_000, 1, 0), "0", 499)]
#[case::all_of_both([1_000, 500], (1_000, 500, 0), "0", 0)]
#[case::one_beyond([1_000, 501], (1_000, 500, 1), "0.000135", 0)]
fn the_balance_serves_after_the_quota_and_before_overage(
    #[case] tokens: [i64; 2],
    #[case] parts: (i64, i64, i64),
    #[case] owed: &str,
    #[case] balance: i64,
) {
    let mut account = account("1", Some(pro(1_000)));
    account.state.topup_balance = 500;
    let charge = rate_call(&mut account, call(tokens)).charge;
    let taken = (charge.taken.quota, charge.taken.topup, charge.taken.overage);
    assert_eq!(taken, parts);
    assert_eq!(charge.final_cost, money(owed));
    assert_eq!(account.state.topup_balance, balance);
}

#[test]
fn the_balance_is_frozen_without_a_plan() {
    let mut account = account("1", None);
    account.state.topup_balance = 500;
    let charge = rate_call(&mut account, call([100, 0])).charge;
    assert_eq!(charge.final_cost, money("0.003"));
    assert_eq!(account.state.topup_balance, 500);
    assert_eq!(account.state.tokens_remaining(), 0);
}

#[test]
fn the_discount_spares_overage() {
    let half = rate_call(&mut account("0.5", Some(pro(0))), call([1_000, 0])).charge;
    let full = rate_call(&mut account("1", Some(pro(0))), call([1_000, 0])).charge;
    assert_eq!(half.covered_amount, money("0.015"));
    assert_eq!(full.covered_amount, money("0.03"));
    assert_eq!(half.final_cost, full.final_cost);
}

#[rstest]
#[case::before_the_window("2024-10-31T23:59:59.999999Z", false)]
#[case::first_moment("2024-11-01T00:00:00Z", true)]
#[case::last_moment("2024-11-30T23:59:59.999999Z", true)]
#[case::end("2024-12-01T00:00:00Z", false)]
fn a_window_holds_its_start_but_not_its_end(#[case] at: &str, #[case] covered: bool) {
    let subscribed = account("1", Some(pro(1_000)));
    let later = time("2024-12-24T00:00:00Z");
    let call = Call {
        created_at: time(at),
        ..call([1, 0]).call
    };
    let charge = subscribed.quote(&catalog(), &call, later).unwrap().charge;
    assert_eq!(charge.subscription_id.is_some(), covered);
    assert_eq!(charge.final_cost == Money::ZERO, covered);
}

#[rstest]
#[case::before("2024-11-19T23:59:59.999999Z", "0.9")]
#[case::at_the_change("2024-11-20T00:00:00Z", "0.5")]
fn the_rate_in_force_at_the_call_applies(#[case] at: &str, #[case] rate: &str) {
    let mut account = account("1", None);
    account.state.discount = Discount {
        rate: "0.5".parse().unwrap(),
        from: Some(time("2024-11-20T00:00:00Z")),
        until: None,
    };
    account.relations.discounts = [("2024-11-01", "0.9"), ("2024-11-20", "0.5")]
        .map(|(from, rate)| DiscountChange {
            from: time(&format!("{from}T00:00:00Z")),
            rate: rate.parse().unwrap(),
        })
        .to_vec();
    let record = rate_call(&mut account, usage("r", "gpt-4", time(at), [1, 0]));
    assert_eq!(record.charge.discount_rate, rate.parse().unwrap());
}

#[test]
fn a_price_of_zero_is_free_but_no_price_is_refused() {
    let mut account = account("1", None);
    let before = account.clone();
    let unknown = usage("a", "unknown", day("2024-11-20"), [10, 10]);
    assert_eq!(rate(&mut account, &[unknown]), [unpriced()]);
    assert_eq!(account, before);
    let free = usage("b", "free", day("2024-11-20"), [10, 10]);
    assert_eq!(rate_call(&mut account, free).charge.final_cost, Money::ZERO);
}

#[test]
fn tokens_of_a_free_model_count_against_the_quota() {
    let mut account = account("1", Some(pro(15)));
    let free = usage("b", "free", day("2024-11-20"), [10, 10]);
    let charge = rate_call(&mut account, free).charge;
    assert_eq!((charge.taken.quota, charge.taken.overage), (15, 5));
    assert_eq!(charge.final_cost, money("0.000675"));
}

#[rstest]
#[case::of_the_price("", "openai")]
#[case::of_the_caller("azure", "azure")]
fn the_provider_is_the_callers_or_the_prices(#[case] sent: &str, #[case] stored: &str) {
    let mut usage = call([1, 0]);
    usage.call.provider = sent.into();
    let record = rate_call(&mut account("1", None), usage);
    assert_eq!(record.call.provider, stored);
}

#[test]
fn repeats_in_a_batch_answer_with_the_first_or_conflict() {
    let mut account = account("1", None);
    let first = call([10, 0]);
    let calls = [
        first.clone(),
        first.clone(),
        with_fingerprint(2, call([20, 0])),
        first,
    ];
    let outcomes = rate(&mut account, &calls);
    let Outcome::Recorded(record) = outcomes[0].clone() else {
        panic!("not recorded: {:?}", outcomes[0]);
    };
    let duplicate = Outcome::Duplicate(record.clone());
    assert_eq!(
        outcomes[1..],
        [
            duplicate.clone(),
            Outcome::Refused(Refusal::UsageConflict),
            duplicate
        ]
    );
    assert_eq!(
        account.state.uninvoiced_in(month("2024-11")),
        record.charge.final_cost
    );
}

#[test]
fn repeats_of_stored_records_answer_with_them_or_conflict() {
    let mut account = account("1", Some(pro(1_000)));
    let stored = rate_call(&mut account, call([10, 0]));
    let before = account.clone();
    let stored_here = HashMap::from([(stored.call.request_id.clone(), stored.clone())]);
    let calls = [call([10, 0]), with_fingerprint(2, call([10, 0]))];
    let outcomes = rate_again(&mut account, &stored_here, &calls);
    assert_eq!(
        outcomes,
        [
            Outcome::Duplicate(stored),
            Outcome::Refused(Refusal::UsageConflict)
        ]
    );
    assert_eq!(account, before);
}

#[test]
fn a_refused_record_leaves_its_request_id_free() {
    let unknown = || usage("r", "unknown", day("2024-11-20"), [10, 0]);
    let calls = [unknown(), unknown(), with_fingerprint(2, call([10, 0]))];
    let outcomes = rate(&mut account("1", None), &calls);
    assert_eq!(outcomes[..2], [unpriced(), unpriced()]);
    assert!(matches!(outcomes[2], Outcome::Recorded(_)));
}

#[test]
fn an_amount_that_does_not_fit_changes_nothing() {
    let mut account = account("1", Some(pro(0)));
    let most = money("10000000000000");
    account.state.uninvoiced.insert(month("2024-11"), most);
    let before = account.clone();
    assert_eq!(
        rate(&mut account, &[call([1, 0])]),
        [Outcome::Refused(Refusal::UsageTooLarge)]
    );
    assert_eq!(account, before);
}

#[test]
fn a_record_of_the_future_belongs_to_the_present() {
    let present = time("2024-11-30T23:58:00Z");
    let ahead = time("2024-12-01T00:01:00Z");
    let mut next = model_price(2, "gpt-4", "9/9");
    next.effective_from = month("2024-12").start();
    let catalog = Catalog::new(2, [model_price(1, "gpt-4", "0.03/0.06"), next]);
    let mut account = account("1", Some(metered(0)));
    account.state.discount.until = Some(month("2024-12").start());
    let calls = [usage("r", "gpt-4", ahead, [1_000, 0])];
    let outcomes = account
        .rate_batch(&catalog, &HashMap::new(), &calls, present)
        .unwrap();
    let record = recorded(outcomes).remove(0);
    assert_eq!(record.charge.final_cost, money("0.03"));
    assert!(record.charge.subscription_id.is_some());
    assert_eq!(record.billing_month, month("2024-11"));
    assert_eq!(record.rated_at, present);
    assert_eq!(
        (record.call.created_at, record.updated_at),
        (ahead, present)
    );
}

#[rstest]
#[case::of_an_open_month("2024-10", "2024-11-20", "2024-11", "2024-11")]
#[case::of_the_first_open_month("2024-11", "2024-11-20", "2024-11", "2024-11")]
#[case::of_a_closed_month("2024-11", "2024-10-20", "2024-10", "2024-11")]
#[case::of_a_month_closed_early("2024-12", "2024-11-20", "2024-11", "2024-12")]
fn usage_joins_the_first_invoice_that_is_still_open(
    #[case] open: &str,
    #[case] date: &str,
    #[case] billing_month: &str,
    #[case] invoice_month: &str,
) {
    let mut account = account("1", None);
    account.state.open_month = month(open);
    let record = rate_call(&mut account, usage("r", "gpt-4", day(date), [1_000, 0]));
    assert_eq!(record.billing_month, month(billing_month));
    assert_eq!(record.invoice_month, month(invoice_month));
    assert_eq!(
        account.state.uninvoiced,
        [(month(invoice_month), money("0.03"))].into()
    );
}

#[test]
fn a_quote_is_what_recording_would_charge() {
    let mut account = account("0.9", Some(pro(1_000)));
    account.state.topup_balance = 100;
    let call = call([1_000, 500]);
    let quoted = account.quote(&catalog(), &call.call, now()).unwrap();
    assert_eq!(quoted.price.prices.prompt, "0.03".parse().unwrap());
    assert_eq!(quoted.charge, rate_call(&mut account, call).charge);
}

#[test]
fn a_charge_names_its_price_and_the_window_that_held_it() {
    let no_plan = rate_call(&mut account("1", None), call([1, 0])).charge;
    assert_eq!((no_plan.price_id, no_plan.window), (PriceId::new(1), None));
    let window = WindowRef {
        plan_version_id: PlanVersionId::new(1),
        start: month("2024-11").start(),
    };
    for subscription in [pro(1_000), metered(1_000)] {
        let charge = rate_call(&mut account("1", Some(subscription)), call([1, 0])).charge;
        assert_eq!(charge.window, Some(window));
    }
}

#[test]
fn record_ids_rise_whatever_the_candidates_are() {
    let mut account = account("1", None);
    let named = |name: &str| usage(name, "gpt-4", day("2024-11-20"), [1, 0]);
    let records = recorded(rate(&mut account, &["m", "a", "z"].map(named)));
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    let id = |name: &str| RecordId::new(uuid(name));
    assert_eq!(ids, [id("m"), id("m").next(), id("z")]);
    assert_eq!(account.state.last_record_id, Some(id("z")));
    assert_eq!(account.state.tail_records, 3);
    let repeated = rate(&mut account, &[named("a")]);
    let [Outcome::Recorded(again)] = repeated.as_slice() else {
        panic!("not recorded: {repeated:?}");
    };
    assert_eq!(again.id, id("z").next());
}

#[test]
fn usage_changes_counters_and_refused_usage_nothing() {
    let mut account = account("1", Some(pro(1_000)));
    let unknown = usage("a", "unknown", day("2024-11-20"), [10, 10]);
    rate(&mut account, &[unknown]);
    assert!(account.pending().is_empty());
    rate_call(&mut account, call([1, 0]));
    assert_eq!(account.pending().account, AccountChange::Counters);
}
