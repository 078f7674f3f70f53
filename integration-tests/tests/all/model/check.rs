//! The reference itself: against the contract's worked examples, and what holds in any sequence.

use std::collections::{BTreeMap, BTreeSet};

use billing_proto::v1::{InvoiceStatus, ItemType};

use integration_tests::Random;

use super::{
    calendar::{DAY, micros, month_of, month_start},
    choices,
    coupons::{Coupon, Value},
    invoices::Invoice,
    items::Item,
    money::{CENT, USD, amount, decimal},
    operation::Operation,
    plans::{Price, Terms},
    reference::{Call, Record, Reference, Refusal},
    script,
    subscriptions::Order,
};

fn coupon(value: Value) -> Coupon {
    Coupon {
        id: String::new(),
        code: "SAVE".to_owned(),
        value,
        max_uses: 0,
        max_usage_per_user: 1,
        minimum: 0,
        valid_from: 0,
        expires_at: None,
        plans: Vec::new(),
        active: true,
    }
}

/// Contract, chapter 13.
fn example(on_pro: bool) -> (Reference, String) {
    let price = |prompt: i128, completion: i128| Price {
        row: 0,
        id: String::new(),
        prompt: prompt * 100_000_000,
        completion: completion * 100_000_000,
    };
    let pro = Terms {
        version: 0,
        plan: 0,
        monthly_quota: 1_000_000,
        monthly_price: 9_999 * USD / 100,
        extra_price: 150_000_000,
        overage_rate: 9_000,
        metered: false,
    };
    let begin = micros("2024-11-01T00:00:00Z".parse().unwrap());
    let models = vec![price(300, 600), price(15, 20)];
    let mut reference = Reference::new(begin, models, vec![pro]);
    reference.rates.set(begin, 9_000);
    if on_pro {
        let order = Order {
            plan: 0,
            yearly: false,
            auto_renew: true,
            trial_days: 0,
            start: None,
        };
        reference.subscribe(&order).unwrap();
    }
    let value = Value::Percentage {
        value: 200_000,
        months: 1,
    };
    reference.coupons.push(coupon(value));
    let record = |reference: &mut Reference, day: i64, model, prompt, completion| {
        reference.advance(begin + (day - 1) * DAY);
        let call = Call {
            model: Some(model),
            prompt,
            completion,
            created_at: None,
        };
        reference.record(&call).unwrap();
    };
    record(&mut reference, 3, 0, 300_000, 100_000);
    record(&mut reference, 9, 1, 350_333, 150_000);
    reference.advance(begin + 14 * DAY);
    let at_once = reference.apply(0).unwrap();
    record(&mut reference, 20, 0, 120_000, 30_000);
    record(&mut reference, 25, 1, 60_000, 40_000);
    (reference, amount(at_once))
}

#[test]
fn the_reference_agrees_with_the_worked_examples() {
    for (on_pro, expected, at_once, cost) in [
        (
            false,
            ["13.50", "0.74294955", "3.888", "0.1224"],
            "2.84858991",
            "15.40475964",
        ),
        (
            true,
            ["0.00", "0.00", "5.435964", "10.80"],
            "0.00",
            "16.235964",
        ),
    ] {
        let (reference, taken) = example(on_pro);
        let costs = reference.records.iter().map(|r| amount(r.final_cost()));
        assert_eq!(costs.collect::<Vec<_>>(), expected);
        assert_eq!(taken, at_once);
        assert_eq!(amount(reference.stats().month_cost), cost);
        assert_eq!(reference.stats().month_tokens, 1_150_333);
    }
}

/// Contract, chapter 13: the same months on their invoices.
#[test]
fn the_reference_invoices_the_worked_examples() {
    for (on_pro, expected) in [
        (false, ["21.40", "5.99", "1.54", "16.95"]),
        (true, ["120.28", "24.06", "9.62", "105.84"]),
    ] {
        let (mut reference, _) = example(on_pro);
        reference.tax = 1_000;
        let month = month_of(reference.now);
        reference.advance(month_start(month + 1));
        assert_eq!(reference.generate(month), Ok(Some(0)));
        let bill = &reference.invoices[0].bill;
        let got = [bill.amount, bill.discount_amount, bill.tax, bill.total];
        assert_eq!(got.map(amount), expected);
        let prices = bill.items.iter().map(|item| decimal(item.unit_price, 15));
        let of_usage: Vec<_> = prices.take(2).collect();
        let of_usage: Vec<_> = of_usage.iter().map(String::as_str).collect();
        let charged = ["0.037091", "0.001658"];
        assert_eq!(of_usage, if on_pro { ["0", "0"] } else { charged });
    }
}

