//! What documents say of their parties and of tax.

use billing_core::{
    document::{DocumentOptions, Seller, TaxExemption},
    refusal::Refusal,
};
use billing_store::StoreError;
use test_postgres::{Backend, on_both_databases};

use super::world::{credit, issue, name};
use crate::support::{TestStore, taxed, user};

on_both_databases!(
    a_document_says_what_was_so_when_it_was_issued,
    reverse_charge_and_the_tax_id_stand_and_fall_together,
);

fn seller() -> DocumentOptions {
    DocumentOptions {
        seller: Seller {
            name: "Oblivious AI".to_owned(),
            address: "1 Street\nTown".to_owned(),
            country: "DE".to_owned(),
            tax_id: "DE9".to_owned(),
            registration: "HRB 1".to_owned(),
            footer: "Thank you".to_owned(),
        },
        ..DocumentOptions::default()
    }
}

async fn a_document_says_what_was_so_when_it_was_issued(backend: Backend) {
    let store = TestStore::open_with(backend, seller()).await;
    name(&store, "Alice", "GB1").await.unwrap();
    let mut tax = taxed("0.2");
    tax.exemption = Some(TaxExemption::ReverseCharge);
    store.store.set_tax(user("alice"), tax).await.unwrap();
    let invoice = issue(&store, "alice").await;
    let snapshot = invoice.snapshot.clone().unwrap();
    assert_eq!(snapshot.seller, seller().seller);
    let buyer = &snapshot.buyer;
    assert_eq!(
        (buyer.name.as_str(), buyer.country.as_str()),
        ("Alice", "GB")
    );
    assert_eq!(
        (buyer.tax_id.as_str(), buyer.language.code()),
        ("GB1", "zh")
    );
    assert_eq!(snapshot.exemption, Some(TaxExemption::ReverseCharge));
    assert_eq!(snapshot.tax_note, "反向征税：税款由购买方缴纳。");
    assert_eq!(invoice.billing_address, "Home of Alice");
    name(&store, "Alice Ltd", "GB2").await.unwrap();
    store
        .store
        .set_tax(user("alice"), taxed("0.2"))
        .await
        .unwrap();
    let stored = store.store.invoice(user("alice"), invoice.id.unwrap());
    assert_eq!(stored.await.unwrap(), invoice);
    // What is issued now names today's buyer, and taxes as the invoice did.
    let note = credit(&store, &invoice, "1").await.unwrap();
    assert_eq!(note.snapshot.buyer.name, "Alice Ltd");
    assert_eq!(note.snapshot.exemption, Some(TaxExemption::ReverseCharge));
}

async fn reverse_charge_and_the_tax_id_stand_and_fall_together(backend: Backend) {
    let store = TestStore::open(backend).await;
    let mut tax = taxed("0.2");
    tax.exemption = Some(TaxExemption::ReverseCharge);
    let at_fault = |refused: StoreError| match refused {
        StoreError::Rejected(Refusal::Field(violation)) => violation.field,
        other => panic!("{other}"),
    };
    let refused = store.store.set_tax(user("alice"), tax).await.unwrap_err();
    assert_eq!(at_fault(refused), "exemption");
    name(&store, "Alice", "GB1").await.unwrap();
    store.store.set_tax(user("alice"), tax).await.unwrap();
    let refused = name(&store, "Alice", "").await.unwrap_err();
    assert_eq!(at_fault(refused), "tax_id");
    let account = store.store.account(user("alice")).await.unwrap();
    assert_eq!(account.state.tax, tax);
    store
        .store
        .set_tax(user("alice"), taxed("0.2"))
        .await
        .unwrap();
    name(&store, "Alice", "").await.unwrap();
}
