//! Items, discounts, tax.

use proptest::{collection::vec, prelude::*};
use rstest::rstest;

use super::*;
use crate::{
    ids::{PlanVersionId, PriceId},
    refusal::Refusal,
    usage::WindowRef,
};

#[test]
fn the_example_without_a_plan_is_16_95() {
    let usage = [
        usage("gpt-3.5-turbo", GPT_3_5, [410_333, 190_000], "0.9"),
        usage("gpt-4", GPT_4, [420_000, 130_000], "0.9"),
    ];
    let bill = bill(&redeemed([percentage("20")]), &charges(usage, []), "0.1");
    let items = [
        item("AI API usage - gpt-4", 550_000, "0.037091", "20.40"),
        item("AI API usage - gpt-3.5-turbo", 600_333, "0.001658", "1.00"),
    ];
    assert_eq!(shown(&bill), items);
    assert_eq!(totals(&bill), ["21.40", "5.99", "1.54", "16.95"]);
    let taken: Vec<_> = bill
        .discounts
        .iter()
        .map(|discount| (discount.exact.to_string(), discount.amount.digits(2)))
        .collect();
    let expected = [("2.13954995", "2.14"), ("3.85118991", "3.85")];
    assert_eq!(
        taken,
        expected.map(|(exact, amount)| (exact.to_owned(), amount.to_owned()))
    );
    let parts: Vec<_> = bill.items[0]
        .breakdown
        .iter()
        .map(|part| {
            let price = part.unit_price.to_string();
            (part.kind.name(), part.tokens, price, part.amount.digits(2))
        })
        .collect();
    let expected = [
        ("prompt", 420_000, "0.03", "12.60"),
        ("completion", 130_000, "0.06", "7.80"),
    ];
    assert_eq!(
        parts,
        expected.map(|(name, tokens, price, amount)| (
            name,
            tokens,
            price.to_owned(),
            amount.to_owned()
        ))
    );
}

#[test]
fn the_example_on_pro_is_105_84() {
    let pro = |usage| covered(usage, "0.135", "2024-11-01");
    let usage = [
        with_overage(
            pro(usage("gpt-4", GPT_4, [420_000, 130_000], "0.9")),
            50_333,
            "6.794955",
        ),
        with_overage(
            pro(usage("gpt-3.5-turbo", GPT_3_5, [410_333, 190_000], "0.9")),
            100_000,
            "13.5",
        ),
    ];
    let fee = line(1, LineKind::PlanFee, "Pro plan fee", "99.99");
    let bill = bill(&redeemed([percentage("20")]), &charges(usage, [fee]), "0.1");
    let items = [
        item(
            "AI API usage - gpt-4 (included in Pro)",
            499_667,
            "0",
            "0.00",
        ),
        item(
            "AI API usage - gpt-3.5-turbo (included in Pro)",
            500_333,
            "0",
            "0.00",
        ),
        item("Pro plan fee", 1, "99.99", "99.99"),
        item("Extra tokens", 150_333, "0.135", "20.29"),
    ];
    assert_eq!(shown(&bill), items);
    assert_eq!(totals(&bill), ["120.28", "24.06", "9.62", "105.84"]);
    assert_eq!(bill.items[3].period_start, Some(day("2024-11-01")));
}

#[test]
fn items_stand_in_the_order_of_the_contract() {
    let pro = |usage| covered(usage, "0.14", "2024-11-10");
    let october = |mut sum: UsageSum| {
        sum.billing_month = month("2024-10");
        sum
    };
    let usage = [
        october(with_overage(
            pro(usage("gpt-4", GPT_4, [1_000, 0], "1")),
            500,
            "0.07",
        )),
        october(usage("gpt-4", GPT_4, [2_000, 0], "1")),
        with_overage(pro(usage("gpt-4", GPT_4, [4_000, 0], "1")), 1_000, "0.14"),
        usage("gpt-4", GPT_4, [3_000, 0], "1"),
    ];
    let lines = [
        line(1, LineKind::Proration, "Unused Basic", "-4.50"),
        line(2, LineKind::Proration, "Pro, remaining time", "45.00"),
    ];
    let charges = Charges {
        corrections: vec![correction(-1_000, "-0.03", "0")],
        ..charges(usage, lines)
    };
    let bill = bill(&[], &charges, "0");
    let items = [
        item("AI API usage - gpt-4", 3_000, "0.03", "0.09"),
        item("AI API usage - gpt-4 (included in Pro)", 3_000, "0", "0.00"),
        item("Unused Basic", 1, "-4.5", "-4.50"),
        item("Pro, remaining time", 1, "45", "45.00"),
        item("Extra tokens", 1_000, "0.14", "0.14"),
        item("Late usage 2024-10 - gpt-4", 2_000, "0.03", "0.06"),
        item(
            "Late usage 2024-10 - gpt-4 (included in Pro)",
            500,
            "0",
            "0.00",
        ),
        item("Late usage 2024-10 - Extra tokens", 500, "0.14", "0.07"),
        item("Correction 2024-10 - gpt-4", -1_000, "0.03", "-0.03"),
    ];
    assert_eq!(shown(&bill), items);
    assert_eq!(totals(&bill), ["40.83", "0.00", "0.00", "40.83"]);
}

