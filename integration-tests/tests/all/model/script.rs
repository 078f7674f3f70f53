//! Chooses the next call of a sequence: mostly sensible ones, near the edges of time, and a few
//! that must be refused.

use integration_tests::Random;

use super::{
    calendar::{DAY, HOUR, Micros, SECOND, month_of, month_start},
    choices,
    money::CENT,
    operation::{Operation, When},
    reference::{Call, Reference},
    subscriptions::Order,
};

type Choice = fn(&Reference, &mut Random) -> Operation;

pub(super) fn next(reference: &Reference, random: &mut Random) -> Operation {
    let live = reference.live().is_some();
    let weights: [(i64, Choice); 23] = [
        (22, advance),
        (32, record),
        (5, batch),
        (3, |r, random| of_a_record(r, random, Operation::Repeat)),
        (9, void),
        (4, price),
        (4, rate),
        (4, plan),
        (if live { 1 } else { 14 }, subscribe),
        (9, |r, random| {
            let yearly = random.percent(40).then(|| random.percent(50));
            Operation::ChangePlan(random.index(r.plans.len()), yearly)
        }),
        (4, |_, random| Operation::Cancel {
            at_period_end: random.percent(70),
        }),
        (3, |_, _| Operation::Resume),
        (12, |r, random| {
            Operation::Apply(random.index(r.coupons.len()))
        }),
        (1, |r, random| {
            Operation::Deactivate(random.index(r.coupons.len()))
        }),
        (2, |_, random| {
            Operation::AlertAt(random.pick(&[0, 1, 500, 10_000]))
        }),
        (3, |_, random| Operation::SetTax {
            rate: choices::tax_rate(random),
            exempt: random.percent(20),
        }),
        (9, generate),
        (6, |r, random| {
            of_an_invoice(r, random, Operation::VoidInvoice)
        }),
        (2, |r, random| of_an_invoice(r, random, Operation::WriteOff)),
        (3, |r, random| of_an_invoice(r, random, Operation::Pay)),
        (6, credit),
        (3, close_month),
        (3, |_, _| Operation::Look),
    ];
    let mut drawn = random.range(1, weights.iter().map(|(weight, _)| weight).sum());
    let chosen = weights.iter().find(|(weight, _)| {
        drawn -= weight;
        drawn <= 0
    });
    chosen.expect("the weights add up").1(reference, random)
}

/// The edges of windows and months, the end of the grace and the due dates of invoices, and the
/// moments beside them.
fn edge(reference: &Reference, random: &mut Random) -> Micros {
    let month = month_of(reference.now);
    let mut edges: Vec<_> = [month, month + 1].map(month_start).into();
    edges.extend([month, month + 1].map(|month| month_start(month) + DAY));
    edges.extend(reference.invoices.iter().map(|invoice| invoice.due_date));
    for window in reference.subscriptions.iter().flat_map(|s| &s.windows) {
        edges.extend([window.start, window.end]);
    }
    random.pick(&edges) + random.range(-1, 1)
}

fn advance(reference: &Reference, random: &mut Random) -> Operation {
    let now = reference.now;
    let to = match random.range(1, 10) {
        1 => now + random.range(1, 600 * SECOND),
        2 | 3 => now + random.range(1, 20 * HOUR),
        4..=6 => now + random.range(1, 12 * DAY),
        7 => now + random.range(DAY, 100 * DAY),
        8 => month_start(month_of(now) + 1) + random.range(-1, 1),
        _ => edge(reference, random),
    };
    Operation::Advance(When(if to > now { to } else { now + HOUR }))
}

fn record(reference: &Reference, random: &mut Random) -> Operation {
    Operation::Record(call(reference, random), random.percent(50))
}

/// Several at once, of which none is refused.
fn batch(reference: &Reference, random: &mut Random) -> Operation {
    let mut calls: Vec<_> = (0..6).map(|_| call(reference, random)).collect();
    calls.retain(|call| reference.rate(call).is_ok());
    Operation::Batch(calls)
}

fn call(reference: &Reference, random: &mut Random) -> Call {
    let now = reference.now;
    let created_at = match random.range(1, 20) {
        1..=8 => None,
        9 => Some(now + random.pick(&[1, SECOND, 300 * SECOND])),
        10 if random.percent(30) => Some(now + 300 * SECOND + 1),
        10..=12 => Some(now - random.range(0, 600 * SECOND)),
        13..=16 => Some(random.range(reference.began - 40 * DAY, now)),
        _ => Some(edge(reference, random).min(now + 300 * SECOND)),
    };
    let most = random.pick(&[0, 10, 3_000, 12_000, 12_000, 40_000, 40_000, 2_000_000]);
    Call {
        model: (!random.percent(2)).then(|| random.index(reference.models.len())),
        prompt: random.range(0, most),
        completion: random.range(0, most / 2),
        created_at,
    }
}

