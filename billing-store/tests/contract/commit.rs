//! `commit_usage`: what is recorded, what is told apart, what the accounts owe.

use billing_core::{ids::ModelId, refusal::Refusal, usage::Outcome};
use test_postgres::{Backend, on_both_databases};

use crate::support::{
    MODEL, NOON, TestStore, batch, made_at, month, of_model, recorded, texts, time, usage, user,
};

on_both_databases!(
    outcomes_stand_in_the_order_of_the_batch,
    a_repeat_within_a_batch_is_charged_once,
    a_repeat_of_a_stored_record_answers_with_the_first,
    a_request_id_with_other_content_is_a_conflict,
    one_users_request_ids_do_not_block_another,
    unpriced_usage_is_refused_alone,
    an_empty_batch_commits_nothing,
    two_thousand_records_fit_in_one_batch,
    accounts_owe_by_month,
    a_stored_record_reads_back_as_it_was_answered,
);

async fn outcomes_stand_in_the_order_of_the_batch(backend: Backend) {
    let store = TestStore::open(backend).await;
    let users = ["zoe", "adam", "Zoe", "zoe", "émile", "adam", "10", "9"];
    let numbered = users.iter().enumerate();
    let batch = batch(numbered.map(|(i, user)| usage(user, &format!("call-{i}"), 1_000, 0)));
    let outcomes = store.commit(&batch).await;
    assert_eq!(outcomes.len(), batch.len());
    for (usage, outcome) in batch.iter().zip(&outcomes) {
        let record = recorded(outcome);
        assert_eq!(record.id, usage.record_id);
        assert_eq!(record.user_id, usage.user_id);
        assert_eq!(record.call.request_id, usage.call.request_id);
        assert_eq!(record.charge.final_cost.to_string(), "0.03");
    }
}

async fn a_repeat_within_a_batch_is_charged_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let same = || usage("alice", "call-1", 1_000, 0);
    let other = usage("alice", "call-1", 2_000, 0);
    let outcomes = store.commit(&batch([same(), other, same()])).await;
    let first = recorded(&outcomes[0]).clone();
    assert_eq!(
        outcomes[1..],
        [
            Outcome::Refused(Refusal::UsageConflict),
            Outcome::Duplicate(first)
        ]
    );
    let account = store.store.account(user("alice")).await.unwrap();
    assert_eq!(texts(&account.state.uninvoiced)["2026-11"], "0.03");
}

async fn a_repeat_of_a_stored_record_answers_with_the_first(backend: Backend) {
    let store = TestStore::open(backend).await;
    let first = store
        .commit(&batch([usage("alice", "call-1", 1_000, 7)]))
        .await;
    let first = recorded(&first[0]).clone();
    let again = [
        usage("alice", "call-1", 1_000, 7),
        usage("alice", "call-2", 1, 1),
    ];
    let outcomes = store.commit(&batch(again)).await;
    assert_eq!(outcomes[0], Outcome::Duplicate(first));
    recorded(&outcomes[1]);
}

async fn a_request_id_with_other_content_is_a_conflict(backend: Backend) {
    let store = TestStore::open(backend).await;
    store
        .commit(&batch([usage("alice", "call-1", 1_000, 0)]))
        .await;
    let outcomes = store
        .commit(&batch([usage("alice", "call-1", 1_001, 0)]))
        .await;
    assert_eq!(outcomes, [Outcome::Refused(Refusal::UsageConflict)]);
    let used = store.store.user_usage(user("alice"));
    assert_eq!(used.await.unwrap().month.tokens, 1_000);
}

async fn one_users_request_ids_do_not_block_another(backend: Backend) {
    let store = TestStore::open(backend).await;
    store.commit(&batch([usage("alice", "call-1", 1, 0)])).await;
    let outcomes = store.commit(&batch([usage("bob", "call-1", 2, 0)])).await;
    recorded(&outcomes[0]);
}

async fn unpriced_usage_is_refused_alone(backend: Backend) {
    let store = TestStore::open(backend).await;
    let unknown = of_model(usage("alice", "call-1", 1, 0), "GPT-4");
    let outcomes = store
        .commit(&batch([unknown, usage("alice", "call-2", 1, 0)]))
        .await;
    let unpriced = Refusal::ModelUnpriced(ModelId::parse("GPT-4").unwrap());
    assert_eq!(outcomes[0], Outcome::Refused(unpriced));
    recorded(&outcomes[1]);
    // The id is still free.
    let outcomes = store.commit(&batch([usage("alice", "call-1", 1, 0)])).await;
    recorded(&outcomes[0]);
}

async fn an_empty_batch_commits_nothing(backend: Backend) {
    let store = TestStore::open(backend).await;
    assert_eq!(store.commit(&[]).await, []);
}

async fn two_thousand_records_fit_in_one_batch(backend: Backend) {
    let store = TestStore::open(backend).await;
    let batch =
        batch((0..2_000).map(|i| usage(&format!("user-{}", i % 31), &format!("{i}"), i, 1)));
    let outcomes = store.commit(&batch).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Recorded(_)))
    );
    let totals = store.store.month_figures(month("2026-11")).await;
    let totals = totals.unwrap().usage;
    assert_eq!((totals.records, totals.tokens), (2_000, 1_999_000 + 2_000));
    let again = store.commit(&batch).await;
    assert!(
        again
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Duplicate(_)))
    );
    let counted = store.store.month_figures(month("2026-11")).await;
    assert_eq!(counted.unwrap().usage, totals);
}

async fn accounts_owe_by_month(backend: Backend) {
    let store = TestStore::open(backend).await;
    let late = made_at(
        usage("alice", "late", 3_000, 0),
        "2026-09-30T23:59:59.999999Z",
    );
    // A record of the future belongs to the present.
    let early = made_at(usage("alice", "early", 5_000, 0), "2026-11-10T12:04:00Z");
    store
        .commit(&batch([late, usage("alice", "now", 1_000, 0), early]))
        .await;
    store.commit(&batch([usage("alice", "more", 0, 1)])).await;
    let account = store.store.account(user("alice")).await.unwrap();
    let owed = [("2026-09", "0.09"), ("2026-11", "0.18006")];
    let owed = owed.map(|(month, amount)| (month.to_owned(), amount.to_owned()));
    assert_eq!(texts(&account.state.uninvoiced), owed.into());
    let nobody = store.store.account(user("nobody")).await.unwrap();
    assert!(nobody.state.uninvoiced.is_empty());
}

async fn a_stored_record_reads_back_as_it_was_answered(backend: Backend) {
    let store = TestStore::open(backend).await;
    let mut call = made_at(
        usage("a/b:c@d é", "x", 999_999_999, 1),
        "2026-11-10T12:01:00.123456Z",
    );
    call.call.tokens.cached_prompt = 5;
    call.call.tokens.cache_write = 6;
    call.call.tokens.reasoning = 1;
    let outcomes = store.commit(&batch([call])).await;
    let answered = recorded(&outcomes[0]);
    assert_eq!(answered.call.model.as_str(), MODEL);
    assert_eq!(answered.call.provider, "openai");
    assert_eq!(answered.rated_at, time(NOON));
    let (owner, id) = (answered.user_id.clone(), answered.id);
    let stored = store.store.record(owner, id).await.unwrap();
    assert_eq!((&stored.record, stored.invoice_id), (answered, None));
    let other = store.store.record(user("other"), id).await.unwrap_err();
    let not_found = Refusal::UsageNotFound(id.to_string());
    assert_eq!(other.refusal(), Some(&not_found));
}
