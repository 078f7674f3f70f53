//! Money that comes in through PayPal: a buyer approves an order, and it is captured once.

mod buyer;
mod faults;
mod refunds;
mod webhooks;

use chrono::TimeDelta;
use integration_tests::{
    Backend, on_both_databases,
    paypal::{CaptureOutcome, Fault},
    stripe::Behaviour,
};
use serde_json::{Value, json};

use self::buyer::ORDERS;
use super::world::{ALICE, World};
use crate::support::{assert_refused, user};

on_both_databases!(
    what_a_buyer_approves_buys_tokens_once,
    an_invoice_is_paid_at_paypal,
    an_order_is_made_once_per_request,
    an_order_is_over_an_amount_or_an_invoice,
    what_is_not_approved_is_not_captured,
    captures_at_once_take_the_money_once,
    a_buyer_who_closes_the_page_is_charged_all_the_same,
    an_approval_that_comes_too_late_moves_nothing,
    an_order_that_paypal_has_forgotten_fails_when_its_time_is_over,
    the_buyer_has_a_day_from_when_the_order_is_made,
    money_that_stays_pending_counts_when_it_comes,
    a_declined_capture_is_told_and_never_tried_again,
    nobody_captures_the_order_of_another,
    one_invoice_has_one_checkout_at_a_time,
);

