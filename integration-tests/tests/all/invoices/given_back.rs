//! What users of billing systems reported about money that is given back: voids that open a month
//! again, notes that are cut small, and records that are voided after they were invoiced.

use billing_proto::{
    google::r#type::Decimal,
    v1::{
        CouponType, GetStatsRequest, InvoiceStatus, RecordUsageBatchRequest, SetModelPriceRequest,
        VoidUsageRequest,
    },
};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, created, digits, items, precondition, refused, totals, usage};

on_both_databases!(
    a_voided_month_is_billed_over_what_stands_then,
    late_usage_and_voids_of_a_voided_month_belong_to_it_again,
    a_voided_month_is_closed_by_a_call_but_not_by_the_job,
    what_is_written_off_is_never_invoiced_again,
    notes_over_all_items_come_to_the_total_however_they_are_cut,
    a_note_pays_its_own_invoice_first,
    usage_is_taken_back_at_the_rate_it_was_taxed_at,
    what_a_coupon_made_free_gives_nothing_back,
    what_notes_gave_back_is_not_given_back_by_a_void,
    an_invoice_with_voided_records_is_credited_instead_of_voided,
    value_that_a_void_frees_is_taken_at_once,
    a_preview_and_a_draft_show_the_credit,
    items_that_are_rounded_away_show_their_exact_amounts,
    amounts_have_one_limit_on_both_databases,
);

/// In November, with a model of which 1,000 tokens cost a dollar.
async fn november(backend: Backend) -> World {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.price("dollar", "1").await;
    world
}

impl World {
    async fn price(&mut self, model: &str, per_k: &str) {
        let decimal = |value: &str| {
            let value = value.to_owned();
            Some(Decimal { value })
        };
        let request = SetModelPriceRequest {
            model_id: model.to_owned(),
            prompt_price_per_k: decimal(per_k),
            completion_price_per_k: decimal(per_k),
            ..SetModelPriceRequest::default()
        };
        let set = self.wire.prices.set_model_price(request).await;
        set.expect("the price is set");
    }

    async fn costs(&mut self) -> (String, String) {
        let user_id = ALICE.to_owned();
        let stats = self.wire.stats.get_stats(GetStatsRequest { user_id }).await;
        let stats = stats.expect("alice has figures").into_inner();
        let text = |amount: Option<&_>| digits(amount).to_owned();
        let month = text(stats.current_month_cost.as_ref());
        (month, text(stats.total_cost.as_ref()))
    }
}