#[test]
fn each_price_of_extra_tokens_is_an_item_of_its_own() {
    let at = |price: &str, tokens: i64, cost: &str| {
        let usage = usage("gpt-4", GPT_4, [tokens, 0], "1");
        with_overage(covered(usage, price, "2024-11-01"), tokens, cost)
    };
    let usage = [at("0.2", 500, "0.1"), at("0.1", 1_000, "0.1")];
    let bill = bill(&[], &charges(usage, []), "0");
    let items = [
        item("Extra tokens", 1_000, "0.1", "0.10"),
        item("Extra tokens", 500, "0.2", "0.10"),
    ];
    assert_eq!(shown(&bill), items);
}

#[test]
fn each_price_of_a_month_is_a_part_of_its_own() {
    let mut detailed = usage("m", "0.03/0.06/0.003/0.0375/0.06", [10_000, 2_000], "1");
    let sums = &mut detailed.sums;
    sums.tokens.cached_prompt = 4_000;
    sums.tokens.cache_write = 1_000;
    sums.tokens.reasoning = 500;
    let prices = token_prices("0.03/0.06/0.003/0.0375/0.06");
    sums.cost_usd = prices.cost(&sums.tokens).unwrap();
    sums.final_cost = sums.cost_usd;
    let usage = [detailed, usage("m", "0.02/0.06", [1_000, 0], "1")];
    let bill = bill(&[], &charges(usage, []), "0");
    let [only] = bill.items.as_slice() else {
        panic!("{:?}", bill.items);
    };
    let parts: Vec<_> = only
        .breakdown
        .iter()
        .map(|part| (part.kind.name(), part.tokens, part.unit_price.to_string()))
        .collect();
    let expected = [
        ("prompt", 1_000, "0.02"),
        ("prompt", 5_000, "0.03"),
        ("cached_prompt", 4_000, "0.003"),
        ("cache_write", 1_000, "0.0375"),
        ("completion", 1_500, "0.06"),
        ("reasoning", 500, "0.06"),
    ];
    assert_eq!(
        parts,
        expected.map(|(name, tokens, price)| (name, tokens, price.to_owned()))
    );
    let exact = only.breakdown.iter().map(|part| Ok(part.amount));
    assert_eq!(sum(exact).unwrap(), money("0.3395"));
    assert_eq!(only.amount, money("0.34"));
}

#[test]
fn a_part_names_what_it_was_charged_by() {
    let again = UsageSum {
        price_id: PriceId::new(13),
        ..usage("gpt-4", GPT_4, [2_000, 0], "1")
    };
    let window = |version| WindowRef {
        plan_version_id: version,
        start: day("2024-11-01"),
    };
    let metered = UsageSum {
        window: Some(window(METERED)),
        ..usage("gpt-3.5-turbo", GPT_3_5, [4_000, 0], "1")
    };
    let pro = covered(
        usage("gpt-4", GPT_4, [8_000, 0], "1"),
        "0.135",
        "2024-11-01",
    );
    let usage = [
        usage("gpt-4", GPT_4, [1_000, 0], "1"),
        again,
        metered,
        with_overage(pro, 500, "0.0675"),
    ];
    let charges = Charges {
        corrections: vec![correction(-7, "-1", "0")],
        ..charges(usage, [])
    };
    let bill = bill(&[], &charges, "0");
    let parts: Vec<_> = bill
        .items
        .iter()
        .flat_map(|item| &item.breakdown)
        .map(|part| {
            let version = part.plan_version_id.map(PlanVersionId::number);
            (part.tokens, part.price_id.map(PriceId::number), version)
        })
        .collect();
    let expected = [
        (1_000, Some(1), None),
        (2_000, Some(13), None),
        (4_000, Some(2), None),
        (8_000, Some(1), Some(1)),
        (-500, None, Some(1)),
        (500, None, Some(1)),
        (-7, None, None),
    ];
    assert_eq!(parts, expected);
    // The price of both is one price, so it is the item's.
    assert_eq!(bill.items[0].unit_price, money("0.03"));
}

