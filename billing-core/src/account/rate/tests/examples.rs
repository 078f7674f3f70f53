//! The worked examples of the contract's chapter 13, without their coupon.

use super::*;

/// R1 to R4.
fn november() -> [Usage; 4] {
    [
        usage("R1", "gpt-4", day("2024-11-03"), [300_000, 100_000]),
        usage("R2", "gpt-3.5-turbo", day("2024-11-09"), [350_333, 150_000]),
        usage("R3", "gpt-4", day("2024-11-20"), [120_000, 30_000]),
        usage("R4", "gpt-3.5-turbo", day("2024-11-25"), [60_000, 40_000]),
    ]
}

const COSTS: [&str; 4] = ["15", "0.8254995", "5.4", "0.17"];

fn column<T>(records: &[UsageRecord], part: impl Fn(&Charge) -> T) -> Vec<T> {
    records.iter().map(|record| part(&record.charge)).collect()
}

#[test]
fn without_a_plan_the_discounted_price_is_owed() {
    let mut account = account("0.9", None);
    let records = recorded(rate(&mut account, &november()));
    assert_eq!(column(&records, |c| c.cost_usd), COSTS.map(money));
    assert_eq!(
        column(&records, |c| c.final_cost),
        ["13.5", "0.74294955", "4.86", "0.153"].map(money)
    );
    for record in &records {
        let charge = &record.charge;
        assert_eq!(charge.discount_rate, "0.9".parse().unwrap());
        assert_eq!(charge.taken, TokensTaken::default());
        assert_eq!(charge.covered_amount, Money::ZERO);
        assert_eq!(charge.overage_cost, Money::ZERO);
        assert_eq!(charge.discount_amount, Money::ZERO);
        assert_eq!((&charge.subscription_id, &charge.coupon_id), (&None, &None));
        assert_eq!(record.billing_month, month("2024-11"));
        assert_eq!(record.invoice_month, month("2024-11"));
    }
    assert_eq!(
        account.state.uninvoiced_in(month("2024-11")),
        money("19.25594955")
    );
    assert_eq!(counters(&account), Counters::default());
    assert_eq!(account.state.tokens_remaining(), 0);
}

#[test]
fn without_a_plan_the_items_of_the_invoice_round_once() {
    let records = recorded(rate(&mut account("0.9", None), &november()));
    let item = |model: &str| {
        records
            .iter()
            .filter(|record| record.call.model.as_str() == model)
            .try_fold(Money::ZERO, |sum, record| sum.plus(record.charge.cost_usd))
            .and_then(|sum| sum.rounded(2))
            .unwrap()
    };
    assert_eq!(item("gpt-4"), money("20.40"));
    assert_eq!(item("gpt-3.5-turbo"), money("1.00"));
}

#[test]
fn pro_covers_its_quota_and_charges_what_is_beyond() {
    let mut account = account("0.9", Some(pro(1_000_000)));
    let records = recorded(rate(&mut account, &november()));
    assert_eq!(column(&records, |c| c.cost_usd), COSTS.map(money));
    assert_eq!(
        column(&records, |c| c.covered_amount),
        ["13.5", "0.74294955", "4.86", "0.153"].map(money)
    );
    let taken = column(&records, |c| {
        (c.taken.quota, c.taken.topup, c.taken.overage)
    });
    assert_eq!(
        taken,
        [
            (400_000, 0, 0),
            (500_333, 0, 0),
            (99_667, 0, 50_333),
            (0, 0, 100_000)
        ]
    );
    let overage = ["0", "0", "6.794955", "13.5"].map(money);
    assert_eq!(column(&records, |c| c.overage_cost), overage);
    assert_eq!(column(&records, |c| c.final_cost), overage);
    assert_eq!(
        counters(&account),
        Counters {
            tokens_used: 1_150_333,
            quota_used: 1_000_000,
            overage_tokens: 150_333,
        }
    );
    assert_eq!(account.state.tokens_remaining(), 0);
    assert_eq!(
        account.state.uninvoiced_in(month("2024-11")),
        money("20.294955")
    );
}

#[test]
fn the_guides_calls_cost_15_and_1_125_dollars() {
    let calls = [
        usage("g1", "gpt-4", day("2024-11-05"), [500_000, 0]),
        usage("g2", "gpt-3.5-turbo", day("2024-11-06"), [750_000, 0]),
    ];
    let records = recorded(rate(&mut account("1", None), &calls));
    assert_eq!(
        column(&records, |c| c.final_cost),
        ["15.00", "1.125"].map(money)
    );
    let shown = records[1].charge.cost_usd.rounded(2).unwrap();
    assert_eq!(shown.digits(2), "1.13");
}

#[test]
fn the_guides_statistics_count_only_tokens_used_under_the_plan() {
    let mut account = account("1", None);
    rate_call(
        &mut account,
        usage("g1", "gpt-4", day("2024-11-05"), [500_000, 0]),
    );
    account.state.subscription = Some(pro(1_000_000));
    let covered = rate_call(
        &mut account,
        usage("g2", "gpt-3.5-turbo", day("2024-11-06"), [750_000, 0]),
    );
    assert_eq!(covered.charge.final_cost, Money::ZERO);
    assert_eq!(counters(&account).tokens_used, 750_000);
    assert_eq!(account.state.tokens_remaining(), 250_000);
}
