//! Credit notes and corrections, and the balance that pays later invoices.

use billing_proto::v1::{InvoiceStatus, ItemType};
use integration_tests::{Backend, on_both_databases};
use tonic::Code;

use super::world::{World, digits, invalid, items, refused, totals};

on_both_databases!(
    credit_pays_the_next_invoices_until_it_is_used_up,
    voiding_an_invoice_gives_its_credit_back,
    a_credit_note_is_taxed_at_the_invoices_rate,
    a_credit_note_is_made_once_per_request,
    a_credit_note_is_never_more_than_what_is_left,
    a_correction_lowers_the_next_invoice,
    what_a_correction_has_too_much_goes_to_the_credit_balance,
    corrections_of_a_month_and_model_are_rounded_once,
);

/// 3 December, with 15.00 of November invoiced and paid.
async fn paid(backend: Backend, tax: &str) -> (World, String) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.tax(tax).await;
    world.use_gpt4("november", 500_000).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    world.pay(&invoice.id).await.unwrap();
    (world, invoice.id)
}

async fn credit_pays_the_next_invoices_until_it_is_used_up(backend: Backend) {
    let (mut world, id) = paid(backend, "0").await;
    let note = world.credit(&id, "15", "all").await.unwrap();
    assert_eq!(digits(note.total.as_ref()), "15.00");
    assert_eq!(world.credit_balance().await, "15.00");
    let november = world.get(&id).await.unwrap();
    assert_eq!(november.credit_notes, [note]);
    assert_eq!(totals(&november), ["15.00", "0.00", "0.00", "15.00"]);

    world.use_gpt4("december", 200_000).await;
    world.advance("2025-01-03T00:00:00Z").await;
    let december = world.generate("2024-12").await;
    assert_eq!(totals(&december), ["6.00", "0.00", "0.00", "6.00"]);
    assert_eq!(december.status(), InvoiceStatus::Paid);
    assert_eq!(december.payment_method(), "credit_balance");
    assert_eq!(december.paid_at, december.issued_at);
    assert_eq!(digits(december.credit_applied.as_ref()), "6.00");
    assert_eq!(digits(december.amount_due.as_ref()), "0.00");
    assert_eq!(world.credit_balance().await, "9.00");

    world.use_gpt4("january", 400_000).await;
    world.advance("2025-02-03T00:00:00Z").await;
    let january = world.generate("2025-01").await;
    assert_eq!(totals(&january), ["12.00", "0.00", "0.00", "12.00"]);
    assert_eq!(january.status(), InvoiceStatus::Issued);
    assert_eq!(january.payment_method, None);
    assert_eq!(digits(january.credit_applied.as_ref()), "9.00");
    assert_eq!(digits(january.amount_due.as_ref()), "3.00");
    assert_eq!(world.credit_balance().await, "0.00");
    let months = ["2024-11", "2024-12", "2025-01"];
    world.assert_reconciled(&months).await;
}

async fn voiding_an_invoice_gives_its_credit_back(backend: Backend) {
    let (mut world, id) = paid(backend, "0").await;
    world.credit(&id, "2.50", "some").await.unwrap();
    world.use_gpt4("december", 200_000).await;
    world.advance("2025-01-03T00:00:00Z").await;
    let december = world.generate("2024-12").await;
    assert_eq!(digits(december.amount_due.as_ref()), "3.50");
    assert_eq!(world.credit_balance().await, "0.00");
    world.void(&december.id).await.unwrap();
    assert_eq!(world.credit_balance().await, "2.50");
    let again = world.generate("2024-12").await;
    assert_eq!(digits(again.credit_applied.as_ref()), "2.50");
    assert_eq!(world.credit_balance().await, "0.00");
}

async fn a_credit_note_is_taxed_at_the_invoices_rate(backend: Backend) {
    let (mut world, id) = paid(backend, "0.1").await;
    world.tax("0.5").await;
    let note = world.credit(&id, "1.25", "a").await.unwrap();
    let amounts = [&note.amount, &note.tax_amount, &note.total].map(|a| digits(a.as_ref()));
    assert_eq!(amounts, ["1.25", "0.13", "1.38"]);
    assert_eq!((note.user_id.as_str(), &note.invoice_id), ("alice", &id));
    assert_eq!(note.reason, "goodwill");
    assert_eq!(
        note.created_at,
        Some("2024-12-03T00:00:00Z".parse().unwrap())
    );
    assert_eq!(world.credit_balance().await, "1.38");
}

async fn a_credit_note_is_made_once_per_request(backend: Backend) {
    let (mut world, id) = paid(backend, "0").await;
    let note = world.credit(&id, "10", "a").await.unwrap();
    for amount in ["10", "10.00"] {
        assert_eq!(world.credit(&id, amount, "a").await.unwrap(), note);
    }
    let conflict = refused(world.credit(&id, "1", "a").await);
    assert_eq!(
        (conflict.0, conflict.1.as_str()),
        (Code::AlreadyExists, "CREDIT_NOTE_REQUEST_CONFLICT")
    );
    assert_eq!(world.credit_balance().await, "10.00");
    // Without a request id every call is a call of its own.
    for _ in 0..2 {
        world.credit(&id, "1", "").await.unwrap();
    }
    assert_eq!(world.credit_balance().await, "12.00");
}

