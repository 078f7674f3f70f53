use rstest::rstest;

use super::*;
use crate::{
    account::AccountState,
    ids::{InvoiceId, TransactionId, UserId},
    invoice::{Bill, InvoiceStatus},
    money::Rate,
    payment::{
        ChargeStatus, Decline, DeclineKind, Dispute, DisputeState, Provider, TransactionStatus,
    },
    testing::{day, money, month, uuid},
};

fn account() -> Account {
    Account::new(AccountState::new(UserId::trusted("user-1".into())))
}

fn new(name: &str) -> NewTransaction {
    NewTransaction {
        id: TransactionId::new(uuid(name)),
        user_id: UserId::trusted("user-1".into()),
        kind: TransactionKind::Topup,
        provider: Provider::Stripe,
        amount: money("100"),
        payment_method_id: None,
        allocations: Vec::new(),
        tokens: 1_000,
        is_automatic: false,
        refund_of: None,
        request: None,
        is_live: false,
    }
}

fn topup(name: &str) -> PaymentInHand {
    PaymentInHand {
        transaction: Transaction::new(new(name), day("2024-11-20")),
        invoices: Vec::new(),
        topups: Vec::new(),
        has_other_disputes: false,
    }
}

fn charge(of: &Transaction, status: ChargeStatus) -> Charge {
    Charge {
        reference: format!("pi-{}", of.id),
        transaction: Some(of.id),
        status,
        amount: of.amount,
        currency: "USD".into(),
        refunded: Money::ZERO,
        fee: None,
        dispute: None,
        is_live: false,
        created_at: day("2024-11-20"),
    }
}

fn disputed(of: &Transaction, state: DisputeState) -> Charge {
    Charge {
        dispute: Some(Dispute {
            reference: "dp-1".into(),
            amount: of.amount,
            state,
        }),
        ..charge(of, ChargeStatus::Succeeded)
    }
}

fn follow(account: &mut Account, hand: &mut PaymentInHand, charge: &Charge) {
    let topups = hand.topups.clone();
    drop(
        account
            .follow_charge(hand, charge, None, day("2024-11-20"))
            .unwrap(),
    );
    hand.topups = topups;
}

fn invoice(name: &str, amount: &str) -> Invoice {
    let bill = Bill {
        items: Vec::new(),
        amount: money(amount),
        discounts: Vec::new(),
        discount_amount: Money::ZERO,
        tax_rate: Rate::ZERO,
        tax_amount: Money::ZERO,
        final_amount: money(amount),
        credited: Money::ZERO,
        credited_tax: Money::ZERO,
    };
    let id = InvoiceId::new(uuid(name));
    let user = UserId::trusted("user-1".into());
    let mut invoice = Invoice::draft(Some(id), user, month("2024-10"), bill, day("2024-11-01"));
    invoice.status = InvoiceStatus::Issued;
    invoice
}

fn payment_of(account: &Account, invoice: &Invoice) -> PaymentInHand {
    let now = day("2024-11-20");
    let ordered = account.order_payment(new("p"), invoice, money("0.5"), &[], now);
    PaymentInHand {
        transaction: ordered.unwrap(),
        invoices: vec![invoice.clone()],
        topups: Vec::new(),
        has_other_disputes: false,
    }
}

#[test]
fn tokens_are_there_once_the_money_is_and_only_once() {
    let mut account = account();
    let mut hand = topup("t");
    let declined = ChargeStatus::Declined(Decline {
        code: "card_declined".into(),
        message: "The card was declined.".into(),
        kind: DeclineKind::Retryable,
    });
    for (status, balance) in [
        (ChargeStatus::Processing, 0),
        (declined, 0),
        (ChargeStatus::Succeeded, 1_000),
        (ChargeStatus::Succeeded, 1_000),
        (ChargeStatus::Cancelled, 1_000),
    ] {
        let charge = charge(&hand.transaction, status);
        follow(&mut account, &mut hand, &charge);
        assert_eq!(account.state.topup_balance, balance);
    }
    assert_eq!(hand.transaction.status, TransactionStatus::Succeeded);
}