#[test]
fn usage_in_a_window_of_a_metered_plan_is_charged_by_its_price() {
    let metered = UsageSum {
        window: Some(WindowRef {
            plan_version_id: METERED,
            start: day("2024-11-01"),
        }),
        ..usage("gpt-4", GPT_4, [1_000, 0], "0.5")
    };
    let bill = bill(&[], &charges([metered], []), "0");
    assert_eq!(
        shown(&bill),
        [item("AI API usage - gpt-4", 1_000, "0.03", "0.03")]
    );
    assert_eq!(totals(&bill), ["0.03", "0.02", "0.00", "0.01"]);
}

#[rstest]
#[case::price(PriceId::new(99), 1, Refusal::PriceUnknown(PriceId::new(99)))]
#[case::version(
    PriceId::new(1),
    98,
    Refusal::PlanVersionUnknown(PlanVersionId::new(98))
)]
fn what_the_catalog_lacks_cannot_be_billed(
    #[case] price_id: PriceId,
    #[case] version: i32,
    #[case] refusal: Refusal,
) {
    let window = WindowRef {
        plan_version_id: PlanVersionId::new(version),
        start: day("2024-11-01"),
    };
    let lost = UsageSum {
        price_id,
        window: Some(window),
        ..usage("gpt-4", GPT_4, [1, 0], "1")
    };
    let subtotal = Subtotal::new(month(NOVEMBER), &charges([lost], []), &billed_catalog());
    assert_eq!(subtotal, Err(refusal));
}

#[test]
fn usage_that_was_taken_back_leaves_nothing_to_bill() {
    let nothing = usage("gpt-4", GPT_4, [0, 0], "1");
    let charges = charges([nothing], []);
    let subtotal = Subtotal::new(month(NOVEMBER), &charges, &billed_catalog());
    assert_eq!(subtotal, Ok(None));
}

#[rstest]
// 1.125 USD is an item of 1.13, of which the coupon takes all.
#[case::one_item([[750_000, 0], [0, 0]], &["100"], ["1.13", "1.13"])]
// Two items of 0.005 are 0.01 each; the coupon's exact 0.01 must not leave a cent.
#[case::two_half_cents([[0, 2_500], [0, 2_500]], &["100"], ["0.02", "0.02"])]
#[case::less_than_a_cent([[1, 0], [1, 0]], &["100"], ["0.00", "0.00"])]
#[case::after_another([[750_000, 0], [0, 0]], &["50", "100"], ["1.13", "1.13"])]
fn nothing_is_left_of_what_coupons_take_whole(
    #[case] tokens: [[i64; 2]; 2],
    #[case] percents: &[&str],
    #[case] expected: [&str; 2],
) {
    let [a, b] = tokens;
    let usage = [usage("a", GPT_3_5, a, "1"), usage("b", GPT_3_5, b, "1")];
    let redemptions = redeemed(percents.iter().map(|percent| percentage(percent)));
    let bill = bill(&redemptions, &charges(usage, []), "0.1");
    let [amount, discount] = expected;
    assert_eq!(totals(&bill), [amount, discount, "0.00", "0.00"]);
}

#[test]
fn no_source_takes_more_than_the_ones_before_have_left() {
    // 0.0049 USD is an item of 0.00.
    let usage = [usage("m", "0.0049/0", [1_000, 0], "0.5")];
    let bill = bill(&redeemed([fixed("1")]), &charges(usage, []), "0.1");
    assert_eq!(totals(&bill), ["0.00", "0.00", "0.00", "0.00"]);
}

#[test]
fn corrections_beyond_the_months_charges_are_credited() {
    let usage = [usage("gpt-4", GPT_4, [100_000, 0], "1")];
    let charges = Charges {
        corrections: vec![correction(-1_000_000, "-30", "0.1")],
        ..charges(usage, [])
    };
    let bill = bill(&redeemed([percentage("50")]), &charges, "0.1");
    let items = [
        item("AI API usage - gpt-4", 100_000, "0.03", "3.00"),
        item("Correction 2024-10 - gpt-4", -1_000_000, "0.03", "-30.00"),
        item("Moved to the credit balance", 1, "28.5", "28.50"),
    ];
    assert_eq!(shown(&bill), items);
    // The coupon takes its half of what is charged all the same.
    assert_eq!(totals(&bill), ["1.50", "1.50", "0.00", "0.00"]);
    assert_eq!(
        (bill.credited, bill.credited_tax),
        (money("28.5"), money("2.85"))
    );
}