async fn a_credit_note_is_never_more_than_what_is_left(backend: Backend) {
    let (mut world, id) = paid(backend, "0").await;
    for amount in ["15.01", "0", "-1", "0.001", "", "1000000"] {
        let refusal = refused(world.credit(&id, amount, "").await);
        assert_eq!(refusal, invalid("amount"), "{amount}");
    }
    world.credit(&id, "14.99", "").await.unwrap();
    assert_eq!(
        refused(world.credit(&id, "0.02", "").await),
        invalid("amount")
    );
    world.credit(&id, "0.01", "").await.unwrap();
    assert_eq!(
        refused(world.credit(&id, "0.01", "").await),
        invalid("amount")
    );
    assert_eq!(world.credit_balance().await, "15.00");
    let unknown = refused(world.credit("inv-none", "1", "").await);
    assert_eq!(
        (unknown.0, unknown.1.as_str()),
        (Code::NotFound, "INVOICE_NOT_FOUND")
    );
}

async fn a_correction_lowers_the_next_invoice(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.tax("0.1").await;
    world.use_gpt4("kept", 400_000).await;
    let wrong = world.use_gpt4("wrong", 100_000).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let november = world.generate("2024-11").await;
    world.use_gpt4("december", 200_000).await;
    let correction = world.void_usage(&wrong).await;
    assert_eq!(correction.billing_month, "2024-11");
    assert_eq!(correction.invoice_month, "2024-12");
    world.advance("2025-01-03T00:00:00Z").await;

    let december = world.generate("2024-12").await;
    assert_eq!(
        items(&december),
        [
            ("AI API usage - gpt-4", 200_000, "6.00"),
            ("Correction 2024-11 - gpt-4", -100_000, "-3.00"),
        ]
    );
    assert_eq!(december.items[1].r#type(), ItemType::Correction);
    assert_eq!(december.items[1].model, "gpt-4");
    assert_eq!(totals(&december), ["3.00", "0.00", "0.30", "3.30"]);
    assert_eq!(world.again(&november).await.items, november.items);
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}

async fn what_a_correction_has_too_much_goes_to_the_credit_balance(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.tax("0.2").await;
    let wrong = world.use_gpt4("wrong", 500_000).await;
    world.advance("2024-12-03T00:00:00Z").await;
    world.use_gpt4("december", 180_000).await;
    world.void_usage(&wrong).await;
    world.advance("2025-01-03T00:00:00Z").await;
    let december = world.generate("2024-12").await;
    assert_eq!(
        items(&december),
        [
            ("AI API usage - gpt-4", 180_000, "5.40"),
            ("Correction 2024-11 - gpt-4", -500_000, "-15.00"),
            ("Moved to the credit balance", 1, "9.60"),
        ]
    );
    assert_eq!(december.items[2].r#type(), ItemType::Correction);
    assert_eq!(totals(&december), ["0.00"; 4]);
    assert_eq!(december.status(), InvoiceStatus::Paid);
    assert_eq!(december.payment_method(), "none");
    let [note] = december.credit_notes.as_slice() else {
        panic!("one credit note: {:?}", december.credit_notes);
    };
    // The note that an invoice makes by itself has its digits.
    assert_eq!(note.id, december.id.replace("inv-", "crn-"));
    let amounts = [&note.amount, &note.tax_amount, &note.total].map(|a| digits(a.as_ref()));
    assert_eq!(amounts, ["9.60", "1.92", "11.52"]);
    assert_eq!(world.credit_balance().await, "11.52");
    world.assert_reconciled(&["2024-11", "2024-12"]).await;

    // A month of nothing but a correction is invoiced too.
    world.use_gpt4("january", 1_000).await;
    let second = world.use_gpt4("also wrong", 10_000).await;
    world.advance("2025-02-03T00:00:00Z").await;
    world.void_usage(&second).await;
    world.advance("2025-03-03T00:00:00Z").await;
    let february = world.generate("2025-02").await;
    assert_eq!(
        items(&february),
        [
            ("Correction 2025-01 - gpt-4", -10_000, "-0.30"),
            ("Moved to the credit balance", 1, "0.30"),
        ]
    );
    world.assert_reconciled(&["2025-01", "2025-02"]).await;
}

async fn corrections_of_a_month_and_model_are_rounded_once(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    let mut wrong = Vec::new();
    for id in ["a", "b", "c"] {
        // 0.0045 each: 0.0135 together.
        wrong.push(world.use_gpt4(id, 150).await);
    }
    world.advance("2024-12-03T00:00:00Z").await;
    assert_eq!(totals(&world.generate("2024-11").await)[0], "0.01");
    for record in &wrong {
        world.void_usage(record).await;
    }
    world.use_gpt4("december", 100_000).await;
    let draft = world.generate("2024-12").await;
    let correction = ("Correction 2024-11 - gpt-4", -450, "-0.01");
    assert_eq!(items(&draft)[1], correction);
}