async fn a_voided_month_is_billed_over_what_stands_then(backend: Backend) {
    let mut world = november(backend).await;
    let record = world.record(usage("a", "dollar", 100_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let first = world.generate("2024-11").await;
    assert_eq!(totals(&first), ["100.00", "0.00", "0.00", "100.00"]);
    world.void(&first.id).await.unwrap();
    assert_eq!(world.costs().await.1, "100.00");
    let correction = world.void_usage(&record).await;
    assert_eq!(correction.invoice_month, "2024-11");
    assert_eq!(world.costs().await.1, "0.00");
    let nothing = precondition("INVOICE_NOTHING_TO_BILL");
    assert_eq!(refused(world.try_generate("2024-11", false).await), nothing);
    assert_eq!(world.credit_balance().await, "0.00");
    world.assert_reconciled(&["2024-11"]).await;
}

async fn late_usage_and_voids_of_a_voided_month_belong_to_it_again(backend: Backend) {
    let mut world = november(backend).await;
    let record = world.record(usage("a", "dollar", 10_000)).await;
    world.record(usage("b", "dollar", 5_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let first = world.generate("2024-11").await;
    world.void(&first.id).await.unwrap();
    world.void_usage(&record).await;
    let late = created(usage("late", "dollar", 2_000), "2024-11-20T00:00:00Z");
    assert_eq!(world.record(late).await.invoice_month, "2024-11");
    // October was closed without charges: its usage joins the next month that is open.
    let october = created(usage("october", "dollar", 1_000), "2024-10-20T00:00:00Z");
    assert_eq!(world.record(october).await.invoice_month, "2024-11");
    let again = world.generate("2024-11").await;
    assert_eq!(again.invoice_number, "INV-alice-2024-11-2");
    assert_eq!(totals(&again), ["8.00", "0.00", "0.00", "8.00"]);
    assert_eq!(world.costs().await.1, "8.00");
    let later = created(usage("later", "dollar", 4_000), "2024-11-21T00:00:00Z");
    assert_eq!(world.record(later).await.invoice_month, "2024-12");
    world.assert_reconciled(&["2024-10", "2024-11"]).await;
}

async fn a_voided_month_is_closed_by_a_call_but_not_by_the_job(backend: Backend) {
    let mut world = november(backend).await;
    world.record(usage("a", "dollar", 10_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let first = world.generate("2024-11").await;
    world.void(&first.id).await.unwrap();
    world.advance("2024-12-04T00:00:00Z").await;
    assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
    let found = world.reconcile("2024-11").await.unwrap();
    assert_eq!((found.open_users, found.difference_count), (1, 0));
    let closed = world.close("2024-11").await.unwrap();
    assert_eq!((closed.done, closed.total, closed.failed), (1, 1, 0));
    let found = world.reconcile("2024-11").await.unwrap();
    assert_eq!((found.open_users, found.invoices), (0, 1));

    let again = world.generate("2024-11").await;
    world.void(&again.id).await.unwrap();
    world.advance("2025-01-03T00:00:00Z").await;
    let numbers = [
        "INV-alice-2024-11-3",
        "INV-alice-2024-11-2",
        "INV-alice-2024-11",
    ];
    let mut listed = world.numbers().await;
    listed.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(listed, numbers);
}

async fn what_is_written_off_is_never_invoiced_again(backend: Backend) {
    let mut world = november(backend).await;
    world.record(usage("a", "dollar", 10_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    let written_off = world.write_off(&invoice.id).await.unwrap();
    assert_eq!(written_off.status(), InvoiceStatus::Uncollectible);
    assert_eq!(digits(written_off.amount_due.as_ref()), "0.00");
    assert_eq!(world.generate("2024-11").await, written_off);
    world.close("2024-11").await.unwrap();
    assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
    let late = created(usage("late", "dollar", 2_000), "2024-11-20T00:00:00Z");
    assert_eq!(world.record(late).await.invoice_month, "2024-12");
    let not_allowed = precondition("INVOICE_MOVE_NOT_ALLOWED");
    assert_eq!(refused(world.void(&invoice.id).await), not_allowed);
    assert_eq!(
        refused(world.credit(&invoice.id, "1", "n").await),
        not_allowed
    );
    world.assert_reconciled(&["2024-11"]).await;
}

async fn notes_over_all_items_come_to_the_total_however_they_are_cut(backend: Backend) {
    let mut world = november(backend).await;
    world.tax("0.2").await;
    let amounts = ["68.33", "68.33", "57.50", "85.00"];
    for (model, amount) in ["a", "b", "c", "d"].into_iter().zip(amounts) {
        world.price(model, amount).await;
        world.record(usage(model, model, 1_000)).await;
    }
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&invoice), ["279.16", "0.00", "55.83", "334.99"]);
    world.pay(&invoice.id).await.unwrap();
    for (request, amount) in ["1", "2", "3", "4"].into_iter().zip(amounts) {
        let note = world.credit(&invoice.id, amount, request).await.unwrap();
        assert_eq!(note.number, format!("CN-INV-alice-2024-11-{request}"));
    }
    assert_eq!(world.credit_balance().await, "334.99");
}

async fn a_note_pays_its_own_invoice_first(backend: Backend) {
    let mut world = november(backend).await;
    world.record(usage("a", "dollar", 10_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    let note = world.credit(&invoice.id, "4", "a").await.unwrap();
    assert_eq!(digits(note.applied_amount.as_ref()), "4.00");
    let lowered = world.again(&invoice).await;
    assert_eq!(digits(lowered.amount_due.as_ref()), "6.00");
    assert_eq!(digits(lowered.credited_amount.as_ref()), "4.00");
    world.credit(&invoice.id, "6", "b").await.unwrap();
    let paid = world.again(&invoice).await;
    assert_eq!(paid.status(), InvoiceStatus::Paid);
    assert_eq!(paid.payment_method(), "credit_note");
    assert_eq!(world.credit_balance().await, "0.00");
}

async fn usage_is_taken_back_at_the_rate_it_was_taxed_at(backend: Backend) {
    let mut world = november(backend).await;
    world.tax("0.2").await;
    let record = world.record(usage("a", "dollar", 33_330)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&invoice), ["33.33", "0.00", "6.67", "40.00"]);
    world.pay(&invoice.id).await.unwrap();
    world.tax("0.3").await;
    world.void_usage(&record).await;
    world.record(usage("b", "dollar", 1_000)).await;
    world.advance("2025-01-03T00:00:00Z").await;
    let next = world.generate("2024-12").await;
    let expected = [
        ("AI API usage - dollar", 1_000, "1.00"),
        ("Correction 2024-11 - dollar", -33_330, "-33.33"),
        ("Moved to the credit balance", 1, "33.33"),
    ];
    assert_eq!(items(&next), expected);
    assert_eq!(totals(&next), ["1.00", "0.00", "0.30", "1.30"]);
    assert_eq!(digits(next.credit_applied.as_ref()), "1.30");
    assert_eq!(digits(next.credit_notes[0].total.as_ref()), "40.00");
    assert_eq!(world.credit_balance().await, "38.70");
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}

async fn what_a_coupon_made_free_gives_nothing_back(backend: Backend) {
    let mut world = november(backend).await;
    let record = world.record(usage("a", "dollar", 30_000)).await;
    world.redeem("FREE", CouponType::Percentage, "100").await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&invoice), ["30.00", "30.00", "0.00", "0.00"]);
    let correction = world.void_usage(&record).await;
    assert_eq!(digits(correction.final_cost.as_ref()), "0.00");
    world.advance("2025-01-03T00:00:00Z").await;
    let next = world.generate("2024-12").await;
    assert_eq!(
        items(&next),
        [("Correction 2024-11 - dollar", -30_000, "0.00")]
    );
    assert_eq!(world.credit_balance().await, "0.00");
    assert_eq!(world.costs().await.1, "0.00");
}

async fn what_notes_gave_back_is_not_given_back_by_a_void(backend: Backend) {
    let mut world = november(backend).await;
    let record = world.record(usage("a", "dollar", 10_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    world.pay(&invoice.id).await.unwrap();
    world.credit(&invoice.id, "4", "a").await.unwrap();
    let request = VoidUsageRequest {
        user_id: ALICE.to_owned(),
        id: record.id.clone(),
        reason: String::new(),
    };
    let status = world.wire.usage.void_usage(request).await.unwrap_err();
    let message = "invoice \"INV-alice-2024-11\": credit notes have left 6 USD of it, less than the \
                   record added";
    assert_eq!(status.message(), message);
    let answer: Result<(), _> = Err(status);
    assert_eq!(refused(answer), precondition("USAGE_ALREADY_CREDITED"));
    assert_eq!(world.credit_balance().await, "4.00");
}

async fn an_invoice_with_voided_records_is_credited_instead_of_voided(backend: Backend) {
    let mut world = november(backend).await;
    world.tax("0.1").await;
    let record = world.record(usage("a", "dollar", 10_000)).await;
    world.record(usage("b", "dollar", 5_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    world.void_usage(&record).await;
    let not_allowed = precondition("INVOICE_MOVE_NOT_ALLOWED");
    assert_eq!(refused(world.void(&invoice.id).await), not_allowed);
    let too_much = world.credit(&invoice.id, "5.01", "a").await;
    assert!(too_much.unwrap_err().message().contains("at most 5,"));
    let note = world.credit(&invoice.id, "5", "b").await.unwrap();
    assert_eq!(digits(note.total.as_ref()), "5.50");
    assert_eq!(
        digits(world.again(&invoice).await.amount_due.as_ref()),
        "11.00"
    );
}

async fn value_that_a_void_frees_is_taken_at_once(backend: Backend) {
    let mut world = november(backend).await;
    world.redeem("TEN", CouponType::Fixed, "10").await;
    let record = world.record(usage("a", "dollar", 12_000)).await;
    // December is running, and November is not closed yet.
    world.advance("2024-12-01T06:00:00Z").await;
    world.record(usage("b", "dollar", 5_000)).await;
    assert_eq!(world.costs().await, ("5.00".to_owned(), "7.00".to_owned()));
    world.void_usage(&record).await;
    assert_eq!(world.costs().await, ("0.00".to_owned(), "0.00".to_owned()));
    world.advance("2025-01-03T00:00:00Z").await;
    let december = world.generate("2024-12").await;
    assert_eq!(totals(&december), ["5.00", "5.00", "0.00", "0.00"]);
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}

async fn a_preview_and_a_draft_show_the_credit(backend: Backend) {
    let mut world = november(backend).await;
    world.record(usage("a", "dollar", 10_000)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    world.pay(&invoice.id).await.unwrap();
    world.credit(&invoice.id, "3", "a").await.unwrap();
    world.record(usage("b", "dollar", 5_000)).await;
    let preview = world.preview("2024-12").await.unwrap();
    assert_eq!(digits(preview.credit_applied.as_ref()), "3.00");
    assert_eq!(digits(preview.amount_due.as_ref()), "2.00");
    assert_eq!(world.generate("2024-12").await, preview);
    world.advance("2025-01-01T01:00:00Z").await;
    let draft = world.keep_draft("2024-12").await;
    assert_eq!(digits(draft.credit_applied.as_ref()), "3.00");
    assert_eq!(digits(draft.amount_due.as_ref()), "2.00");
    assert_eq!(world.credit_balance().await, "3.00");
}

async fn items_that_are_rounded_away_show_their_exact_amounts(backend: Backend) {
    let mut world = november(backend).await;
    for model in 0..20 {
        let model = format!("small-{model}");
        world.price(&model, "0.0049").await;
        world.record(usage(&model, &model, 1_000)).await;
    }
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&invoice), ["0.00", "0.00", "0.00", "0.00"]);
    let exact = invoice
        .items
        .iter()
        .map(|item| digits(item.exact_amount.as_ref()));
    assert_eq!(exact.collect::<Vec<_>>(), ["0.0049"; 20]);
    assert_eq!(digits(invoice.rounding_difference.as_ref()), "-0.098");
}

async fn amounts_have_one_limit_on_both_databases(backend: Backend) {
    let mut world = november(backend).await;
    world.price("dear", "10000").await;
    // 10^10 USD each.
    let dear = |id: &str| usage(id, "dear", 1_000_000_000);
    let records = (0..1_000).map(|id| dear(&id.to_string()));
    let batch = RecordUsageBatchRequest {
        records: records.collect(),
    };
    let answered = world.wire.usage.record_usage_batch(batch).await;
    assert_eq!(answered.unwrap().into_inner().recorded, 1_000);
    let refused = world.wire.usage.record_usage(dear("more")).await;
    let status = refused.unwrap_err();
    assert_eq!(status.message(), "the amount is too large to be billed");
    world.advance("2024-12-03T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(digits(invoice.final_amount.as_ref()), "10000000000000.00");
    world.assert_reconciled(&["2024-11"]).await;
}
