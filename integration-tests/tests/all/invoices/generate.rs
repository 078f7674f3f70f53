//! Making an invoice of a month.

use billing_proto::v1::InvoiceStatus;
use integration_tests::{Backend, on_both_databases};

use super::world::{World, created, invalid, items, precondition, refused, totals, usage};

on_both_databases!(
    a_month_that_is_over_is_issued_with_number_and_due_date,
    generating_again_is_the_same_invoice,
    the_running_month_is_a_draft_that_is_not_kept,
    a_preview_keeps_nothing,
    other_months_are_refused,
    a_month_of_corrected_records_has_nothing_to_bill,
    a_total_of_nothing_is_paid_at_once,
    lists_have_pages_and_statuses,
);

async fn november(backend: Backend) -> World {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("november", 500_000).await;
    world
}

async fn a_month_that_is_over_is_issued_with_number_and_due_date(backend: Backend) {
    let mut world = november(backend).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert!(!invoice.id.is_empty());
    assert_eq!(invoice.user_id, "alice");
    assert_eq!(invoice.billing_month, "2024-11");
    assert_eq!(invoice.invoice_number, "INV-alice-2024-11");
    assert_eq!(invoice.status(), InvoiceStatus::Issued);
    assert_eq!(invoice.currency, "USD");
    assert_eq!(totals(&invoice), ["15.00", "0.00", "0.00", "15.00"]);
    let time = |text: &str| Some(text.parse().unwrap());
    assert_eq!(invoice.issued_at, time("2024-12-01T00:00:00Z"));
    assert_eq!(invoice.due_date, time("2024-12-31T00:00:00Z"));
    assert_eq!(invoice.paid_at, None);
    assert_eq!(invoice.payment_method, None);
    assert!(invoice.discounts.is_empty() && invoice.credit_notes.is_empty());
    assert_eq!(world.again(&invoice).await, invoice);
    world.assert_reconciled(&["2024-11"]).await;
}

async fn generating_again_is_the_same_invoice(backend: Backend) {
    let mut world = november(backend).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let first = world.generate("2024-11").await;
    // Late for November, so it waits for December.
    let late = usage("late", "gpt-4", 1_000);
    let late = world.record(created(late, "2024-11-30T23:59:59Z")).await;
    assert_eq!(late.billing_month, "2024-11");
    assert_eq!(late.invoice_month, "2024-12");
    assert_eq!(world.generate("2024-11").await, first);
    world.advance("2024-12-20T00:00:00Z").await;
    assert_eq!(world.generate("2024-11").await, first);
    let paid = world.pay(&first.id).await.unwrap();
    assert_eq!(world.generate("2024-11").await, paid);
    assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
}

async fn the_running_month_is_a_draft_that_is_not_kept(backend: Backend) {
    let mut world = november(backend).await;
    for (id, amount) in [("b", "18.00"), ("c", "21.00")] {
        world.use_gpt4(id, 100_000).await;
        let draft = world.generate("2024-11").await;
        assert_eq!(draft.status(), InvoiceStatus::Draft);
        assert_eq!((draft.id.as_str(), draft.invoice_number.as_str()), ("", ""));
        assert_eq!(
            (draft.issued_at, draft.due_date, draft.paid_at),
            (None, None, None)
        );
        assert_eq!(totals(&draft), [amount, "0.00", "0.00", amount]);
        assert_eq!(world.preview("2024-11").await.unwrap(), draft);
    }
    assert!(world.numbers().await.is_empty());
}

async fn a_preview_keeps_nothing(backend: Backend) {
    let mut world = november(backend).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let draft = world.preview("2024-11").await.unwrap();
    assert_eq!(draft.status(), InvoiceStatus::Draft);
    assert_eq!((draft.id.as_str(), draft.invoice_number.as_str()), ("", ""));
    assert!(world.numbers().await.is_empty());
    let late = usage("late", "gpt-4", 100_000);
    world.record(created(late, "2024-11-30T00:00:00Z")).await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&draft)[0], "15.00");
    assert_eq!(totals(&invoice)[0], "18.00");
}

async fn other_months_are_refused(backend: Backend) {
    let mut world = november(backend).await;
    for (month, expected) in [
        ("2024-12", invalid("billing_month")),
        ("2124-11", invalid("billing_month")),
        ("", invalid("billing_month")),
        ("2024-13", invalid("billing_month")),
        ("november", invalid("billing_month")),
        ("2024-10", precondition("INVOICE_NOTHING_TO_BILL")),
    ] {
        let generated = world.try_generate(month, false).await;
        assert_eq!(refused(generated), expected, "{month}");
        assert_eq!(refused(world.preview(month).await), expected, "{month}");
    }
    assert!(world.numbers().await.is_empty());
}

async fn a_month_of_corrected_records_has_nothing_to_bill(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    let record = world.use_gpt4("a", 500_000).await;
    world.void_usage(&record).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let nothing = precondition("INVOICE_NOTHING_TO_BILL");
    assert_eq!(refused(world.try_generate("2024-11", false).await), nothing);
    assert!(world.numbers().await.is_empty());
    world.assert_reconciled(&["2024-11"]).await;
}

async fn a_total_of_nothing_is_paid_at_once(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    // 0.003 of a cent.
    world.use_gpt4("a", 1).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(items(&invoice), [("AI API usage - gpt-4", 1, "0.00")]);
    assert_eq!(totals(&invoice), ["0.00"; 4]);
    assert_eq!(invoice.status(), InvoiceStatus::Paid);
    assert_eq!(invoice.payment_method(), "none");
    assert_eq!(invoice.paid_at, invoice.issued_at);
    assert_eq!(invoice.invoice_number, "INV-alice-2024-11");
}

async fn lists_have_pages_and_statuses(backend: Backend) {
    let mut world = World::at(backend, "2024-01-15T10:30:00Z").await;
    for month in 1..=5 {
        world
            .advance(&format!("2024-{month:02}-20T00:00:00Z"))
            .await;
        world.use_gpt4(&month.to_string(), 1_000).await;
    }
    world.advance("2024-06-20T00:00:00Z").await;
    let march = world.generate("2024-03").await;
    world.pay(&march.id).await.unwrap();
    let all = InvoiceStatus::Unspecified;
    for (page, size, status, total, months) in [
        (1, 2, all, 5, vec!["2024-05", "2024-04"]),
        (3, 2, all, 5, vec!["2024-01"]),
        (4, 2, all, 5, vec![]),
        (
            1,
            0,
            all,
            5,
            vec!["2024-05", "2024-04", "2024-03", "2024-02", "2024-01"],
        ),
        (1, 10, InvoiceStatus::Paid, 1, vec!["2024-03"]),
        (1, 10, InvoiceStatus::Issued, 1, vec!["2024-05"]),
        (
            1,
            10,
            InvoiceStatus::Overdue,
            3,
            vec!["2024-04", "2024-02", "2024-01"],
        ),
        (1, 10, InvoiceStatus::Void, 0, vec![]),
    ] {
        let listed = world.list(page, size, status).await.unwrap();
        let named: Vec<_> = listed
            .invoices
            .iter()
            .map(|i| i.billing_month.as_str())
            .collect();
        assert_eq!(
            (named, listed.total),
            (months, total),
            "{page} {size} {status:?}"
        );
    }
    let longest = world.list(1, 101, all).await.unwrap();
    assert_eq!(longest.invoices.len(), 5);
    for (page, size, field) in [(-1, 10, "page"), (0, 10, "page"), (1, -1, "page_size")] {
        let listed = world.list(page, size, all).await;
        assert_eq!(refused(listed), invalid(field), "{page} {size}");
    }
}