fn of_a_record(
    reference: &Reference,
    random: &mut Random,
    operation: fn(usize) -> Operation,
) -> Operation {
    if reference.records.is_empty() {
        return Operation::Look;
    }
    operation(random.index(reference.records.len()))
}

/// Often the dearest record that is invoiced, which may be worth more than all that comes next.
fn void(reference: &Reference, random: &mut Random) -> Operation {
    let records = reference.records.iter().enumerate();
    let invoiced = records.filter(|(_, record)| {
        let done = record.voided || record.corrects.is_some();
        !done && reference.first_open(record.invoice_month) != record.invoice_month
    });
    let dearest = invoiced.max_by_key(|(_, record)| record.final_cost());
    match dearest.filter(|_| random.percent(40)) {
        Some((index, _)) => Operation::Void(index),
        None => of_a_record(reference, random, Operation::Void),
    }
}

fn price(reference: &Reference, random: &mut Random) -> Operation {
    let model = random.index(reference.models.len());
    let later = random.percent(30);
    let from = later.then(|| When(reference.now + random.range(1, 20 * DAY)));
    Operation::SetPrice(model, choices::price(random), from)
}

fn rate(reference: &Reference, random: &mut Random) -> Operation {
    let days = random.range(-20, 20);
    let from = random.percent(50).then(|| When(reference.now + days * DAY));
    Operation::SetRate(
        random.pick(&[10_000, 9_000, 8_500, 3_333, 1, 0, 9_999]),
        from,
    )
}

/// Not on the edge of a window, where it is open whether the new period has begun already.
fn plan(reference: &Reference, random: &mut Random) -> Operation {
    if reference
        .live()
        .is_some_and(|live| live.window().start == reference.now)
    {
        return Operation::Look;
    }
    let plan = random.index(reference.plans.len());
    Operation::UpdatePlan(choices::terms(random, plan))
}

fn subscribe(reference: &Reference, random: &mut Random) -> Operation {
    let plan = random.index(reference.plans.len());
    let ends = reference.subscriptions.iter().map(|s| s.period.1);
    // Terms of a time before the plan's last change would be open to interpretation.
    let free = ends
        .chain([reference.began, reference.plans[plan].latest()])
        .max();
    let free = free.unwrap_or(reference.began);
    let trial_days = if random.percent(25) {
        random.range(1, 45)
    } else {
        0
    };
    let back = trial_days == 0 && free < reference.now && random.percent(25);
    Operation::Subscribe(Order {
        plan,
        yearly: random.percent(30),
        auto_renew: random.percent(85),
        trial_days,
        start: back.then(|| random.range(free, reference.now)),
    })
}

/// Not a month while an earlier one waits, of which the contract does not say whether it is
/// invoiced too.
fn generate(reference: &Reference, random: &mut Random) -> Operation {
    let running = month_of(reference.now);
    let first = month_of(reference.began) - 2;
    let month = match random.range(1, 20) {
        1 => running + 1,
        2..=8 => running,
        9..=16 => running - 1,
        _ => random.range(first, running),
    };
    let waiting = reference.uninvoiced_months();
    let earlier = waiting.into_iter().find(|waiting| *waiting < month);
    Operation::Generate(earlier.unwrap_or(month))
}

fn of_an_invoice(
    reference: &Reference,
    random: &mut Random,
    operation: fn(usize) -> Operation,
) -> Operation {
    if reference.invoices.is_empty() {
        return generate(reference, random);
    }
    operation(random.index(reference.invoices.len()))
}

/// Mostly a new one, of at most what is left of the invoice.
fn credit(reference: &Reference, random: &mut Random) -> Operation {
    let numbered = reference.invoices.iter().enumerate();
    let notes: Vec<_> = numbered
        .flat_map(|(index, invoice)| invoice.credit_notes.iter().map(move |n| (index, n)))
        .filter_map(|(index, note)| {
            let request = note.request_id.strip_prefix("note-")?.parse().ok()?;
            Some((index, note.amount, request))
        })
        .collect();
    if !notes.is_empty() && random.percent(25) {
        let (invoice, amount, request) = random.pick(&notes);
        let other = if random.percent(40) { CENT } else { 0 };
        return Operation::Credit {
            invoice,
            amount: amount + other,
            request,
        };
    }
    if reference.invoices.is_empty() {
        return generate(reference, random);
    }
    let invoice = random.index(reference.invoices.len());
    let cents = reference.invoices[invoice].creditable().max(0) / CENT;
    let cents = i64::try_from(cents).expect("few cents");
    let most = if random.percent(20) { cents + 1 } else { cents };
    let drawn = random.range(1, most.max(1));
    let cents = if random.percent(30) {
        most.max(1)
    } else {
        drawn
    };
    Operation::Credit {
        invoice,
        amount: i128::from(cents) * CENT,
        request: notes.len(),
    }
}

fn close_month(reference: &Reference, random: &mut Random) -> Operation {
    let month = month_of(reference.now) - random.pick(&[0, 1, 1, 1, 1, 2, 4]);
    Operation::CloseMonth(month)
}
