//! Random steps.

use billing_core::{
    account::VoidOrder,
    ids::{InvoiceId, RecordId},
    invoice::InvoiceStatus,
    subscription::SubscriptionOrder,
    usage::Usage,
};
use billing_store::{InvoiceChange, InvoiceFilter, InvoiceOrder, Tails};
use chrono::TimeDelta;
use uuid::Uuid;

use super::world::{COUPONS, MODELS, PLANS, USERS, World, unless_refused};
use crate::support::{
    batch, change_plan, of_model, price, redeem, subscribe_to, unique, usage, user,
};

/// A step, and in how many of 100 cases it is taken.
const STEPS: [(Step, i64); 14] = [
    (Step::Usage, 32),
    (Step::LongTail, 3),
    (Step::Void, 10),
    (Step::Advance, 10),
    (Step::CloseMonths, 4),
    (Step::Generate, 4),
    (Step::VoidInvoice, 4),
    (Step::Redeem, 4),
    (Step::Subscription, 4),
    (Step::Price, 2),
    (Step::Discount, 2),
    (Step::FoldLong, 6),
    (Step::FoldAll, 8),
    (Step::Sweep, 7),
];
/// From this many records on, a tail is long.
const LONG: i64 = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Usage,
    /// Usage of one user, enough for a long tail.
    LongTail,
    Void,
    Advance,
    CloseMonths,
    Generate,
    VoidInvoice,
    Redeem,
    Subscription,
    Price,
    Discount,
    FoldLong,
    FoldAll,
    Sweep,
}

impl World {
    /// Makes one random step and compares what readers see then.
    pub(super) async fn step(&mut self) {
        let step = self.choose();
        println!("  {step:?} at {}", self.store.clock.now());
        match step {
            Step::Usage => {
                let count = self.random.range(1, 8);
                self.record(None, count).await;
            }
            Step::LongTail => {
                let name = self.random.pick(&USERS);
                self.record(Some(name), LONG).await;
            }
            Step::Void => self.void().await,
            Step::Advance => {
                let hours = self.random.range(1, 300);
                self.advance(TimeDelta::hours(hours)).await;
            }
            Step::CloseMonths => self.close_months().await,
            Step::Generate => self.generate().await,
            Step::VoidInvoice => self.void_invoice().await,
            Step::Redeem => self.redeem().await,
            Step::Subscription => self.subscription().await,
            Step::Price => self.set_price().await,
            Step::Discount => self.set_discount().await,
            Step::FoldLong => self.fold(Tails::Long).await,
            Step::FoldAll => self.fold(Tails::All).await,
            Step::Sweep => self.sweep_a_page().await,
        }
        let folds = matches!(step, Step::FoldLong | Step::FoldAll | Step::Sweep);
        self.check(folds).await;
    }

    fn choose(&mut self) -> Step {
        let mut drawn = self.random.range(1, 100);
        for (step, cases) in STEPS {
            drawn -= cases;
            if drawn <= 0 {
                return step;
            }
        }
        Step::Usage
    }

    async fn record(&mut self, of: Option<&str>, count: i64) {
        let calls: Vec<_> = (0..count).map(|_| self.call(of)).collect();
        let server = self.server();
        server.commit_usage(&batch(calls)).await.unwrap();
    }

    /// A call of anybody, or of one user. Most are made now, some came late.
    fn call(&mut self, of: Option<&str>) -> Usage {
        let random = &mut self.random;
        let name = of.unwrap_or_else(|| random.pick(&USERS));
        let (prompt, completion) = (random.range(0, 4_000), random.range(0, 2_000));
        let call = usage(name, &unique().to_string(), prompt, completion);
        let mut call = of_model(call, random.pick(&MODELS));
        call.call.tokens.cached_prompt = random.range(0, prompt);
        call.call.tokens.reasoning = random.range(0, completion);
        let days = match random.range(1, 10) {
            ..=6 => 0,
            7..=8 => random.range(0, 10),
            _ => random.range(0, 70),
        };
        call.received_at = self.store.clock.now();
        call.call.created_at = call.received_at - TimeDelta::days(days);
        if random.percent(10) {
            // Of a server whose clock is far behind.
            call.record_id = RecordId::new(Uuid::from_u128(1));
        }
        call
    }

    async fn void(&mut self) {
        let completed = self.truth.records.iter().filter(|row| row.is_completed);
        let completed: Vec<_> = completed.cloned().collect();
        if completed.is_empty() {
            return;
        }
        let record = self.random.pick(&completed);
        let order = VoidOrder {
            user_id: record.key.user_id,
            id: record.id.unwrap(),
            correction_id: RecordId::new(unique()),
            reason: None,
        };
        unless_refused(self.server().void_usage(order).await);
    }

    async fn generate(&mut self) {
        let this_month = self.this_month();
        let months = self.truth.months(this_month);
        let order = InvoiceOrder {
            user_id: user(self.random.pick(&USERS)),
            month: self.random.pick(&months),
            id: InvoiceId::new(unique()),
            keep_draft: false,
        };
        unless_refused(self.server().generate_invoice(order).await);
    }

    async fn void_invoice(&mut self) {
        let user_id = user(self.random.pick(&USERS));
        let filter = InvoiceFilter {
            user_id: Some(user_id.clone()),
            status: Some(InvoiceStatus::Issued),
            ..InvoiceFilter::default()
        };
        let (issued, _) = self.server().invoices(filter, 0, 100).await.unwrap();
        if issued.is_empty() {
            return;
        }
        let id = self.random.pick(&issued).id.unwrap();
        let change = InvoiceChange::Void {
            reason: "a mistake".to_owned(),
            write_off: false,
        };
        let voided = self.server().change_invoice(user_id, id, change).await;
        unless_refused(voided);
    }

    async fn redeem(&mut self) {
        let (name, code) = (self.random.pick(&USERS), self.random.pick(&COUPONS));
        unless_refused(self.server().redeem(redeem(name, code)).await);
    }

    async fn subscription(&mut self) {
        let name = self.random.pick(&USERS);
        let plan_id = self.random.pick(&PLANS);
        let order = match self.random.range(1, 5) {
            1 => SubscriptionOrder::Cancel {
                at_period_end: false,
            },
            2 => SubscriptionOrder::Cancel {
                at_period_end: true,
            },
            3 => change_plan(plan_id),
            _ => subscribe_to(plan_id),
        };
        let server = self.server();
        unless_refused(server.order_subscription(user(name), order).await);
    }

    async fn set_price(&mut self) {
        let prompt = format!("0.0{}7", self.random.range(1, 99));
        let change = price(self.random.pick(&MODELS), &prompt, "0.02");
        let set = self.server().set_prices(vec![change]).await.unwrap();
        assert!(set[0].is_ok(), "{set:?}");
    }

    async fn set_discount(&mut self) {
        let rate = format!("0.{}", self.random.range(1, 9)).parse().unwrap();
        let name = self.random.pick(&USERS);
        let server = self.server();
        let set = server.set_discount_rate(user(name), rate, None).await;
        set.unwrap();
    }

    async fn fold(&mut self, tails: Tails) {
        let folded = self.server().fold_due(tails).await.unwrap();
        println!("    {folded} accounts");
    }

    async fn sweep_a_page(&mut self) {
        let after = self.random.percent(50).then(|| user(USERS[1]));
        let limit = self.random.range(1, 5);
        let swept = self.server().fold_sweep(after, limit).await.unwrap();
        println!("    {} accounts", swept.folded);
    }
}