#[test]
fn what_was_taxed_at_another_rate_is_credited_whole_with_that_tax() {
    let usage = [usage("gpt-4", GPT_4, [1_000_000, 0], "1")];
    let taken_back = [
        correction(-1_000, "-20", "0.3"),
        correction(-2_000, "-10", "0.2"),
    ];
    let charges = Charges {
        corrections: taken_back.into(),
        ..charges(usage, [])
    };
    let bill = bill(&[], &charges, "0.3");
    let items = [
        item("AI API usage - gpt-4", 1_000_000, "0.03", "30.00"),
        item("Correction 2024-10 - gpt-4", -2_000, "5", "-10.00"),
        item("Correction 2024-10 - gpt-4", -1_000, "20", "-20.00"),
        item("Moved to the credit balance", 1, "10", "10.00"),
    ];
    assert_eq!(shown(&bill), items);
    assert_eq!(totals(&bill), ["10.00", "0.00", "3.00", "13.00"]);
    assert_eq!(
        (bill.credited, bill.credited_tax),
        (money("10"), money("2"))
    );
}

proptest! {
    /// Every identity of an invoice, whatever is on it.
    #[test]
    fn an_invoice_adds_up(
        tokens in vec((0_i64..2_000_000, 0_i64..2_000_000, 0_usize..3), 1..6),
        at_rate in 0_i64..=10_000,
        corrected in 0_i64..3_000,
        fee in -5_000_i64..20_000,
        coupons in vec(prop_oneof![
            (1_i64..=1_000_000)
                .prop_map(|units| percentage(&format!("{}.{:04}", units / 10_000, units % 10_000))),
            (1_i64..5_000).prop_map(|cents| fixed(&format!("{}.{:02}", cents / 100, cents % 100))),
        ], 0..4),
        tax in 0_i64..=3_000,
    ) {
        let tax_on = |net: Money, rate| net.at_rate(rate).unwrap().rounded(CENTS).unwrap();
        let decimal = |units: i64| format!("{}.{:04}", units / 10_000, units % 10_000);
        let at_rate = decimal(at_rate);
        let models = [("a", GPT_4), ("b", GPT_3_5), ("c", "0.0000123/0.00077")];
        let sums: Vec<_> = tokens
            .iter()
            .map(|&(prompt, completion, index)| {
                let (model, terms) = models[index];
                usage(model, terms, [prompt, completion], &at_rate)
            })
            .collect();
        let amount = format!("-{}.{:02}", corrected / 100, corrected % 100);
        let corrections = match corrected {
            0 => Vec::new(),
            _ => vec![correction(-1, &amount, &decimal(tax))],
        };
        let cents = format!(
            "{}{}.{:02}",
            if fee < 0 { "-" } else { "" },
            fee.abs() / 100,
            fee.abs() % 100
        );
        let lines = [line(1, LineKind::PlanFee, "fee", &cents)];
        let charges = Charges { corrections, ..charges(sums, lines) };
        let bill = bill(&redeemed(coupons), &charges, &decimal(tax));

        let amounts = |items: &[Item]| sum(items.iter().map(|item| Ok(item.amount))).unwrap();
        prop_assert_eq!(bill.amount, amounts(&bill.items));
        let taken = sum(bill.discounts.iter().map(|discount| Ok(discount.amount))).unwrap();
        prop_assert_eq!(bill.discount_amount, taken);
        prop_assert!(bill.discounts.iter().all(|discount| !discount.amount.is_negative()));
        let net = bill.net().unwrap();
        prop_assert!(!net.is_negative());
        prop_assert_eq!(bill.tax_amount, tax_on(net, bill.tax_rate));
        prop_assert_eq!(bill.final_amount, net.plus(bill.tax_amount).unwrap());
        prop_assert!(bill.credited == Money::ZERO || net == Money::ZERO);
        for item in &bill.items {
            prop_assert!(item.amount.is_whole_cents());
            if !item.breakdown.is_empty() {
                let exact = sum(item.breakdown.iter().map(|part| Ok(part.amount))).unwrap();
                prop_assert_eq!(exact.rounded(CENTS).unwrap(), item.amount);
            }
        }
    }
}
