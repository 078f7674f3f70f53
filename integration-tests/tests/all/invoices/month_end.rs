//! The end of a month: the job, closing by hand, usage in between, and the check afterwards.

use std::collections::BTreeMap;

use billing_proto::v1::{InvoiceStatus, RecordUsageRequest};
use futures_util::future::join_all;
use integration_tests::{Backend, on_both_databases};

use super::world::{World, created, invalid, items, refused, totals, usage};

on_both_databases!(
    the_job_waits_for_its_grace,
    the_job_invoices_every_month_that_is_over,
    late_usage_is_on_the_next_invoice,
    a_month_is_closed_for_every_user_by_hand,
    closing_again_counts_who_was_closed_before,
    usage_while_a_month_is_closed_is_on_exactly_one_invoice,
    a_month_that_is_not_over_is_not_closed_or_checked,
);

async fn the_job_waits_for_its_grace(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("november", 500_000).await;
    world.advance("2024-12-01T23:59:59Z").await;
    assert!(world.numbers().await.is_empty());
    // In time for November, for the grace is not over.
    let late = created(usage("late", "gpt-4", 100_000), "2024-11-30T23:00:00Z");
    assert_eq!(world.record(late).await.invoice_month, "2024-11");
    let waiting = world.reconcile("2024-11").await.unwrap();
    assert_eq!((waiting.open_users, waiting.difference_count), (1, 0));

    world.advance("2024-12-02T00:00:00Z").await;
    assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
    let invoice = world.generate("2024-11").await;
    assert_eq!(
        invoice.issued_at,
        Some("2024-12-02T00:00:00Z".parse().unwrap())
    );
    assert_eq!(totals(&invoice)[3], "18.00");
    let found = world.reconcile("2024-11").await.unwrap();
    let counts = (found.invoices, found.records, found.open_users);
    assert_eq!((counts, found.difference_count), ((1, 2, 0), 0));
    assert_eq!(found.month, "2024-11");
}

async fn the_job_invoices_every_month_that_is_over(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    for (id, time) in [
        ("oct", "2024-10-01T00:00:00Z"),
        ("nov", "2024-11-01T00:00:00Z"),
    ] {
        world.record(created(usage(id, "gpt-4", 1_000), time)).await;
    }
    world.advance("2024-12-01T12:00:00Z").await;
    assert_eq!(world.numbers().await, ["INV-alice-2024-10"]);
    world.use_gpt4("dec", 1_000).await;
    world.advance("2025-03-05T00:00:00Z").await;
    let expected = ["2024-12", "2024-11", "2024-10"].map(|month| format!("INV-alice-{month}"));
    assert_eq!(world.numbers().await, expected);
    // Months without anything are closed as well.
    let late = created(usage("late", "gpt-4", 1_000), "2025-02-10T00:00:00Z");
    assert_eq!(world.record(late).await.invoice_month, "2025-03");
    world
        .assert_reconciled(&["2024-10", "2024-11", "2024-12", "2025-01"])
        .await;
}

async fn late_usage_is_on_the_next_invoice(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("november", 500_000).await;
    world.advance("2024-12-02T00:00:00Z").await;
    let november = world.generate("2024-11").await;
    world.use_gpt4("december", 100_000).await;
    for (id, day) in [
        ("a", "2024-11-20"),
        ("b", "2024-11-21"),
        ("c", "2024-10-31"),
    ] {
        let late = created(usage(id, "gpt-4", 1_000), &format!("{day}T00:00:00Z"));
        let record = world.record(late).await;
        assert_eq!(record.billing_month, day[..7]);
        assert_eq!(record.invoice_month, "2024-12");
    }
    world.advance("2025-01-02T00:00:00Z").await;
    let december = world.generate("2024-12").await;
    let mut got = items(&december);
    got[1..].sort_unstable();
    assert_eq!(
        got,
        [
            ("AI API usage - gpt-4", 100_000, "3.00"),
            ("Late usage 2024-10 - gpt-4", 1_000, "0.03"),
            ("Late usage 2024-11 - gpt-4", 2_000, "0.06"),
        ]
    );
    assert_eq!(world.again(&november).await.items, november.items);
    world
        .assert_reconciled(&["2024-10", "2024-11", "2024-12"])
        .await;
}