#[rstest]
#[case::won(DisputeState::Won, 700, 0)]
#[case::lost(DisputeState::Lost, 0, 700)]
fn a_dispute_freezes_what_is_unused_until_it_is_settled(
    #[case] end: DisputeState,
    #[case] balance: i64,
    #[case] taken_back: i64,
) {
    let mut account = account();
    let mut hand = topup("t");
    let paid = charge(&hand.transaction, ChargeStatus::Succeeded);
    follow(&mut account, &mut hand, &paid);
    account.state.topup_balance -= 300;
    hand.topups = vec![hand.transaction.clone()];
    let open = disputed(&hand.transaction, DisputeState::Open);
    follow(&mut account, &mut hand, &open);
    assert_eq!(account.state.topup_balance, 0);
    assert_eq!(hand.transaction.tokens_gone.frozen, 700);
    let settled = disputed(&hand.transaction, end);
    follow(&mut account, &mut hand, &settled);
    assert_eq!(account.state.topup_balance, balance);
    let gone = hand.transaction.tokens_gone;
    assert_eq!((gone.frozen, gone.taken_back), (0, taken_back));
}

#[test]
fn a_payment_pays_its_invoice_and_a_lost_dispute_has_it_asked_for_again() {
    let mut account = account();
    let mut hand = payment_of(&account, &invoice("i", "40"));
    let paid = charge(&hand.transaction, ChargeStatus::Succeeded);
    follow(&mut account, &mut hand, &paid);
    let id = hand.transaction.id.to_string();
    assert_eq!(hand.invoices[0].status, InvoiceStatus::Paid);
    assert_eq!(hand.invoices[0].transaction_id, Some(id));
    assert_eq!(hand.invoices[0].payment_method.as_deref(), Some("stripe"));
    let lost = disputed(&hand.transaction, DisputeState::Lost);
    follow(&mut account, &mut hand, &lost);
    assert_eq!(hand.transaction.status, TransactionStatus::ChargedBack);
    assert_eq!(hand.invoices[0].status, InvoiceStatus::Issued);
    assert_eq!(hand.invoices[0].amount_due(), Ok(money("40")));
    assert_eq!(account.state.credit_balance, Money::ZERO);
}

#[test]
fn money_for_an_invoice_that_asks_no_more_is_credit() {
    let mut account = account();
    let mut hand = payment_of(&account, &invoice("i", "40"));
    let by_hand = Payment {
        method: "bank transfer".into(),
        transaction_id: None,
    };
    hand.invoices[0].pay(by_hand, day("2024-11-20")).unwrap();
    let paid = charge(&hand.transaction, ChargeStatus::Succeeded);
    follow(&mut account, &mut hand, &paid);
    assert_eq!(account.state.credit_balance, money("40"));
    assert_eq!(hand.transaction.allocations, []);
    assert!(hand.transaction.attention.is_some());
    let method = hand.invoices[0].payment_method.as_deref();
    assert_eq!(method, Some("bank transfer"));
}

#[test]
fn one_invoice_has_one_payment_under_way() {
    let account = account();
    let (first, second) = (invoice("i", "40"), invoice("j", "40"));
    let open = [payment_of(&account, &first).transaction];
    let order = |invoice, least: &str| {
        let now = day("2024-11-20");
        account.order_payment(new("q"), invoice, money(least), &open, now)
    };
    let refused = order(&first, "0.5");
    assert!(matches!(refused, Err(Refusal::PaymentInFlight { .. })));
    assert_eq!(order(&second, "0.5").unwrap().amount, money("40"));
    assert!(matches!(order(&second, "40.01"), Err(Refusal::Field(_))));
    let mut void = second.clone();
    void.status = InvoiceStatus::Void;
    let refused = order(&void, "0.5");
    assert!(matches!(refused, Err(Refusal::InvoiceTransition { .. })));
}
