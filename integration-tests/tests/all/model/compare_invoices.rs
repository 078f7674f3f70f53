//! Expected and answered invoices side by side.

use billing_proto::v1::{self, Amount, InvoiceStatus, InvoiceSummary, ItemType};

use super::{
    calendar::{month_name, timestamp},
    compare::{Figures, VOID_REASON},
    driver::Names,
    invoices::{Bill, CreditNote, Invoice},
    items::{Item, Part, What},
    money::{amount, decimal},
    reference::Reference,
};

fn text(got: Option<&Amount>) -> &str {
    got.map_or("unset", |got| &got.value)
}

pub(super) fn number(names: &Names, invoice: &Invoice) -> String {
    let number = format!("INV-{}-{}", names.user, month_name(invoice.month));
    match invoice.voided_before {
        0 => number,
        voided => format!("{number}-{}", voided + 1),
    }
}

/// The id of the payment of an invoice.
pub(super) fn transaction(id: &str) -> String {
    format!("transfer for {id}")
}

fn description(names: &Names, what: &What) -> String {
    let late = |late: &Option<i64>| late.map(|month| format!("Late usage {}", month_name(month)));
    match what {
        What::Usage {
            late: month,
            plan,
            model,
        } => {
            let prefix = late(month).unwrap_or_else(|| "AI API usage".to_owned());
            let plan = plan.map(|plan| format!(" (included in Plan {plan})"));
            let model = names.model(*model);
            format!("{prefix} - {model}{}", plan.unwrap_or_default())
        }
        What::Overage { late: month, .. } => {
            let prefix = late(month).map(|late| format!("{late} - "));
            format!("{}Extra tokens", prefix.unwrap_or_default())
        }
        What::Correction { month, model, .. } => {
            format!(
                "Correction {} - {}",
                month_name(*month),
                names.model(*model)
            )
        }
        What::PlanFee(plan) => format!("Plan {plan} plan fee"),
        What::Unused(plan) => format!("Unused Plan {plan}"),
        What::Remaining(plan) => format!("Plan {plan}, remaining time"),
        What::MovedToCredit => "Moved to the credit balance".to_owned(),
    }
}

/// The place of an item's kind on an invoice.
fn place(kind: ItemType) -> u8 {
    match kind {
        ItemType::Unspecified => 0,
        ItemType::Usage => 1,
        ItemType::PlanFee | ItemType::Proration => 2,
        ItemType::Overage => 3,
        ItemType::LateUsage => 4,
        ItemType::Correction => 5,
        // On receipts only, which the model does not make.
        ItemType::Topup => 6,
    }
}

fn expected_item(names: &Names, item: &Item) -> String {
    let model = match item.what {
        What::Usage { model, .. } | What::Correction { model, .. } => names.model(model),
        _ => String::new(),
    };
    let since = item.period_start().map(timestamp);
    let until = item.period.map(|(_, end)| timestamp(end));
    let parts = item.parts.iter().map(|part| {
        let (price, amount) = (decimal(part.unit_price, 15), amount(part.amount));
        let Part { name, tokens, .. } = part;
        format!("{name} {tokens} x {price} by {} = {amount}", part.price_id)
    });
    let parts: Vec<_> = parts.collect();
    line([
        item.kind().as_str_name().to_owned(),
        model,
        item.quantity.to_string(),
        decimal(item.unit_price, 15),
        amount(item.amount),
        description(names, &item.what),
        since.map_or_else(String::new, |since| since.to_string()),
        until.map_or_else(String::new, |until| until.to_string()),
        sorted(parts),
    ])
}

fn got_item(item: &v1::InvoiceItem) -> String {
    let price = |price: &Option<billing_proto::google::r#type::Decimal>| {
        price
            .as_ref()
            .map_or("unset".to_owned(), |price| price.value.clone())
    };
    let parts = item.breakdown.iter().map(|part| {
        let (price, amount) = (price(&part.unit_price), text(part.amount.as_ref()));
        let v1::ItemPart { name, tokens, .. } = part;
        format!("{name} {tokens} x {price} by {} = {amount}", part.price_id)
    });
    line([
        item.r#type().as_str_name().to_owned(),
        item.model.clone(),
        item.quantity.to_string(),
        price(&item.unit_price),
        text(item.amount.as_ref()).to_owned(),
        item.description.clone(),
        item.period_start
            .map_or_else(String::new, |since| since.to_string()),
        item.period_end
            .map_or_else(String::new, |until| until.to_string()),
        sorted(parts.collect()),
    ])
}

