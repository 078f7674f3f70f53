//! The client against a strict fake of PayPal.

mod faults;
mod orders;
mod refunds;
mod strict;
mod webhooks;

use std::time::Duration;

use billing_core::{ids::TransactionId, money::Money};
use integration_tests::paypal::{CLIENT_ID, CLIENT_SECRET, FakePaypal, WEBHOOK_ID};
use rustls_pki_types::CertificateDer;

use super::{PaypalClient, PaypalSettings, SettingsError};
use crate::payments::provider::{ChargeOrder, Payer, ProviderClient, RefundOrder};

/// The transaction of a payment.
const PAYMENT: &str = "txn-61000000000000000000000000000000";
/// The transaction of a refund.
const REFUND: &str = "txn-62000000000000000000000000000000";

fn settings(base: &str, root: Vec<u8>) -> PaypalSettings {
    PaypalSettings {
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        webhook_id: WEBHOOK_ID.to_owned(),
        api_base: base.to_owned(),
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        trust_roots: vec![CertificateDer::from(root)],
    }
}

async fn paypal() -> (FakePaypal, PaypalClient) {
    let fake = FakePaypal::start().await;
    let client = PaypalClient::new(settings(fake.base(), fake.trust_root())).unwrap();
    (fake, client)
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn id(text: &str) -> TransactionId {
    text.parse().unwrap()
}

fn order(amount: &str) -> ChargeOrder {
    ChargeOrder {
        transaction: id(PAYMENT),
        amount: money(amount),
        description: "Oblivious AI Credits".to_owned(),
        payer: Payer::Approves {
            return_url: "https://shop.example/back".to_owned(),
            cancel_url: "https://shop.example/no".to_owned(),
        },
    }
}

fn refund(charge: &str, amount: &str) -> RefundOrder {
    RefundOrder {
        transaction: id(REFUND),
        charge: charge.to_owned(),
        amount: money(amount),
    }
}

/// An order that is made.
async fn made(client: &PaypalClient, amount: &str) -> String {
    let made = client.create_charge("c1", &order(amount)).await.unwrap();
    made.charge.reference
}

/// An order that is paid.
async fn paid(fake: &FakePaypal, client: &PaypalClient, amount: &str) -> String {
    let reference = made(client, amount).await;
    fake.approve(&reference);
    client
        .confirm_charge("m1", &reference, false)
        .await
        .unwrap();
    reference
}

#[test]
fn only_one_host_moves_real_money() {
    for (base, is_live) in [
        ("https://api-m.paypal.com", true),
        ("https://api-m.sandbox.paypal.com", false),
        ("http://127.0.0.1:9", false),
    ] {
        let mut settings = settings(base, Vec::new());
        settings.trust_roots.clear();
        assert_eq!(PaypalClient::new(settings).unwrap().is_live(), is_live);
    }
}

#[test]
fn secrets_go_to_no_address_where_others_read_them() {
    for base in ["http://api-m.paypal.com", "ftp://127.0.0.1", "paypal"] {
        let client = PaypalClient::new(settings(base, Vec::new()));
        assert!(matches!(client.err(), Some(SettingsError::ApiBase)));
    }
}

#[test]
fn a_trust_root_has_to_be_a_certificate() {
    let client = PaypalClient::new(settings("https://api-m.paypal.com", vec![7]));
    assert!(matches!(client.err(), Some(SettingsError::TrustRoot(_))));
}
