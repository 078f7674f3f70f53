//! A small world of users who are billed in different ways, and what happens to it.

use std::sync::Arc;

use billing_core::{
    catalog::{PlanChange, UsagePricing},
    coupon::CouponValue,
    month::Month,
};
use billing_store::{Store, StoreError, UsersToClose};
use chrono::TimeDelta;
use test_postgres::{Backend, Random};

use super::{expected::Truth, reading::Reading};
use crate::support::{
    TestStore, coupon, new_invoice_ids, plan, plan_with_quota, redeem, subscribe_to, taxed, user,
};

const BEGIN: &str = "2026-09-03T10:00:00Z";
/// Without a plan; with fees that cover usage; metered; with coupons; with all of it.
pub(super) const USERS: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
pub(super) const MODELS: [&str; 2] = ["gpt-4", "gpt-4o"];
pub(super) const PLANS: [&str; 3] = ["small", "big", "metered"];
pub(super) const COUPONS: [&str; 2] = ["QUARTER", "TEN"];
/// Few users at a time, so that closing takes more than one chunk.
const CHUNK: i64 = 2;

pub(super) struct World {
    pub(super) store: TestStore,
    /// Servers on the same database, of which one makes each step.
    servers: Vec<Arc<dyn Store>>,
    pub(super) random: Random,
    pub(super) truth: Truth,
    reading: Reading,
}

impl World {
    pub(super) async fn new(backend: Backend, seed: u64) -> Self {
        let store = TestStore::open(backend).await;
        store.clock.set(BEGIN);
        store.set_price(MODELS[1], "0.0025", "0.01").await;
        set_up(&store).await;
        let servers = vec![Arc::clone(&store.store), store.second_server().await];
        let truth = Truth::read(&store).await;
        let reading = Reading::take(&store, &truth).await;
        Self {
            store,
            servers,
            random: Random::new(seed),
            truth,
            reading,
        }
    }

    pub(super) fn server(&mut self) -> Arc<dyn Store> {
        let index = self.random.index(self.servers.len());
        Arc::clone(&self.servers[index])
    }

    pub(super) fn this_month(&self) -> Month {
        Month::of(self.store.clock.now())
    }

    /// Compares what readers answer with the records, and with what they answered before when
    /// nothing was done but folding.
    pub(super) async fn check(&mut self, only_folded: bool) {
        self.truth = Truth::read(&self.store).await;
        let reading = Reading::take(&self.store, &self.truth).await;
        reading.assert_is(&self.truth, self.store.clock.now());
        if only_folded {
            assert_eq!(reading, self.reading, "what readers see has changed");
        }
        self.reading = reading;
    }

    /// Renews what is due, so that every line which an invoice would carry is stored.
    pub(super) async fn advance(&mut self, by: TimeDelta) {
        self.store.clock.advance(by);
        let server = self.server();
        while server.renew_due(2).await.unwrap() > 0 {}
    }

    /// Closes the month before this one, and those before it, for everybody.
    pub(super) async fn close_months(&mut self) {
        let last = Month::of(self.this_month().start() - TimeDelta::days(1));
        let mut after = None;
        loop {
            let users = UsersToClose {
                month: last,
                known_by: None,
                reopened: true,
                after,
            };
            let closing = self.server();
            let closed = closing.close_month(users, CHUNK, new_invoice_ids()).await;
            let closed = closed.unwrap();
            assert_eq!(closed.failed, []);
            after = closed.last;
            if after.is_none() {
                return;
            }
        }
    }

    /// The end of a sequence: all months are closed and every invoice stands for its records.
    pub(super) async fn close_everything(&mut self) {
        self.advance(TimeDelta::days(40)).await;
        self.close_months().await;
        self.check(false).await;
        let this_month = self.this_month();
        for month in self.truth.months(this_month) {
            if month < this_month {
                self.reconcile(month).await;
            }
        }
        while self.sweep().await {}
        self.check(true).await;
        self.truth.assert_all_folded(&self.store).await;
    }

    async fn reconcile(&mut self, month: Month) {
        let mut after = None;
        loop {
            let found = self.server().reconcile_month(month, after, CHUNK).await;
            let found = found.unwrap();
            assert_eq!(found.differences, [], "{month}");
            after = found.last;
            if after.is_none() {
                return;
            }
        }
    }

    /// Folds whatever is not; answers whether anything was.
    async fn sweep(&mut self) -> bool {
        let (server, mut after, mut folded) = (self.server(), None, 0);
        loop {
            let swept = server.fold_sweep(after, CHUNK).await.unwrap();
            folded += swept.folded;
            after = swept.last;
            if after.is_none() {
                return folded > 0;
            }
        }
    }
}

async fn set_up(store: &TestStore) {
    let fee_of = |quota: i64, fee: &str, pricing| PlanChange {
        monthly_price: Some(fee.parse().unwrap()),
        extra_token_price: Some("0.0000123".parse().unwrap()),
        usage_pricing: Some(pricing),
        ..plan_with_quota(quota)
    };
    for (id, content) in [
        ("small", fee_of(3_000, "10", UsagePricing::Included)),
        ("big", fee_of(20_000, "49.99", UsagePricing::Included)),
        ("metered", fee_of(10_000, "5", UsagePricing::Metered)),
    ] {
        store.store.create_plan(plan(id), content).await.unwrap();
    }
    let quarter = CouponValue::Percentage("25".parse().unwrap());
    let ten = CouponValue::Fixed("10".parse().unwrap());
    for (code, value) in [("QUARTER", quarter), ("TEN", ten)] {
        let mut coupon = coupon(code, value);
        coupon.max_usage_per_user = 3;
        store.store.create_coupon(coupon).await.unwrap();
    }
    for (name, id) in [("bob", "small"), ("carol", "metered"), ("erin", "big")] {
        let ordered = store.store.order_subscription(user(name), subscribe_to(id));
        ordered.await.unwrap();
    }
    for (name, code) in [("dave", "QUARTER"), ("dave", "TEN"), ("erin", "TEN")] {
        store.store.redeem(redeem(name, code)).await.unwrap();
    }
    let rate = "0.8".parse().unwrap();
    let discounted = store.store.set_discount_rate(user("erin"), rate, None);
    discounted.await.unwrap();
    let taxed = store.store.set_tax(user("dave"), taxed("0.19"));
    taxed.await.unwrap();
}

/// What a call answers, `None` when it is refused. A random call may be; it may not fail.
pub(super) fn unless_refused<T>(answer: Result<T, StoreError>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) if error.refusal().is_some() => {
            println!("    refused: {error}");
            None
        }
        Err(error) => panic!("the store failed: {error}"),
    }
}
