//! `records`: filters, order and pages.

use billing_core::{
    ids::{InvoiceId, ModelId, RecordId, RequestId},
    month::Month,
};
use billing_store::{InvoicedRecord, MonthFilter, RecordFilter};
use test_postgres::{Backend, on_both_databases};
use uuid::Uuid;

use crate::support::{NOON, TestStore, batch, made_at, of_model, time, usage, user};

on_both_databases!(
    records_come_newest_first_in_pages,
    filters_apply_together,
    all_users_come_newest_first,
    a_search_of_all_users_ends_before_it_has_read_everything,
    ids_compare_by_bytes,
    users_compare_by_bytes,
);

fn all_of(user_id: &str) -> RecordFilter {
    RecordFilter {
        user_id: Some(user(user_id)),
        ..RecordFilter::default()
    }
}

/// The request ids of what a filter finds.
async fn found(store: &TestStore, filter: RecordFilter) -> Vec<String> {
    let found = store.store.records(filter, 100).await.unwrap();
    let records = found.records.into_iter();
    records
        .map(|found| found.record.call.request_id.into_string())
        .collect()
}

async fn records_come_newest_first_in_pages(backend: Backend) {
    let store = TestStore::open(backend).await;
    let calls = (0..5).map(|i| usage("alice", &format!("call-{i}"), 1, 0));
    store
        .commit(&batch(calls.chain([usage("bob", "call-9", 1, 0)])))
        .await;
    let first = store.store.records(all_of("alice"), 3).await.unwrap();
    let first: Vec<_> = first.records.iter().map(|found| &found.record).collect();
    let ids: Vec<_> = first
        .iter()
        .map(|record| record.call.request_id.as_str())
        .collect();
    assert_eq!(ids, ["call-4", "call-3", "call-2"]);
    let after = first.last().map(|record| record.id);
    let second = RecordFilter {
        after,
        ..all_of("alice")
    };
    assert_eq!(found(&store, second).await, ["call-1", "call-0"]);
}

fn of_everybody() -> RecordFilter {
    RecordFilter::default()
}

async fn all_users_come_newest_first(backend: Backend) {
    let store = TestStore::open(backend).await;
    for (number, name) in ["bob", "alice", "carol", "alice"].into_iter().enumerate() {
        let call = usage(name, &format!("call-{number}"), 1, 0);
        store.commit(&batch([call])).await;
    }
    let found = store.store.records(of_everybody(), 3).await.unwrap();
    assert_eq!(found.rest, None);
    let ids = |records: &[InvoicedRecord]| {
        let ids = records.iter().map(|found| &found.record);
        let ids = ids.map(|record| record.call.request_id.to_string());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&found.records), ["call-3", "call-2", "call-1"]);
    // What is added now is newer, and none of what is left.
    store.commit(&batch([usage("bob", "new", 1, 0)])).await;
    let after = found.records.last().map(|found| found.record.id);
    let rest = RecordFilter {
        after,
        ..of_everybody()
    };
    let rest = store.store.records(rest, 3).await.unwrap();
    assert_eq!(ids(&rest.records), ["call-0"]);
}

async fn a_search_of_all_users_ends_before_it_has_read_everything(backend: Backend) {
    let store = TestStore::open(backend).await;
    let first = usage("alice", "wanted", 1, 0);
    let others = (0..10_000).map(|number| usage("bob", &format!("{number}"), 1, 0));
    store
        .commit(&batch([first].into_iter().chain(others)))
        .await;
    let wanted = RecordFilter {
        request_id: request_id("wanted"),
        ..of_everybody()
    };
    let found = store.store.records(wanted.clone(), 10).await.unwrap();
    assert!(found.records.is_empty() && found.rest.is_some());
    let behind = RecordFilter {
        after: found.rest,
        ..wanted
    };
    let found = store.store.records(behind, 10).await.unwrap();
    assert_eq!((found.records.len(), found.rest), (1, None));
}

