//! `records`: filters, order and pages.

use billing_store::RecordFilter;
use integration_tests::{Backend, on_both_databases};

use super::{TestStore, batch, made_at, of_model, price, time, usage, user};

on_both_databases!(
    records_come_newest_first_in_pages,
    filters_apply_together,
    ids_compare_by_bytes,
);

fn all_of(user_id: &str) -> RecordFilter {
    RecordFilter {
        user_id: user(user_id),
        billing_month: None,
        model: None,
        from: None,
        until: None,
        request_id: None,
        after: None,
    }
}

/// The request ids of what a filter finds.
async fn found(store: &TestStore, filter: RecordFilter) -> Vec<String> {
    let records = store.store.records(filter, 100).await.unwrap();
    records
        .into_iter()
        .map(|record| record.request_id.into_string())
        .collect()
}

async fn records_come_newest_first_in_pages(backend: Backend) {
    let store = TestStore::open(backend).await;
    let calls = (0..5).map(|i| usage("alice", &format!("call-{i}"), 1, 0));
    store
        .commit(&batch(calls.chain([usage("bob", "call-9", 1, 0)])))
        .await;
    let first = store.store.records(all_of("alice"), 3).await.unwrap();
    let ids: Vec<_> = first
        .iter()
        .map(|record| record.request_id.as_str())
        .collect();
    assert_eq!(ids, ["call-4", "call-3", "call-2"]);
    let after = first.last().map(|record| record.id.clone());
    let second = RecordFilter {
        after,
        ..all_of("alice")
    };
    assert_eq!(found(&store, second).await, ["call-1", "call-0"]);
}

async fn filters_apply_together(backend: Backend) {
    let store = TestStore::open(backend).await;
    let change = vec![price("gpt-4o", "0.01", "0.02")];
    store
        .store
        .set_prices(change, Box::new(super::noon))
        .await
        .unwrap();
    let (october, noon) = ("2026-10-31T23:59:59.999999Z", "2026-11-10T12:00:00Z");
    store
        .commit(&batch([
            made_at(usage("alice", "a", 1, 0), october),
            made_at(usage("alice", "b", 1, 0), noon),
            of_model(usage("alice", "c", 1, 0), "gpt-4o"),
        ]))
        .await;
    let all = || all_of("alice");
    let month = |text: &str| Some(text.parse().unwrap());
    let request_id = |id: &str| Some(billing_core::ids::RequestId::parse(id).unwrap());
    let model = |id: &str| Some(billing_core::ids::ModelId::parse(id).unwrap());
    let cases = [
        (
            RecordFilter {
                billing_month: month("2026-10"),
                ..all()
            },
            vec!["a"],
        ),
        (
            RecordFilter {
                billing_month: month("2026-12"),
                ..all()
            },
            vec![],
        ),
        (
            RecordFilter {
                model: model("gpt-4o"),
                ..all()
            },
            vec!["c"],
        ),
        (
            RecordFilter {
                request_id: request_id("b"),
                ..all()
            },
            vec!["b"],
        ),
        (
            RecordFilter {
                request_id: request_id("B"),
                ..all()
            },
            vec![],
        ),
        (
            RecordFilter {
                from: Some(time(noon)),
                ..all()
            },
            vec!["c", "b"],
        ),
        (
            RecordFilter {
                until: Some(time(noon)),
                ..all()
            },
            vec!["a"],
        ),
        (
            RecordFilter {
                from: Some(time(october)),
                until: Some(time(noon)),
                ..all()
            },
            vec!["a"],
        ),
        (
            RecordFilter {
                billing_month: month("2026-11"),
                model: model("gpt-4"),
                ..all()
            },
            vec!["b"],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(&store, filter.clone()).await, expected, "{filter:?}");
    }
}

async fn ids_compare_by_bytes(backend: Backend) {
    let store = TestStore::open(backend).await;
    let ids = ["a", "A", "ä", "a b", "z", "Z", "a-", "10", "9"];
    let calls = ids.map(|id| {
        let mut call = usage("alice", id, 1, 0);
        call.record_id = billing_core::ids::RecordId::parse(id).unwrap();
        call
    });
    store.commit(&batch(calls)).await;
    let mut newest_first = ids.to_vec();
    newest_first.sort_unstable();
    newest_first.reverse();
    assert_eq!(found(&store, all_of("alice")).await, newest_first);
}