/// Usage of a user of this name.
fn of_user(name: &str, usage: RecordUsageRequest) -> RecordUsageRequest {
    let user_id = name.to_owned();
    RecordUsageRequest { user_id, ..usage }
}

async fn a_month_is_closed_for_every_user_by_hand(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    // More than the server closes at once.
    let users: Vec<_> = (0..230).map(|number| format!("user-{number}")).collect();
    for chunk in users.chunks(50) {
        let calls = chunk.iter().map(|name| {
            let (mut client, usage) = (world.wire.usage.clone(), usage("a", "gpt-4", 1_000));
            async move { client.record_usage(of_user(name, usage)).await }
        });
        for recorded in join_all(calls).await {
            recorded.expect("the usage is recorded");
        }
    }
    world.advance("2024-12-01T00:00:00Z").await;
    let open = world.reconcile("2024-11").await.unwrap();
    assert_eq!(
        (open.invoices, open.open_users, open.difference_count),
        (0, 230, 0)
    );
    let said = world.close("2024-11").await.unwrap();
    assert_eq!((said.done, said.total, said.failed), (230, 230, 0));
    for _ in 0..2 {
        let found = world.reconcile("2024-11").await.unwrap();
        let counts = (found.invoices, found.records, found.open_users);
        assert_eq!((counts, found.difference_count), ((230, 230, 0), 0));
        world.close("2024-11").await.unwrap();
    }
}

async fn closing_again_counts_who_was_closed_before(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("a", 1_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    for _ in 0..2 {
        let said = world.close("2024-11").await.unwrap();
        assert_eq!((said.done, said.total, said.failed), (1, 1, 0));
        assert_eq!(world.numbers().await, ["INV-alice-2024-11"]);
    }
}

async fn usage_while_a_month_is_closed_is_on_exactly_one_invoice(backend: Backend) {
    const CALLS: usize = 60;
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("before", 1_000).await;
    world.advance("2024-12-01T00:00:01Z").await;
    let calls = (0..CALLS).map(|number| {
        let mut client = world.wire.usage.clone();
        let usage = usage(&format!("call-{number}"), "gpt-4", 1_000);
        let usage = created(usage, "2024-11-30T12:00:00Z");
        async move { client.record_usage(usage).await }
    });
    let calls = join_all(calls.collect::<Vec<_>>());
    let (recorded, closed) = tokio::join!(calls, world.close("2024-11"));
    assert_eq!(closed.unwrap().failed, 0);
    let mut months = BTreeMap::<String, i64>::new();
    for answer in recorded {
        let record = answer.expect("the usage is recorded").into_inner().record;
        *months.entry(record.unwrap().invoice_month).or_default() += 1_000;
    }
    let november = world.generate("2024-11").await;
    let in_time = months.get("2024-11").copied().unwrap_or(0) + 1_000;
    assert_eq!(november.items[0].quantity, in_time);
    if let Some(late) = months.get("2024-12") {
        let draft = world.generate("2024-12").await;
        assert_eq!(draft.items[0].quantity, *late);
    }
    assert_eq!(
        months.values().sum::<i64>(),
        1_000 * i64::try_from(CALLS).unwrap()
    );
    world.assert_reconciled(&["2024-11"]).await;
}

async fn a_month_that_is_not_over_is_not_closed_or_checked(backend: Backend) {
    let mut world = World::at(backend, "2024-11-30T23:59:59Z").await;
    world.use_gpt4("a", 1_000).await;
    for month in ["2024-11", "2024-12", "2025-11", "", "2024-00", "x"] {
        assert_eq!(
            refused(world.close(month).await),
            invalid("month"),
            "{month}"
        );
        let checked = world.reconcile(month).await;
        assert_eq!(refused(checked), invalid("month"), "{month}");
    }
    let drafts = world.list(1, 10, InvoiceStatus::Unspecified).await.unwrap();
    assert_eq!(drafts.total, 0);
}