async fn what_a_buyer_approves_buys_tokens_once(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let made = world.try_order(&json!({"amount": 100}), "order-1").await;
    let order = made.json()["order_id"].as_str().unwrap().to_owned();
    let id = made.json()["transaction"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = format!("{}/checkoutnow?token={order}", world.paypal.base());
    let shown = |status: &str, page: &str, expires: &str| {
        format!(
            r#"{{"id":"{id}","user_id":"alice","kind":"topup","provider":"paypal","provider_reference":"{order}","status":"{status}","amount":100.00,"refunded_amount":0.00,"currency":"USD","invoice_id":"","tokens":740740,"automatic":false,"failure_code":"","failure_message":"","next_action_url":"{page}","created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-15T10:30:00Z","client_secret":"","refund_of":"","allocations":[],"payment_method_id":"","disputed_amount":0.00,"fee":null,"attention":"","expires_at":{expires}}}"#
        )
    };
    let waiting = shown("requires_action", &page, r#""2024-11-16T10:30:00Z""#);
    assert_eq!(
        made.body,
        format!(r#"{{"order_id":"{order}","approval_url":"{page}","transaction":{waiting}}}"#)
    );
    assert_eq!(world.tokens_left().await, 1_000_000);
    world.paypal.approve(&order);
    let paid = world.capture(&order).await;
    assert_eq!(
        (paid.status, paid.body),
        (200, shown("succeeded", "", "null"))
    );
    assert_eq!(
        world.capture(&order).await.body,
        shown("succeeded", "", "null")
    );
    assert_eq!(world.tokens_left().await, 1_740_740);
    assert_eq!(world.transaction(&id).await["fee"].to_string(), "3.98");
    world.adds_up().await;
}

async fn an_invoice_is_paid_at_paypal(backend: Backend) {
    let world = World::start(backend).await;
    let invoice = world.invoice().await;
    let made = world.try_order(&json!({"invoice_id": invoice}), "").await;
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    let order = made["order_id"].as_str().unwrap();
    world.paypal.approve(order);
    let paid = world.capture(order).await.json();
    assert_eq!(
        (&paid["kind"], &paid["status"], &paid["invoice_id"]),
        (
            &"invoice_payment".into(),
            &"succeeded".into(),
            &invoice.as_str().into()
        )
    );
    let path = format!("/v1/billing/invoices/{invoice}");
    let shown = world.alice.get(&path).await.json();
    assert_eq!(shown["status"], "paid");
    assert_eq!(shown["payment_method"], "paypal");
    assert_eq!(shown["transaction_id"], paid["id"]);
    assert_eq!(world.paypal.captured_total().to_string(), "30.00");
    let again = world.try_order(&json!({"invoice_id": invoice}), "").await;
    assert_eq!(World::refusal(&again), (400, "INVOICE_MOVE_NOT_ALLOWED"));
}

async fn an_order_is_made_once_per_request(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let first = world.try_order(&json!({"amount": 100}), "order-1").await;
    assert_eq!(
        world.try_order(&json!({"amount": 100}), "order-1").await,
        first
    );
    let other = world.try_order(&json!({"amount": 99}), "order-1").await;
    assert_eq!(World::refusal(&other), (409, "PAYMENT_REQUEST_CONFLICT"));
    let second = world.try_order(&json!({"amount": 100}), "order-2").await;
    assert_eq!(World::refusal(&second), (409, "PAYMENT_IN_FLIGHT"));
    let id = first.json()["transaction"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.paypal.orders_of(&id).len(), 1);
    // What is paid has nothing to approve any more.
    let order = first.json()["order_id"].as_str().unwrap().to_owned();
    world.paypal.approve(&order);
    world.capture(&order).await;
    let again = world
        .try_order(&json!({"amount": 100}), "order-1")
        .await
        .json();
    assert_eq!(again["approval_url"], "");
    assert_eq!(again["transaction"]["status"], "succeeded");
    world.adds_up().await;
}

async fn an_order_is_over_an_amount_or_an_invoice(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let id = "inv-00000000000000000000000000000000";
    let unknown = world.try_order(&json!({"invoice_id": id}), "").await;
    assert_refused(&unknown, 404, "INVOICE_NOT_FOUND", &[]);
    let both = json!({"amount": 100, "invoice_id": id});
    let both = world.try_order(&both, "").await;
    assert_refused(&both, 400, "INVALID_FIELD", &["invoice_id"]);
    let neither = world.try_order(&json!({}), "").await;
    assert_refused(&neither, 400, "INVALID_FIELD", &["amount"]);
    let wrong = json!({"amount": 1.001, "return_url": "http://shop.example", "cancel_url": ""});
    let wrong = world.try_order(&wrong, "").await;
    let fields = ["amount", "return_url", "cancel_url"];
    assert_refused(&wrong, 400, "INVALID_FIELD", &fields);
    for amount in ["0.99", "10000.01"] {
        let over: Value = serde_json::from_str(&format!(r#"{{"amount":{amount}}}"#)).unwrap();
        let refused = world.try_order(&over, "").await;
        assert_eq!(World::refusal(&refused), (400, "TOPUP_LIMIT"), "{amount}");
    }
    assert!(world.transactions("").await.is_empty());
    // The daily comparison may have asked what was charged.
    let mut calls = world.paypal.calls().into_iter();
    assert_eq!(calls.find(|call| call.contains("/v2/")), None);
}

async fn what_is_not_approved_is_not_captured(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.order("order-1").await;
    let waits = world.capture(&order).await;
    assert_eq!((waits.status, waits.json()), (200, transaction));
    world.adds_up().await;
    world.paypal.approve(&order);
    assert_eq!(world.capture(&order).await.json()["status"], "succeeded");
    world.adds_up().await;
}

async fn captures_at_once_take_the_money_once(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.approved("order-1").await;
    let path = format!("{ORDERS}/{order}/capture");
    let calls = (0..8).map(|_| {
        let (alice, path) = (world.alice.clone(), path.clone());
        tokio::spawn(async move { alice.post(&path, "{}").await })
    });
    let calls: Vec<_> = calls.collect();
    let event = world.paypal.order_event("CHECKOUT.ORDER.APPROVED", &order);
    assert_eq!(world.deliver(event).await.status, 200);
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let done = world.until(&transaction, "succeeded").await;
    assert_eq!(done["attention"], "");
    world.adds_up().await;
}

async fn a_buyer_who_closes_the_page_is_charged_all_the_same(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, told) = world.approved("order-1").await;
    let event = world.paypal.order_event("CHECKOUT.ORDER.APPROVED", &order);
    assert_eq!(world.deliver(event).await.status, 200);
    world.until(&told, "succeeded").await;
    world.adds_up().await;
    // Without a webhook too.
    let (_, found) = world.approved("order-2").await;
    world.advance("2024-11-15T10:30:10Z").await;
    world.until(&found, "succeeded").await;
    world.adds_up().await;
}

async fn an_approval_that_comes_too_late_moves_nothing(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.order("order-1").await;
    world.advance("2024-11-16T10:30:01Z").await;
    let failed = world.until(&transaction, "failed").await;
    assert_eq!(failed["failure_code"], "expired");
    assert_eq!(
        (&failed["next_action_url"], &failed["attention"]),
        (&"".into(), &"".into())
    );
    world.paypal.approve(&order);
    let event = world.paypal.order_event("CHECKOUT.ORDER.APPROVED", &order);
    assert_eq!(world.deliver(event).await.status, 200);
    let late = world.capture(&order).await;
    assert_eq!(World::refusal(&late), (400, "PAYMENT_DECLINED"));
    // The webhook has been looked into once what came after it is done.
    let (_, next) = world.approved("order-2").await;
    world.advance("2024-11-16T10:30:12Z").await;
    world.until(&next, "succeeded").await;
    assert_eq!(world.paypal.captured_total().to_string(), "100.00");
    world.adds_up().await;
}

async fn an_order_that_paypal_has_forgotten_fails_when_its_time_is_over(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.order("order-1").await;
    world.paypal.advance(TimeDelta::hours(7));
    let waits = world.capture(&order).await.json();
    assert_eq!(waits["status"], "requires_action");
    world.advance("2024-11-16T10:30:00Z").await;
    let failed = world.until(&transaction, "failed").await;
    assert_eq!(failed["attention"], "");
    world.adds_up().await;
}

async fn the_buyer_has_a_day_from_when_the_order_is_made(backend: Backend) {
    let world = World::with_buyer(backend).await;
    world.paypal.fail_next_writes(1, Fault::ServerError);
    world.try_order(&json!({"amount": 100}), "order-1").await;
    world.advance("2024-11-15T10:30:05Z").await;
    let (order, transaction) = world.order("order-1").await;
    assert_eq!(transaction["expires_at"], "2024-11-16T10:30:05Z");
    // The daily look is a little too early.
    let look = format!("GET /v2/checkout/orders/{order}");
    let looks = || {
        world
            .paypal
            .calls()
            .iter()
            .filter(|call| **call == look)
            .count()
    };
    let before = looks();
    world.advance("2024-11-16T10:30:04Z").await;
    world.eventually(|| looks() > before).await;
    world.advance("2024-11-16T10:30:05Z").await;
    let failed = world.until(&transaction, "failed").await;
    assert_eq!(failed["attention"], "");
    world.adds_up().await;
}

async fn money_that_stays_pending_counts_when_it_comes(backend: Backend) {
    let world = World::with_buyer(backend).await;
    for comes in [true, false] {
        let (order, _) = world.approved(&format!("order-{comes}")).await;
        world.paypal.next_capture(CaptureOutcome::Pending);
        let pending = world.capture(&order).await.json();
        assert_eq!(pending["status"], "pending");
        assert_eq!(
            (&pending["next_action_url"], &pending["expires_at"]),
            (&"".into(), &Value::Null)
        );
        assert_eq!(world.capture(&order).await.json(), pending);
        world.adds_up().await;
        let (kind, end) = if comes {
            world.paypal.complete_capture(&order);
            ("PAYMENT.CAPTURE.COMPLETED", "succeeded")
        } else {
            world.paypal.decline_capture(&order);
            ("PAYMENT.CAPTURE.DENIED", "failed")
        };
        let event = world.paypal.capture_event(kind, &order);
        assert_eq!(world.deliver(event).await.status, 200);
        world.until(&pending, end).await;
        world.adds_up().await;
    }
}

async fn a_declined_capture_is_told_and_never_tried_again(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.approved("order-1").await;
    let outcome = CaptureOutcome::Refused("INSTRUMENT_DECLINED");
    world.paypal.next_capture(outcome);
    let declined = world.capture(&order).await;
    assert_eq!(World::refusal(&declined), (400, "PAYMENT_DECLINED"));
    let failed = world.until(&transaction, "failed").await;
    assert_eq!(failed["failure_code"], "INSTRUMENT_DECLINED");
    // PayPal would take it now.
    assert_eq!(
        World::refusal(&world.capture(&order).await),
        (400, "PAYMENT_DECLINED")
    );
    world.adds_up().await;
    world.paid("order-2").await;
    world.adds_up().await;
}

async fn nobody_captures_the_order_of_another(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.approved("order-1").await;
    let mallory = user(&world.server, "mallory").await;
    let path = format!("{ORDERS}/{order}/capture");
    let not_theirs = mallory.post(&path, "{}").await;
    assert_eq!(World::refusal(&not_theirs), (404, "TRANSACTION_NOT_FOUND"));
    let named = format!(r#"{{"user_id":"{ALICE}"}}"#);
    let not_theirs = mallory.post(&path, &named).await;
    assert_eq!(World::refusal(&not_theirs), (403, "OTHER_USER"));
    let none = world.capture("5O190127TN364715T").await;
    assert_eq!(World::refusal(&none), (404, "TRANSACTION_NOT_FOUND"));
    world.adds_up().await;
    let by_operator = world.operator.post(&path, &named).await.json();
    assert_eq!(by_operator["id"], transaction["id"]);
    assert_eq!(by_operator["fee"].to_string(), "3.98");
    world.adds_up().await;
}

async fn one_invoice_has_one_checkout_at_a_time(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    let invoice = world.invoice().await;
    let path = format!("/v1/billing/invoices/{invoice}/pay");
    let over = json!({"invoice_id": invoice});
    let (card, order) = tokio::join!(
        world.alice.post(&path, "{}"),
        world.try_order(&over, "order-1")
    );
    let refused = [&card, &order]
        .into_iter()
        .filter(|answer| answer.status != 200)
        .map(World::refusal)
        .collect::<Vec<_>>();
    let in_the_way = [
        (409, "PAYMENT_IN_FLIGHT"),
        (400, "INVOICE_MOVE_NOT_ALLOWED"),
    ];
    assert!(
        refused.len() == 1 && in_the_way.contains(&refused[0]),
        "{refused:?}"
    );
    if order.status == 200 {
        let id = order.json()["order_id"].as_str().unwrap().to_owned();
        world.paypal.approve(&id);
        assert_eq!(world.capture(&id).await.json()["status"], "succeeded");
    }
    let paypal = world.paypal.captured_total().to_string();
    let received = (world.stripe.charged(), paypal.as_str());
    assert!(
        [(3_000, "0"), (0, "30.00")].contains(&received),
        "{received:?}"
    );
    let path = format!("/v1/billing/invoices/{invoice}");
    assert_eq!(world.alice.get(&path).await.json()["status"], "paid");
}
