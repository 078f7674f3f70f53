//! Settings, discounts and tax: what they leave in the row that usage reads.

use std::sync::Arc;

use billing_core::{
    account::{Discount, Tax},
    document::TaxExemption,
    settings::SettingsChange,
};
use test_postgres::{Backend, on_both_databases};

use crate::support::{NOON, TestStore, batch, card, recorded, taxed, time, usage, user};

on_both_databases!(
    an_account_holds_the_discount_in_force_and_its_end,
    changes_of_an_account_that_meet_usage_lose_nothing,
    settings_that_are_written_at_once_are_all_kept,
);

fn discount(rate: &str, from: Option<&str>, until: Option<&str>) -> Discount {
    Discount {
        rate: rate.parse().unwrap(),
        from: from.map(time),
        until: until.map(time),
    }
}

async fn an_account_holds_the_discount_in_force_and_its_end(backend: Backend) {
    let store = TestStore::open(backend).await;
    let (past, later, last) = (
        "2026-01-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
    );
    for (rate, from, expected) in [
        ("0.7", Some(last), discount("1", None, Some(last))),
        ("0.8", Some(later), discount("1", None, Some(later))),
        ("0.9", None, discount("0.9", Some(NOON), Some(later))),
        ("0.95", Some(past), discount("0.9", Some(NOON), Some(later))),
        ("0.5", Some(NOON), discount("0.5", Some(NOON), Some(later))),
    ] {
        let rate = rate.parse().unwrap();
        let set = store
            .store
            .set_discount_rate(user("alice"), rate, from.map(time))
            .await
            .unwrap();
        assert_eq!(set.state.discount, expected);
        let stored = store.store.account(user("alice")).await.unwrap();
        assert_eq!(stored.state.discount, expected);
    }
    for (when, expected, next) in [
        (
            "2025-01-01T00:00:00Z",
            discount("1", None, Some(past)),
            Some("0.95"),
        ),
        (later, discount("0.8", Some(later), Some(last)), Some("0.7")),
        (last, discount("0.7", Some(last), None), None),
    ] {
        store.clock.set(when);
        let seen = store.store.account(user("alice")).await.unwrap();
        assert_eq!(seen.state.discount, expected, "{when}");
        let follows = seen.next_discount(time(when));
        let follows = follows.map(|change| change.rate.to_string());
        assert_eq!(follows.as_deref(), next, "{when}");
    }
}

async fn changes_of_an_account_that_meet_usage_lose_nothing(backend: Backend) {
    let store = TestStore::open(backend).await;
    let calls = (0..20).map(|number| {
        let store = Arc::clone(&store.store);
        let call = usage("alice", &format!("call-{number}"), 1_000, 0);
        tokio::spawn(async move {
            let outcomes = store.commit_usage(&batch([call])).await.unwrap();
            recorded(&outcomes[0]).charge.final_cost
        })
    });
    let calls: Vec<_> = calls.collect();
    let exempt = Tax {
        exemption: Some(TaxExemption::Exempt),
        ..taxed("0.1")
    };
    let alice = || user("alice");
    store.store.set_tax(alice(), exempt).await.unwrap();
    let change = SettingsChange {
        alert_threshold: Some(7),
        ..SettingsChange::default()
    };
    let set = store.store.update_settings(alice(), change);
    set.await.unwrap();
    for call in calls {
        assert_eq!(call.await.unwrap().to_string(), "0.03");
    }
    let seen = store.store.account(alice()).await.unwrap().state;
    assert_eq!(seen.tax, exempt);
    assert_eq!(seen.uninvoiced_amount().unwrap().to_string(), "0.6");
    let settings = store.store.settings(alice()).await.unwrap();
    assert_eq!(settings.alert_threshold, 7);
}

async fn settings_that_are_written_at_once_are_all_kept(backend: Backend) {
    let store = TestStore::open(backend).await;
    let changes = [
        SettingsChange {
            tax_id: Some("DE1".into()),
            ..SettingsChange::default()
        },
        SettingsChange {
            billing_address: Some("1 High Street".into()),
            ..SettingsChange::default()
        },
        SettingsChange {
            enable_alerts: Some(false),
            ..SettingsChange::default()
        },
    ];
    let writes = changes.map(|change| {
        let store = Arc::clone(&store.store);
        tokio::spawn(async move { store.update_settings(user("alice"), change).await })
    });
    for write in writes {
        write.await.unwrap().unwrap();
    }
    let seen = store.store.settings(user("alice")).await.unwrap();
    assert_eq!(seen.tax_id, "DE1");
    assert_eq!(seen.billing_address, "1 High Street");
    assert!(!seen.enable_alerts);
}

/// The copies are read back by usage only, so the test looks behind the store's back.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_holds_the_settings_that_usage_needs() {
    let store = TestStore::open(Backend::Postgres).await;
    let database = store.postgres().await;
    let method = store.store.save_payment_method(card("alice", "pm_1"));
    assert!(method.await.unwrap().is_default);
    let consent = |agreed| SettingsChange {
        auto_topup: Some(agreed),
        agrees_to_topups: agreed,
        ..SettingsChange::default()
    };
    let change = SettingsChange {
        alert_threshold: Some(7),
        enable_alerts: Some(false),
        auto_topup_threshold: Some(8),
        auto_topup_amount: Some("12.5".parse().unwrap()),
        ..SettingsChange::default()
    };
    for (change, expected) in [
        (change, "7 false true 8 12.5"),
        (consent(true), "7 false true 8 12.5 12.5"),
        (SettingsChange::default(), "7 false true 8 12.5 12.5"),
        (consent(false), "7 false false 8 12.5"),
    ] {
        let set = store.store.update_settings(user("alice"), change);
        set.await.unwrap();
        let query = "SELECT concat_ws(' ', alert_threshold, enable_alerts::text, auto_topup::text, \
            auto_topup_threshold, auto_topup_amount, \
            automation #>> '{payer,consents,topup,amount}') FROM accounts";
        let row = database.query_one(query, &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected);
    }
}