fn line(fields: [String; 9]) -> String {
    fields.join(" | ")
}

fn sorted(mut lines: Vec<String>) -> String {
    lines.sort_unstable();
    lines.join("\n  ")
}

/// The coupon's code that a discount names, else what the user's rate is called here.
fn source(reference: &Reference, description: &str) -> String {
    let mut coupons = reference.coupons.iter();
    let named = coupons.find(|coupon| description.contains(&coupon.code));
    named.map_or_else(|| "rate".to_owned(), |coupon| coupon.code.clone())
}

fn compare_bill(
    figures: &mut Figures,
    reference: &Reference,
    names: &Names,
    expected: &Bill,
    got: &v1::Invoice,
) {
    let items = expected.items.iter().map(|item| expected_item(names, item));
    let got_items = got.items.iter().map(got_item).collect();
    figures.add("items", sorted(items.collect()), sorted(got_items));
    let in_order = got.items.is_sorted_by_key(|item| place(item.r#type()));
    figures.add("items in order", true, in_order);
    figures.amount("amount", expected.amount, got.amount.as_ref());
    let discounts = expected
        .discounts
        .iter()
        .filter(|discount| discount.amount != 0);
    let discounts = discounts.map(|discount| {
        let code = |index: usize| &reference.coupons[reference.redemptions[index].coupon].code;
        let source = discount.redemption.map_or("rate", |index| code(index));
        format!("{source} {}", amount(discount.amount))
    });
    let got_discounts = got
        .discounts
        .iter()
        .filter(|d| text(d.amount.as_ref()) != "0.00");
    let got_discounts = got_discounts.map(|discount| {
        let source = source(reference, &discount.description);
        format!("{source} {}", text(discount.amount.as_ref()))
    });
    let (discounts, got_discounts): (Vec<_>, Vec<_>) =
        (discounts.collect(), got_discounts.collect());
    figures.add("discounts", discounts.join(", "), got_discounts.join(", "));
    figures.amount(
        "discount_amount",
        expected.discount_amount,
        got.discount_amount.as_ref(),
    );
    let taxes = got
        .taxes
        .iter()
        .filter(|tax| text(tax.amount.as_ref()) != "0.00")
        .map(|tax| {
            let rate = tax.rate.as_ref().map_or("unset", |rate| &rate.value);
            format!("{} at {rate}", text(tax.amount.as_ref()))
        });
    let tax = (expected.tax != 0).then(|| {
        format!(
            "{} at {}",
            amount(expected.tax),
            decimal(expected.tax_rate, 4)
        )
    });
    figures.add(
        "taxes",
        tax.unwrap_or_default(),
        taxes.collect::<Vec<_>>().join(", "),
    );
    figures.amount("tax_amount", expected.tax, got.tax_amount.as_ref());
    figures.amount("final_amount", expected.total, got.final_amount.as_ref());
    figures.add("user_id", &names.user, &got.user_id);
    figures.add("currency", "USD", &got.currency);
}

pub(super) fn draft(
    reference: &Reference,
    names: &Names,
    month: i64,
    expected: &Bill,
    got: &v1::Invoice,
) -> Result<(), String> {
    let mut figures = Figures::default();
    compare_bill(&mut figures, reference, names, expected, got);
    figures.add("id", "", &got.id);
    figures.add("number", "", &got.invoice_number);
    figures.add("document_number", "", &got.document_number);
    figures.add("billing_month", month_name(month), &got.billing_month);
    figures.add(
        "status",
        InvoiceStatus::Draft.as_str_name(),
        got.status().as_str_name(),
    );
    for (name, time) in [
        ("issued_at", got.issued_at),
        ("due_date", got.due_date),
        ("paid_at", got.paid_at),
    ] {
        figures.time(name, None, time);
    }
    figures.check("the draft")
}

pub(super) fn invoice(
    reference: &Reference,
    names: &Names,
    index: usize,
    got: &v1::Invoice,
) -> Result<(), String> {
    let mut figures = Figures::default();
    let expected = &reference.invoices[index];
    compare_bill(&mut figures, reference, names, &expected.bill, got);
    let number = number(names, expected);
    figures.add("id", &expected.id, &got.id);
    let is_numbered = got.document_number.starts_with("INV-");
    figures.add("has a document number", true, is_numbered);
    figures.add("number", &number, &got.invoice_number);
    figures.add(
        "billing_month",
        month_name(expected.month),
        &got.billing_month,
    );
    figures.add(
        "status",
        expected.status.as_str_name(),
        got.status().as_str_name(),
    );
    figures.amount(
        "credit_applied",
        expected.credit_applied,
        got.credit_applied.as_ref(),
    );
    figures.amount("amount_due", expected.amount_due(), got.amount_due.as_ref());
    figures.time("issued_at", Some(expected.issued_at), got.issued_at);
    figures.time("due_date", Some(expected.due_date), got.due_date);
    figures.time("paid_at", expected.paid_at, got.paid_at);
    let method = expected.payment_method.unwrap_or_default();
    figures.add("payment_method", method, got.payment_method());
    let by_hand = expected.payment_method == Some(super::invoices::PAID_BY);
    let transaction = by_hand.then(|| transaction(&got.id));
    figures.add(
        "transaction_id",
        transaction.unwrap_or_default(),
        got.transaction_id(),
    );
    let given_up = [InvoiceStatus::Void, InvoiceStatus::Uncollectible];
    let noted = given_up.contains(&expected.status) || expected.was_written_off;
    figures.add("notes", if noted { VOID_REASON } else { "" }, &got.notes);
    let credited = expected.credit_noted();
    figures.amount("credited_amount", credited, got.credited_amount.as_ref());
    let notes: Vec<_> = expected
        .credit_notes
        .iter()
        .map(|note| credit_note(expected, note))
        .collect();
    let got_notes: Vec<_> = got.credit_notes.iter().map(got_credit_note).collect();
    figures.add("credit_notes", notes.join(", "), got_notes.join(", "));
    figures.check(&number)
}

/// The id of the note that an invoice made by itself: of the same digits.
fn own_credit_note(invoice_id: &str) -> String {
    invoice_id.replace("inv-", "crn-")
}

/// A note that corrections made has an id that is known before.
pub(super) fn credit_note(invoice: &Invoice, note: &CreditNote) -> String {
    let name = match note.request_id.as_str() {
        "" => own_credit_note(&invoice.id),
        request => request.to_owned(),
    };
    let all = note.amount + note.tax;
    let amounts = [note.amount, note.tax, all, note.applied].map(amount);
    format!("{name} {}", amounts.join(" "))
}

pub(super) fn got_credit_note(note: &v1::CreditNote) -> String {
    let name = match note.request_id.as_str() {
        "" => &note.id,
        request => request,
    };
    let amounts = [
        &note.amount,
        &note.tax_amount,
        &note.total,
        &note.applied_amount,
    ]
    .map(|a| text(a.as_ref()));
    format!("{name} {}", amounts.join(" "))
}

/// A list says the same of an invoice as the invoice itself.
pub(super) fn summary(listed: &InvoiceSummary, read: &v1::Invoice) -> Result<(), String> {
    let expected = InvoiceSummary {
        id: read.id.clone(),
        invoice_number: read.invoice_number.clone(),
        billing_month: read.billing_month.clone(),
        status: read.status,
        amount: read.amount.clone(),
        issued_at: read.issued_at,
        due_date: read.due_date,
        paid_at: read.paid_at,
        final_amount: read.final_amount.clone(),
        user_id: read.user_id.clone(),
        amount_due: read.amount_due.clone(),
        document_number: read.document_number.clone(),
    };
    let mut figures = Figures::default();
    figures.add("summary", format!("{expected:?}"), format!("{listed:?}"));
    figures.check("the list of invoices")
}
