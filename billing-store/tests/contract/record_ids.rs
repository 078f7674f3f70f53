//! Record ids strictly increase per account, whatever the clocks of servers say.

use billing_core::{account::VoidOrder, ids::RecordId, usage::Usage};
use billing_store::Store;
use test_postgres::{Backend, on_both_databases};
use uuid::Uuid;

use crate::support::{Source, TestClock, TestStore, batch, recorded, usage, user};

on_both_databases!(
    records_follow_each_other_though_candidates_go_backwards,
    each_account_has_an_order_of_its_own,
    a_correction_follows_every_record_of_its_user,
);

/// What a server would call the record it makes at a time.
fn candidate(mut usage: Usage, time: u128) -> Usage {
    usage.record_id = id(time);
    usage
}

fn id(value: u128) -> RecordId {
    RecordId::new(Uuid::from_u128(value))
}

fn call(number: usize) -> Usage {
    usage("alice", &format!("call-{number}"), 1, 0)
}

/// The ids that a server gives to calls with these candidates, each batch in one transaction.
async fn commit(server: &dyn Store, first: usize, batches: &[&[u128]]) -> Vec<RecordId> {
    let mut ids = Vec::new();
    for times in batches {
        let number = first + ids.len();
        let calls = times.iter().zip(number..);
        let calls = calls.map(|(time, number)| candidate(call(number), *time));
        let outcomes = server.commit_usage(&batch(calls)).await.unwrap();
        ids.extend(outcomes.iter().map(|outcome| recorded(outcome).id));
    }
    ids
}

async fn records_follow_each_other_though_candidates_go_backwards(backend: Backend) {
    let store = TestStore::open(backend).await;
    // The other server's clock is an hour behind.
    let other = match backend {
        Backend::Sqlite => store.store.clone(),
        Backend::Postgres => {
            let behind = TestClock::at("2026-11-10T11:00:00Z");
            store.second_server_at(&behind).await
        }
    };
    let ahead = commit(store.store.as_ref(), 0, &[&[1_000], &[1_001, 1_005]]).await;
    assert_eq!(ahead, [id(1_000), id(1_001), id(1_005)]);
    let behind = commit(other.as_ref(), 3, &[&[10], &[12, 11, 11]]).await;
    assert_eq!(behind, [id(1_006), id(1_007), id(1_008), id(1_009)]);
    let again = commit(store.store.as_ref(), 7, &[&[1_009, 1_010, 2_000, 1_500]]).await;
    assert_eq!(again, [id(1_010), id(1_011), id(2_000), id(2_001)]);
    let mut stored: Vec<_> = store.logged(Source::Records).await;
    stored.sort_by_key(|row| row.id);
    let stored: Vec<_> = stored.iter().filter_map(|row| row.id).collect();
    assert_eq!(stored, [ahead, behind, again].concat());
    let account = store.store.account(user("alice")).await.unwrap().state;
    assert_eq!(account.last_record_id, Some(id(2_001)));
    assert_eq!(account.tail_records, 11);
}

async fn each_account_has_an_order_of_its_own(backend: Backend) {
    let store = TestStore::open(backend).await;
    let calls = [("alice", 500), ("bob", 100), ("alice", 400), ("bob", 99)];
    let calls = calls
        .iter()
        .zip(0..)
        .map(|((name, time), number)| {
            let call = usage(name, &format!("call-{number}"), 1, 0);
            candidate(call, *time)
        })
        .collect::<Vec<_>>();
    let outcomes = store.commit(&batch(calls)).await;
    let ids: Vec<_> = outcomes
        .iter()
        .map(|outcome| recorded(outcome).id)
        .collect();
    assert_eq!(ids, [id(500), id(100), id(501), id(101)]);
}

async fn a_correction_follows_every_record_of_its_user(backend: Backend) {
    let store = TestStore::open(backend).await;
    let ids = commit(store.store.as_ref(), 0, &[&[1_000], &[2_000]]).await;
    for (record, correction, expected) in [(ids[0], 3, 2_001), (ids[1], 9_000, 9_000)] {
        let order = VoidOrder {
            user_id: user("alice"),
            id: record,
            correction_id: id(correction),
            reason: None,
        };
        let made = store.store.void_usage(order).await.unwrap();
        assert_eq!((made.id, made.corrects_id), (id(expected), Some(record)));
        assert_eq!(made.call.request_id.as_str(), made.id.to_string());
    }
    let next = commit(store.store.as_ref(), 2, &[&[5]]).await;
    assert_eq!(next, [id(9_001)]);
    let totals = store.sums(Source::Totals).await;
    assert_eq!(totals, store.sums(Source::Records).await);
    let counted: i64 = totals.values().map(|sums| sums.records).sum();
    assert_eq!(counted, 1);
}
