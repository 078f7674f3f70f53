//! Users of whom almost everything would be refused.

use billing_core::{
    account::VoidOrder,
    coupon::{Coupon, CouponValue},
    ids::{CreditNoteId, InvoiceId, RecordId},
    invoice::{CreditNoteOrder, Payment},
    subscription::{BillingCycle, NewSubscription, SubscriptionOrder},
};
use billing_store::{InvoiceChange, InvoiceOrder};
use test_postgres::Backend;

use crate::support::{
    NOON, TestStore, batch, coupon, made_at, month, plan, plan_with_quota, recorded, redeem,
    request, subscribe_to, taxed, time, unique, usage, user,
};

/// A month before everything else.
const OCTOBER: &str = "2026-10-10T12:00:00Z";

pub(super) struct World {
    pub(super) store: TestStore,
    /// Of alice, who has a subscription.
    pub(super) voided: RecordId,
    pub(super) correction: RecordId,
    /// Of frank, with the request id "credit-1" for a note of a cent.
    pub(super) paid: InvoiceId,
    /// Of frank.
    pub(super) void: InvoiceId,
}

impl World {
    pub(super) async fn new(backend: Backend) -> Self {
        let store = TestStore::open(backend).await;
        store.clock.set(OCTOBER);
        store.set_price("gold", "1", "0").await;
        make_plans(&store).await;
        make_dear(&store).await;
        make_coupons(&store).await;
        redeem_coupons(&store).await;
        make_subscriptions(&store).await;
        store.clock.set(NOON);
        let (voided, correction) = record_and_void(&store).await;
        corrupt(&store).await;
        let (paid, void) = make_invoices(&store).await;
        let taxed = store.store.set_tax(user("known"), taxed("0.1"));
        taxed.await.unwrap();
        Self {
            store,
            voided,
            correction,
            paid,
            void,
        }
    }
}

async fn make_plans(store: &TestStore) {
    for id in ["dear", "free", "former"] {
        let created = store.store.create_plan(plan(id), plan_with_quota(1));
        created.await.unwrap();
    }
    let former = store.store.deactivate_plan(plan("former"), false);
    former.await.unwrap();
}

/// Has prices that are read and could not be written: a charge for "gold" and twelve fees of "dear"
/// do not fit.
async fn make_dear(store: &TestStore) {
    for change in [
        "UPDATE model_prices SET prompt_price_per_k = '10000000000000000' \
         WHERE model_id = 'gold' RETURNING model_id",
        "UPDATE plan_versions SET monthly_price = '5000000000000' \
         WHERE plan_id = 'dear' RETURNING plan_id",
        "UPDATE catalog_version SET version = version + 1 RETURNING CAST(version AS TEXT)",
    ] {
        assert_eq!(store.texts(change).await.len(), 1, "{change}");
    }
}

/// Has a record of heidi's in October name a price that there is not.
async fn corrupt(store: &TestStore) {
    let call = made_at(usage("heidi", "call", 1_000, 0), OCTOBER);
    store.commit(&batch([call])).await;
    let change = "UPDATE billing_records SET price_id = 999 WHERE user_id = 'heidi' \
        RETURNING user_id";
    assert_eq!(store.texts(change).await.len(), 1);
}

async fn make_coupons(store: &TestStore) {
    let quarter = CouponValue::Percentage("25".parse().unwrap());
    let changed = |code, change: fn(&mut Coupon)| {
        let mut coupon = coupon(code, quarter);
        change(&mut coupon);
        coupon
    };
    for coupon in [
        changed("LIVE", |_| {}),
        changed("OTHER", |_| {}),
        changed("INACTIVE", |coupon| coupon.is_active = false),
        changed("LATER", |c| c.valid_from = time("2027-01-01T00:00:00Z")),
        changed("EXPIRED", |c| c.expires_at = Some(time(NOON))),
        changed("ONCE", |coupon| coupon.max_uses = 1),
        changed("MONTHLY", |coupon| coupon.duration_months = 1),
        changed("PLAN", |c| c.applicable_plans = vec![plan("plan-pro")]),
        changed("MINIMUM", |c| c.min_purchase_amount = "1".parse().unwrap()),
    ] {
        store.store.create_coupon(coupon).await.unwrap();
    }
}

