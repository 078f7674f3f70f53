//! What becomes of an invoice: paid, void, overdue, kept as a draft.

use billing_proto::v1::{Invoice, InvoiceStatus};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, created, digits, items, precondition, refused, totals, usage};
use crate::support::{assert_refused, user};

on_both_databases!(
    a_void_invoice_is_issued_again_with_the_same_total,
    a_later_month_end_issues_a_void_invoice_again,
    usage_after_a_void_joins_the_month_that_is_open_again,
    an_unpaid_invoice_falls_overdue_after_its_due_date,
    a_payment_is_recorded,
    every_other_move_is_refused,
    a_kept_draft_is_finalised_with_what_came_later,
    a_month_end_issues_kept_drafts,
);

async fn december(backend: Backend) -> World {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("november", 500_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    world
}

async fn a_void_invoice_is_issued_again_with_the_same_total(backend: Backend) {
    let mut world = december(backend).await;
    world.tax("0.0825").await;
    let first = world.generate("2024-11").await;
    let void = world.void(&first.id).await.unwrap();
    assert_eq!(void.status(), InvoiceStatus::Void);
    assert_eq!(void.notes, "wrong address");
    assert_eq!(digits(void.amount_due.as_ref()), "0.00");
    assert_eq!((totals(&void), &void.items), (totals(&first), &first.items));
    let waiting = world.reconcile("2024-11").await.unwrap();
    assert_eq!((waiting.open_users, waiting.difference_count), (1, 0));

    for number in ["INV-alice-2024-11-2", "INV-alice-2024-11-3"] {
        let again = world.generate("2024-11").await;
        assert_eq!(again.invoice_number, number);
        assert_eq!(again.status(), InvoiceStatus::Issued);
        assert_eq!(totals(&again), ["15.00", "0.00", "1.24", "16.24"]);
        assert_eq!(again.items, first.items);
        assert_ne!(again.id, first.id);
        world.assert_reconciled(&["2024-11"]).await;
        world.void(&again.id).await.unwrap();
    }
    assert_eq!(world.again(&first).await, void);
}

async fn a_later_month_end_issues_a_void_invoice_again(backend: Backend) {
    let mut world = december(backend).await;
    let first = world.generate("2024-11").await;
    world.void(&first.id).await.unwrap();
    // The end of November itself was before.
    world.advance("2024-12-05T00:00:00Z").await;
    assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
    world.advance("2025-01-02T00:00:00Z").await;
    let mut numbers = world.numbers().await;
    numbers.sort();
    assert_eq!(numbers, ["INV-alice-2024-11", "INV-alice-2024-11-2"]);
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}

async fn usage_after_a_void_joins_the_month_that_is_open_again(backend: Backend) {
    let mut world = december(backend).await;
    let first = world.generate("2024-11").await;
    world.void(&first.id).await.unwrap();
    let late = created(usage("late", "gpt-4", 100_000), "2024-11-20T00:00:00Z");
    assert_eq!(world.record(late).await.invoice_month, "2024-11");
    let again = world.generate("2024-11").await;
    assert_eq!(items(&first), [("AI API usage - gpt-4", 500_000, "15.00")]);
    assert_eq!(items(&again), [("AI API usage - gpt-4", 600_000, "18.00")]);
}

async fn an_unpaid_invoice_falls_overdue_after_its_due_date(backend: Backend) {
    let mut world = december(backend).await;
    let invoice = world.generate("2024-11").await;
    for (time, status) in [
        ("2024-12-31T00:00:00Z", InvoiceStatus::Issued),
        ("2024-12-31T00:00:01Z", InvoiceStatus::Overdue),
    ] {
        world.advance(time).await;
        let now = world.again(&invoice).await;
        assert_eq!(now.status(), status, "{time}");
        assert_eq!(digits(now.amount_due.as_ref()), "15.00");
    }
    let paid = world.pay(&invoice.id).await.unwrap();
    assert_eq!(paid.status(), InvoiceStatus::Paid);
}

async fn a_payment_is_recorded(backend: Backend) {
    let mut world = december(backend).await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(digits(invoice.amount_due.as_ref()), "15.00");
    world.advance("2024-12-09T08:00:00Z").await;
    let paid = world.pay(&invoice.id).await.unwrap();
    assert_eq!(paid.status(), InvoiceStatus::Paid);
    assert_eq!(paid.paid_at, Some("2024-12-09T08:00:00Z".parse().unwrap()));
    assert_eq!(paid.payment_method(), "bank transfer");
    assert_eq!(paid.transaction_id(), "tx-1");
    assert_eq!(digits(paid.amount_due.as_ref()), "0.00");
    assert_eq!(totals(&paid), totals(&invoice));
    assert_eq!(world.again(&invoice).await, paid);
}

/// An invoice that stands like this.
async fn standing(world: &mut World, status: InvoiceStatus) -> Invoice {
    if status == InvoiceStatus::Draft {
        return world.keep_draft("2024-11").await;
    }
    let invoice = world.generate("2024-11").await;
    match status {
        InvoiceStatus::Paid => drop(world.pay(&invoice.id).await.unwrap()),
        InvoiceStatus::Void => drop(world.void(&invoice.id).await.unwrap()),
        InvoiceStatus::Overdue => world.advance("2025-02-01T00:00:00Z").await,
        _ => {}
    }
    world.again(&invoice).await
}

async fn every_other_move_is_refused(backend: Backend) {
    use InvoiceStatus::{Draft, Issued, Overdue, Paid, Void};
    let not_allowed = precondition("INVOICE_MOVE_NOT_ALLOWED");
    for (status, moves) in [
        (Draft, &["pay", "credit"][..]),
        (Issued, &["finalise"]),
        (Overdue, &["finalise"]),
        (Paid, &["finalise", "void", "pay"]),
        (Void, &["finalise", "void", "pay", "credit"]),
    ] {
        let mut world = december(backend).await;
        let invoice = standing(&mut world, status).await;
        assert_eq!(invoice.status(), status);
        for step in moves {
            let id = &invoice.id;
            let refusal = match *step {
                "finalise" => refused(world.finalise(id).await),
                "void" => refused(world.void(id).await),
                "pay" => refused(world.pay(id).await),
                _ => refused(world.credit(id, "1", "note").await),
            };
            assert_eq!(refusal, not_allowed, "{step} of {status:?}");
        }
        assert_eq!(world.again(&invoice).await, invoice);
    }
}

async fn a_kept_draft_is_finalised_with_what_came_later(backend: Backend) {
    let mut world = december(backend).await;
    let mine = user(&world.server, ALICE).await;
    let kept = r#"{"billing_month":"2024-11","keep_draft":true}"#;
    let answer = mine.post("/v1/billing/invoices/generate", kept).await;
    assert_refused(&answer, 403, "SCOPE_MISSING", &[]);

    let draft = world.keep_draft("2024-11").await;
    assert_eq!(draft.status(), InvoiceStatus::Draft);
    assert!(!draft.id.is_empty() && draft.invoice_number.is_empty());
    assert_eq!((draft.issued_at, draft.due_date), (None, None));
    let listed = world.list(1, 10, InvoiceStatus::Draft).await.unwrap();
    assert_eq!(listed.total, 1);
    let late = created(usage("late", "gpt-4", 100_000), "2024-11-30T00:00:00Z");
    assert_eq!(world.record(late).await.invoice_month, "2024-11");

    let issued = world.finalise(&draft.id).await.unwrap();
    assert_eq!(issued.id, draft.id);
    assert_eq!(issued.invoice_number, "INV-alice-2024-11");
    assert_eq!(issued.status(), InvoiceStatus::Issued);
    assert_eq!(items(&issued), [("AI API usage - gpt-4", 600_000, "18.00")]);
    assert_eq!(world.generate("2024-11").await, issued);
    world.assert_reconciled(&["2024-11"]).await;
}

async fn a_month_end_issues_kept_drafts(backend: Backend) {
    let mut world = december(backend).await;
    let draft = world.keep_draft("2024-11").await;
    world.advance("2024-12-02T00:00:00Z").await;
    let issued = world.again(&draft).await;
    assert_eq!(issued.status(), InvoiceStatus::Issued);
    assert_eq!(issued.invoice_number, "INV-alice-2024-11");
    assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
    world.assert_reconciled(&["2024-11"]).await;
}