async fn filters_apply_together(backend: Backend) {
    let store = TestStore::open(backend).await;
    store.set_price("gpt-4o", "0.01", "0.02").await;
    let old = made_at(usage("alice", "old", 1, 0), OCTOBER);
    let other = of_model(usage("alice", "other", 1, 0), "gpt-4o");
    let calls = [old, other, usage("alice", "new", 1, 0)];
    store.commit(&batch(calls)).await;
    type Narrow = fn(&mut RecordFilter);
    let cases: [(Narrow, &[&str]); 12] = [
        (|f| f.invoice_month = month("2026-10"), &["old"]),
        (|f| f.invoice_month = month("2026-11"), &["new", "other"]),
        (|f| f.invoice_id = Some(InvoiceId::new(Uuid::nil())), &[]),
        (|f| f.billing_month = month("2026-10"), &["old"]),
        (|f| f.billing_month = month("2026-12"), &[]),
        (|f| f.model = model("gpt-4o"), &["other"]),
        (|f| f.request_id = request_id("new"), &["new"]),
        (|f| f.request_id = request_id("NEW"), &[]),
        (|f| f.from = Some(time(NOON)), &["new", "other"]),
        (|f| f.until = Some(time(NOON)), &["old"]),
        (between_october_and_noon, &["old"]),
        (new_calls_of_gpt_4, &["new"]),
    ];
    for (narrow, expected) in cases {
        let mut filter = all_of("alice");
        narrow(&mut filter);
        assert_eq!(found(&store, filter.clone()).await, expected, "{filter:?}");
    }
}

const OCTOBER: &str = "2026-10-31T23:59:59.999999Z";

fn between_october_and_noon(filter: &mut RecordFilter) {
    filter.from = Some(time(OCTOBER));
    filter.until = Some(time(NOON));
}

fn new_calls_of_gpt_4(filter: &mut RecordFilter) {
    filter.billing_month = month("2026-11");
    filter.model = model("gpt-4");
}

fn month(text: &str) -> Option<Month> {
    Some(text.parse().unwrap())
}

fn model(id: &str) -> Option<ModelId> {
    Some(ModelId::parse(id).unwrap())
}

fn request_id(id: &str) -> Option<RequestId> {
    Some(RequestId::parse(id).unwrap())
}

async fn ids_compare_by_bytes(backend: Backend) {
    let store = TestStore::open(backend).await;
    // Each is the least of a first byte: one that a signed or textual comparison would misplace.
    let ids = [0x01, 0x0a, 0x1f, 0x7f, 0x80, 0xa0, 0xff].map(|byte: u128| byte << 120);
    let calls = ids.map(|id| {
        let mut call = usage("alice", &format!("{id:x}"), 1, 0);
        call.record_id = RecordId::new(Uuid::from_u128(id));
        call
    });
    store.commit(&batch(calls)).await;
    let mut newest_first = ids.map(|id| format!("{id:x}")).to_vec();
    newest_first.reverse();
    assert_eq!(found(&store, all_of("alice")).await, newest_first);
}

async fn users_compare_by_bytes(backend: Backend) {
    let store = TestStore::open(backend).await;
    let users = ["a", "A", "ä", "a b", "z", "Z", "a-", "10", "9"];
    store
        .commit(&batch(users.map(|user| usage(user, "call", 1, 0))))
        .await;
    let filter = |after| MonthFilter {
        month: "2026-11".parse().unwrap(),
        user_id: None,
        after,
    };
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = store.store.month_records(filter(after), 4).await.unwrap();
        let page = page.into_iter().map(|found| found.record);
        let page: Vec<_> = page.collect();
        after = page.last().map(|last| (last.user_id.clone(), last.id));
        listed.extend(page.into_iter().map(|record| record.user_id.into_string()));
        if after.is_none() {
            break;
        }
    }
    let mut sorted = users;
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
}