async fn redeem_coupons(store: &TestStore) {
    let mut live = redeem("erin", "LIVE");
    live.request_id = Some(request("redeem-1"));
    for order in [live, redeem("erin", "ONCE"), redeem("erin", "MONTHLY")] {
        store.store.redeem(order).await.unwrap();
    }
}

/// alice's goes on, dave's will end, carol's has ended in its trial, and grace's has, so that a fee
/// is due that does not fit.
async fn make_subscriptions(store: &TestStore) {
    order_of(store, "carol", trial()).await;
    store.clock.set("2026-10-12T12:00:00Z");
    let at_period_end = false;
    order_of(store, "carol", SubscriptionOrder::Cancel { at_period_end }).await;
    store.clock.set("2026-10-20T12:00:00Z");
    for name in ["alice", "dave"] {
        let order = subscribe_to("plan-basic");
        order_of(store, name, order).await;
    }
    let yearly = changed(subscribe_to("dear"), |new| {
        new.cycle = BillingCycle::Yearly;
        new.trial_days = 7;
    });
    order_of(store, "grace", yearly).await;
    let at_period_end = true;
    order_of(store, "dave", SubscriptionOrder::Cancel { at_period_end }).await;
}

async fn order_of(store: &TestStore, name: &str, order: SubscriptionOrder) {
    let ordered = store.store.order_subscription(user(name), order);
    ordered.await.unwrap();
}

/// Two weeks for nothing.
pub(super) fn trial() -> SubscriptionOrder {
    changed(subscribe_to("plan-basic"), |order| order.trial_days = 14)
}

/// An order to subscribe, with a change.
pub(super) fn changed(
    order: SubscriptionOrder,
    change: impl FnOnce(&mut NewSubscription),
) -> SubscriptionOrder {
    let SubscriptionOrder::Subscribe(mut new) = order else {
        panic!("the order subscribes");
    };
    change(&mut new);
    SubscriptionOrder::Subscribe(new)
}

async fn record_and_void(store: &TestStore) -> (RecordId, RecordId) {
    let calls = ["call-1", "call-2"].map(|call| usage("alice", call, 1_000, 0));
    let outcomes = store.commit(&batch(calls)).await;
    let voided = recorded(&outcomes[1]).id;
    let order = VoidOrder {
        user_id: user("alice"),
        id: voided,
        correction_id: RecordId::new(unique()),
        reason: None,
    };
    (voided, store.store.void_usage(order).await.unwrap().id)
}

async fn make_invoices(store: &TestStore) -> (InvoiceId, InvoiceId) {
    let calls = ["2026-08", "2026-09"].map(|month| {
        let call = usage("frank", month, 100_000, 0);
        made_at(call, &format!("{month}-20T00:00:00Z"))
    });
    store.commit(&batch(calls)).await;
    let (void, paid) = (InvoiceId::new(unique()), InvoiceId::new(unique()));
    for (id, of) in [(void, "2026-08"), (paid, "2026-09")] {
        let order = InvoiceOrder {
            user_id: user("frank"),
            month: month(of),
            id,
            keep_draft: false,
        };
        store.store.generate_invoice(order).await.unwrap();
    }
    let payment = Payment {
        method: "bank transfer".to_owned(),
        transaction_id: None,
    };
    for (id, change) in [
        (
            void,
            InvoiceChange::Void {
                reason: "a mistake".to_owned(),
                write_off: false,
            },
        ),
        (paid, InvoiceChange::Pay(payment)),
    ] {
        let changed = store.store.change_invoice(user("frank"), id, change);
        changed.await.unwrap();
    }
    let note = credit_note("frank", paid, "0.01", Some("credit-1"));
    store.store.create_credit_note(note).await.unwrap();
    (paid, void)
}

pub(super) fn credit_note(
    name: &str,
    invoice_id: InvoiceId,
    amount: &str,
    request_id: Option<&str>,
) -> CreditNoteOrder {
    CreditNoteOrder {
        user_id: user(name),
        invoice_id,
        id: CreditNoteId::new(unique()),
        amount: amount.parse().unwrap(),
        reason: "a favour".to_owned(),
        request_id: request_id.map(request),
    }
}
