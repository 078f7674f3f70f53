//! What the provider's reports make of transactions.

mod charges;
mod refunds;
mod sweep;

use super::*;
use crate::{
    ids::{RequestId, TransactionId, UserId},
    money::Money,
    refusal::{RefundRefusal, Refusal},
    testing::*,
    usage::Fingerprint,
};

const NOW: &str = "2024-11-15T10:00:00Z";
const LATER: &str = "2024-11-15T11:00:00Z";

fn id(name: &str) -> TransactionId {
    TransactionId::new(uuid(name))
}

fn order(name: &str, kind: TransactionKind, amount: &str) -> NewTransaction {
    NewTransaction {
        id: id(name),
        user_id: UserId::parse("user-1").unwrap(),
        kind,
        provider: Provider::Stripe,
        amount: money(amount),
        payment_method_id: None,
        allocations: Vec::new(),
        tokens: 740_740,
        is_automatic: true,
        refund_of: None,
        request: None,
        is_live: false,
    }
}

/// A top-up of 100.00 that the provider has made a charge of.
fn topup() -> Transaction {
    let order = order("topup", TransactionKind::Topup, "100");
    let mut topup = Transaction::new(order, time(NOW));
    topup.provider_reference = Some("ch_1".into());
    topup
}

fn charge(status: ChargeStatus) -> Charge {
    Charge {
        reference: "ch_1".into(),
        transaction: Some(id("topup")),
        status,
        amount: money("100"),
        currency: "USD".into(),
        refunded: Money::ZERO,
        fee: None,
        dispute: None,
        is_live: false,
        created_at: time(NOW),
    }
}

fn declined(kind: DeclineKind) -> ChargeStatus {
    ChargeStatus::Declined(Decline {
        code: "card_declined".into(),
        message: "Your card was declined.".into(),
        kind,
    })
}

fn disputed(state: DisputeState, amount: &str) -> Charge {
    Charge {
        dispute: Some(Dispute {
            reference: "dp_1".into(),
            amount: money(amount),
            state,
        }),
        ..charge(ChargeStatus::Succeeded)
    }
}

/// The same top-up after a report.
fn after(status: ChargeStatus) -> Transaction {
    let mut topup = topup();
    let _ = topup.observe(&charge(status), time(NOW));
    topup
}

/// A refund of a part of the top-up.
fn refund(name: &str, amount: &str) -> Transaction {
    let order = NewTransaction {
        refund_of: Some(id("topup")),
        ..order(name, TransactionKind::Refund, amount)
    };
    Transaction::new(order, time(NOW))
}

fn report(name: &str, amount: &str, status: RefundStatus) -> RefundReport {
    RefundReport {
        reference: format!("re_{name}"),
        charge: Some("ch_1".into()),
        transaction: Some(id(name)),
        amount: money(amount),
        currency: "USD".into(),
        status,
        created_at: time(NOW),
    }
}

#[test]
fn kinds_read_back_as_written() {
    for kind in TransactionKind::ALL {
        assert_eq!(TransactionKind::named(kind.name()), Some(kind));
    }
    assert_eq!(TransactionKind::named("payment"), None);
}

#[test]
fn a_request_id_makes_one_transaction() {
    let mut topup = topup();
    let fingerprint = Fingerprint([1; 32]);
    let conflict = Err(Refusal::TransactionConflict);
    assert_eq!(topup.check_repeat(fingerprint), conflict);
    topup.request = Some(CallerRequest {
        id: RequestId::parse("call-1").unwrap(),
        fingerprint,
    });
    assert_eq!(topup.check_repeat(fingerprint), Ok(()));
    assert_eq!(topup.check_repeat(Fingerprint([2; 32])), conflict);
}

#[test]
fn nothing_else_pays_while_a_transaction_is_open() {
    let in_flight = Refusal::PaymentInFlight {
        what: "top-up".into(),
        transaction: id("topup"),
    };
    assert_eq!(topup().check_settled("top-up"), Err(in_flight.clone()));
    let waiting = after(ChargeStatus::NeedsUser(None));
    assert_eq!(waiting.check_settled("top-up"), Err(in_flight));
    let failed = after(declined(DeclineKind::Retryable));
    assert_eq!(failed.check_settled("top-up"), Ok(()));
}
