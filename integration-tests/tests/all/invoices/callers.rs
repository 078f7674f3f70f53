//! Who may make, read and change invoices.

use billing_proto::v1::{
    CloseMonthRequest, ReconcileMonthRequest, invoice_service_client::InvoiceServiceClient,
};
use integration_tests::{Backend, on_both_databases, server::bearer};
use tonic::Code;

use super::world::{ALICE, World};
use crate::support::{assert_refused, refusal, user};

on_both_databases!(
    users_have_their_own_invoices,
    others_invoices_are_refused,
    only_operators_change_invoices,
    only_operators_close_and_check_months,
);

const INVOICES: &str = "/v1/billing/invoices";
const NOVEMBER: &str = r#"{"billing_month":"2024-11"}"#;
const OF_ALICE: &str = r#"{"billing_month":"2024-11","user_id":"alice"}"#;

/// 1 December, with usage of alice in November.
async fn december(backend: Backend) -> World {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.use_gpt4("november", 500_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    world
}

async fn users_have_their_own_invoices(backend: Backend) {
    let world = december(backend).await;
    let alice = user(&world.server, ALICE).await;
    let made = alice.post(&format!("{INVOICES}/generate"), NOVEMBER).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let read = alice.get(&format!("{INVOICES}/{id}")).await;
    assert_eq!(read, made);
    let preview = format!("{INVOICES}/preview?billing_month=2024-11");
    assert_eq!(alice.get(&preview).await.status, 200);
    assert_eq!(alice.get(INVOICES).await.json()["total"], 1);

    let bob = user(&world.server, "bob").await;
    assert_eq!(bob.get(INVOICES).await.json()["total"], 0);
    for id in [id.as_str(), "inv-none"] {
        let read = bob.get(&format!("{INVOICES}/{id}")).await;
        assert_refused(&read, 404, "INVOICE_NOT_FOUND", &[]);
    }
    let made = bob.post(&format!("{INVOICES}/generate"), NOVEMBER).await;
    assert_refused(&made, 400, "INVOICE_NOTHING_TO_BILL", &[]);
}

async fn others_invoices_are_refused(backend: Backend) {
    let mut world = december(backend).await;
    let id = world.generate("2024-11").await.id;
    let preview = format!("{INVOICES}/preview?billing_month=2024-11&user_id=alice");
    for scope in ["", "usage:write"] {
        let bob = world.server.rest(&world.server.token("bob", scope).await);
        for path in [
            &format!("{INVOICES}?user_id=alice"),
            &format!("{INVOICES}/{id}?user_id=alice"),
            &preview,
        ] {
            assert_refused(&bob.get(path).await, 403, "OTHER_USER", &[]);
        }
        let made = bob.post(&format!("{INVOICES}/generate"), OF_ALICE).await;
        assert_refused(&made, 403, "OTHER_USER", &[]);
    }
    let nobody = world.server.rest("");
    assert_refused(&nobody.get(INVOICES).await, 401, "TOKEN_MISSING", &[]);
    assert_refused(&nobody.get(&preview).await, 401, "TOKEN_MISSING", &[]);
}

async fn only_operators_change_invoices(backend: Backend) {
    let mut world = december(backend).await;
    let invoice = world.generate("2024-11").await;
    for scope in ["", "usage:write"] {
        let alice = world.server.rest(&world.server.token(ALICE, scope).await);
        for (step, body) in [
            ("void", r#"{"reason":"too dear"}"#),
            ("mark-paid", r#"{"payment_method":"promise"}"#),
            ("finalise", "{}"),
            ("credit-notes", r#"{"amount":15.00}"#),
        ] {
            let path = format!("{INVOICES}/{}/{step}", invoice.id);
            let answer = alice.post(&path, body).await;
            assert_refused(&answer, 403, "SCOPE_MISSING", &[]);
        }
    }
    assert_eq!(world.again(&invoice).await, invoice);
}

async fn only_operators_close_and_check_months(backend: Backend) {
    let mut world = december(backend).await;
    let token = world.server.token(ALICE, "usage:write").await;
    let channel = world.server.channel().await;
    let mut alice = InvoiceServiceClient::with_interceptor(channel, bearer(&token));
    let month = "2024-11".to_owned();
    let request = CloseMonthRequest {
        month: month.clone(),
    };
    let closed = alice.close_month(request).await.map(drop);
    let checked = alice.reconcile_month(ReconcileMonthRequest { month }).await;
    for refused in [closed.unwrap_err(), checked.unwrap_err()] {
        let expected = (Code::PermissionDenied, "SCOPE_MISSING".to_owned(), vec![]);
        assert_eq!(refusal(&refused), expected);
    }
    assert!(world.numbers().await.is_empty());
}