/// Does what a server would be told to do.
fn obey(reference: &mut Reference, operation: Operation) -> Result<(), Refusal> {
    match operation {
        Operation::Advance(to) => reference.advance(to.0),
        Operation::Record(call, _) => drop(reference.record(&call)?),
        Operation::Batch(calls) => {
            for call in calls {
                reference.record(&call)?;
            }
        }
        Operation::Void(index) => drop(reference.void(index)?),
        Operation::SetPrice(model, price, from) => {
            let from = from.map_or(reference.now, |from| from.0);
            reference.models[model].change(from, price);
        }
        Operation::SetRate(rate, from) => {
            let from = from.map_or(reference.now, |from| from.0);
            reference.rates.set(from, rate);
        }
        Operation::UpdatePlan(terms) => reference.plans[terms.plan].change(reference.now, terms),
        Operation::Subscribe(order) => reference.subscribe(&order)?,
        Operation::ChangePlan(plan, yearly) => reference.change_plan(plan, yearly)?,
        Operation::Cancel { at_period_end } => reference.cancel(at_period_end)?,
        Operation::Resume => reference.resume()?,
        Operation::Apply(coupon) => drop(reference.apply(coupon)?),
        Operation::Deactivate(coupon) => reference.coupons[coupon].active = false,
        Operation::AlertAt(tokens) => reference.alert_threshold = tokens,
        Operation::SetTax { rate, exempt } => reference.tax = if exempt { 0 } else { rate },
        Operation::Generate(month) => drop(reference.generate(month)?),
        Operation::VoidInvoice(index) => reference.void_invoice(index)?,
        Operation::WriteOff(index) => reference.write_off(index)?,
        Operation::Pay(index) => reference.pay(index)?,
        Operation::Credit {
            invoice,
            amount,
            request,
        } => drop(reference.credit(invoice, amount, &format!("note-{request}"))?),
        Operation::CloseMonth(month) if month < month_of(reference.now) => reference.close(month),
        Operation::CloseMonth(_) | Operation::Repeat(_) | Operation::Look => {}
    }
    Ok(())
}

const REFUSALS: [Refusal; 19] = [
    // A second trial.
    "",
    "COUPON_ALREADY_ACTIVE",
    "COUPON_EXPIRED",
    "COUPON_INACTIVE",
    "COUPON_MINIMUM_NOT_REACHED",
    "COUPON_NOT_YET_VALID",
    "COUPON_PLAN_NOT_ALLOWED",
    "COUPON_USED_UP",
    "COUPON_USER_LIMIT",
    "CREDIT_NOTE_REQUEST_CONFLICT",
    "INVALID_FIELD",
    "INVOICE_MOVE_NOT_ALLOWED",
    "INVOICE_NOTHING_TO_BILL",
    "MODEL_NOT_FOUND",
    "SUBSCRIPTION_EXISTS",
    "SUBSCRIPTION_MOVE_NOT_ALLOWED",
    "SUBSCRIPTION_NOT_FOUND",
    "USAGE_ALREADY_CREDITED",
    "USAGE_ALREADY_VOIDED",
];

/// Of months without an invoice, marginal amounts add up. A record gets back no more than the part
/// of a cent that an invoice took of its coupon, and no coupon gives more than it has but for such
/// parts. Invoices are never negative.
fn assert_sound(reference: &Reference) {
    let months: BTreeSet<i64> = reference.sums.keys().copied().collect();
    for month in months {
        if reference.invoices.iter().any(|i| i.month == month) {
            continue;
        }
        let records = reference.charged(month);
        let of_records: i128 = records.map(|r| r.discount).sum();
        let redeemed = reference.redemptions.iter().filter(|r| r.month == month);
        let at_once: i128 = redeemed.map(|r| r.taken_at_apply).sum();
        let parts: i128 = reference.redemptions.iter().map(|r| r.part(month)).sum();
        assert_eq!(of_records + at_once, parts);
    }
    let mut originals = reference.records.iter().filter(|r| r.corrects.is_none());
    assert!(originals.all(|r| r.discount > -CENT && r.final_cost() >= 0));
    for redemption in &reference.redemptions {
        if let Value::Fixed(value) = redemption.value {
            assert!(redemption.saved() < value + CENT, "{redemption:?}");
        }
    }
    for invoice in &reference.invoices {
        let bill = &invoice.bill;
        let none_is_negative = bill.total >= 0 && bill.discounts.iter().all(|d| d.amount >= 0);
        assert!(none_is_negative, "{invoice:?}");
        assert!(bill.total <= bill.amount + bill.tax && invoice.amount_due() >= 0);
    }
    assert!(reference.credit_balance >= 0);
}

fn note_invoice(note: &mut impl FnMut(&'static str, bool), invoice: &Invoice) {
    let has = |kind| invoice.bill.items.iter().any(|item| item.kind() == kind);
    note("invoices", true);
    note("late usage", has(ItemType::LateUsage));
    note("corrections of invoiced months", has(ItemType::Correction));
    note("fees", has(ItemType::PlanFee));
    note("prorations", has(ItemType::Proration));
    let taken_back = |item: &Item| item.kind() == ItemType::Proration && item.amount < 0;
    note("unused fees", invoice.bill.items.iter().any(taken_back));
    note("overage on invoices", has(ItemType::Overage));
    note("second invoices", invoice.voided_before > 0);
    note("overdue", invoice.status == InvoiceStatus::Overdue);
    note("credit that pays", invoice.credit_applied > 0);
    note("taxes", invoice.bill.tax > 0);
    let coupons = invoice
        .bill
        .discounts
        .iter()
        .filter(|d| d.redemption.is_some());
    note("coupons on invoices", coupons.count() > 0);
    let by_corrections = invoice.credit_notes.iter().any(|n| n.request_id.is_empty());
    note("moved to the credit balance", by_corrections);
}

#[test]
fn sequences_are_sound_and_reach_what_they_are_to_test() {
    let mut seen = BTreeMap::<&'static str, u32>::new();
    let mut note =
        |what: &'static str, holds: bool| *seen.entry(what).or_default() += u32::from(holds);
    let mut refusals = BTreeSet::new();
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let (models, plans) = (choices::models(&mut random), choices::plans(&mut random));
        let begin = micros("2024-01-31T10:00:00Z".parse().unwrap());
        let mut reference = Reference::new(begin, models, plans);
        reference.coupons = choices::coupons(&mut random, seed, begin);
        for _ in 0..40 {
            let operation = script::next(&reference, &mut random);
            refusals.extend(obey(&mut reference, operation).err());
            assert_sound(&reference);
        }
        let late = |r: &Record| {
            r.window.is_some_and(|(s, w)| {
                let windows = &reference.subscriptions[s].windows;
                w + 1 < windows.len() && r.overage_tokens > 0
            })
        };
        for record in &reference.records {
            note("records", true);
            note("covered", record.covered > 0);
            note("overage", record.overage_tokens > 0);
            note("overage of an archived window", late(record));
            note("discounted", record.discount > 0);
            note(
                "partly discounted",
                record.discount > 0 && record.final_cost() > 0,
            );
            note("corrections", record.corrects.is_some());
            note("taking coupons back", record.discount < 0);
        }
        for invoice in &reference.invoices {
            note_invoice(&mut note, invoice);
        }
        for redemption in &reference.redemptions {
            note("taken at apply", redemption.taken_at_apply > 0);
            note("coupons of several months", redemption.parts.len() > 1);
        }
        note("subscriptions", !reference.subscriptions.is_empty());
        let windows = reference.subscriptions.iter().flat_map(|s| &s.windows);
        note(
            "upgrades",
            windows
                .into_iter()
                .any(|w| w.quota != w.terms.monthly_quota),
        );
    }
    let missed: Vec<_> = seen.iter().filter(|(_, times)| **times < 20).collect();
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(refusals.len(), REFUSALS.len(), "{refusals:?}");
    assert!(REFUSALS.iter().all(|refusal| refusals.contains(refusal)));
}
