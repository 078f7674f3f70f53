//! Tokens that are bought when few are left, and invoices that are collected.

use rstest::rstest;

use super::*;
use crate::{
    ids::{InvoiceId, PaymentMethodId, TransactionId},
    invoice::{Bill, InvoiceStatus},
    payment::{
        AutomaticPayments, Automation, CollectConsent, Consents, DEFAULT_RETRIES, Halt, NoTopup,
        Payer, Provider, TopupConsent, TopupLimits, Transaction, TransactionStatus,
    },
    subscription::SubscriptionState,
};

fn now() -> DateTime<Utc> {
    day("2024-11-15")
}

fn policy() -> AutomaticPayments {
    AutomaticPayments {
        provider: Provider::Stripe,
        is_live: false,
        least: money("0.5"),
        retries: DEFAULT_RETRIES.to_vec(),
        limits: TopupLimits {
            least: money("1"),
            most: money("10000"),
            per_day: 3,
            per_month: 10,
        },
    }
}

/// Who agreed to everything.
fn payer() -> Payer {
    let by = UserId::trusted("user-1".into());
    Payer {
        method_id: PaymentMethodId::new(uuid("m")),
        provider: Provider::Stripe,
        is_live: false,
        consents: Consents {
            topup: Some(TopupConsent {
                by: by.clone(),
                at: now(),
                threshold: 10_000,
                amount: money("100"),
            }),
            collect: Some(CollectConsent { by, at: now() }),
        },
    }
}

/// A user of Pro who has 10,000 tokens left.
fn at_threshold() -> Account {
    let mut account = account();
    subscribe(&mut account, "pro", now());
    account.state.auto_topup.threshold = 10_000;
    account.state.automation.payer = Some(payer());
    rate(&mut account, "r", now(), now(), 990_000);
    account.take_pending();
    account
}

fn bought(account: &mut Account, policy: &AutomaticPayments) -> Vec<Transaction> {
    account.top_up(policy, now());
    account.take_pending().transactions
}

#[test]
fn tokens_are_bought_once_when_few_are_left() {
    let mut account = at_threshold();
    let charges = bought(&mut account, &policy());
    let [charge] = charges.as_slice() else {
        panic!("{charges:?}");
    };
    assert_eq!(charge.amount, money("100"));
    // The plan of these tests gives nothing off: 100 / 0.00015.
    assert_eq!(charge.tokens, 666_666);
    assert!(charge.is_automatic);
    assert_eq!(charge.payment_method_id, Some(payer().method_id));
    assert_eq!(account.state.automation.topups.in_flight, Some(charge.id));
    assert_eq!(bought(&mut account, &policy()), []);
}

type Change = fn(&mut Account, &mut AutomaticPayments);

#[rstest]
#[case::enough_tokens(|a: &mut Account, _: &mut AutomaticPayments| a.state.topup_balance = 1)]
#[case::off(|a: &mut Account, _: &mut AutomaticPayments| a.state.auto_topup.enabled = false)]
#[case::more_than_agreed(|a: &mut Account, _: &mut AutomaticPayments| a.state.auto_topup.amount = money("101"))]
#[case::no_plan(|a: &mut Account, _: &mut AutomaticPayments| a.state.subscription = None)]
#[case::no_method(|a: &mut Account, _: &mut AutomaticPayments| a.state.automation = Automation::default())]
#[case::not_agreed(|a: &mut Account, _: &mut AutomaticPayments| a.state.automation.payer.as_mut().unwrap().consents.topup = None)]
#[case::real_money(|_: &mut Account, p: &mut AutomaticPayments| p.is_live = true)]
#[case::other_provider(|_: &mut Account, p: &mut AutomaticPayments| p.provider = Provider::Paypal)]
#[case::halted(|a: &mut Account, _: &mut AutomaticPayments| a.state.automation.topups.halt = Some(Halt::Declined))]
#[case::day_is_full(|_: &mut Account, p: &mut AutomaticPayments| p.limits.per_day = 0)]
fn nothing_is_bought_that_must_not_be(#[case] change: Change) {
    let (mut account, mut policy) = (at_threshold(), policy());
    change(&mut account, &mut policy);
    assert_eq!(bought(&mut account, &policy), []);
    assert_eq!(account.state.automation.topups.in_flight, None);
}

#[test]
fn what_keeps_tokens_from_being_bought_is_told_before_they_are_needed() {
    let mut account = at_threshold();
    account.state.topup_balance = 1_000_000;
    assert_eq!(account.why_no_topup(&policy(), now()), None);
    account
        .state
        .automation
        .topups
        .note_decided(TransactionId::new(uuid("t")));
    assert_eq!(account.why_no_topup(&policy(), now()), None);
    account.state.auto_topup.enabled = false;
    assert_eq!(account.why_no_topup(&policy(), now()), Some(NoTopup::Off));
}

#[rstest]
#[case::as_it_was(|_: &mut Account, _: &mut AutomaticPayments| {}, true)]
#[case::off(|a: &mut Account, _: &mut AutomaticPayments| a.state.auto_topup.enabled = false, false)]
#[case::amount(|a: &mut Account, _: &mut AutomaticPayments| a.state.auto_topup.amount = money("50"), false)]
#[case::disputed(|a: &mut Account, _: &mut AutomaticPayments| a.state.automation.topups.halt = Some(Halt::Disputed), false)]
#[case::method(
    |a: &mut Account, _: &mut AutomaticPayments| a.state.automation.payer.as_mut().unwrap().method_id = PaymentMethodId::new(uuid("n")),
    false
)]
fn the_last_look_finds_what_has_changed_since(#[case] change: Change, #[case] is_wanted: bool) {
    let mut account = at_threshold();
    let transaction = bought(&mut account, &policy()).remove(0);
    change(&mut account, &mut policy());
    let hand = in_hand(transaction, Vec::new());
    let wanted = account.still_wants(&hand, Some(&policy()), now());
    assert_eq!(wanted, Ok(is_wanted));
    let in_flight = account.state.automation.topups.in_flight;
    assert_eq!(in_flight.is_some(), is_wanted);
    assert_eq!(account.state.automation.topups.failures, 0);
}

fn in_hand(transaction: Transaction, invoices: Vec<Invoice>) -> PaymentInHand {
    PaymentInHand {
        transaction,
        invoices,
        topups: Vec::new(),
        has_other_disputes: false,
    }
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
    let mut invoice = Invoice::draft(Some(id), user, month("2024-10"), bill, now());
    invoice.status = InvoiceStatus::Issued;
    invoice.issued_at = Some(now());
    invoice
}

fn collect(account: &mut Account, invoices: &[Invoice], others: &[Transaction]) -> CollectionStep {
    let id = TransactionId::new(uuid("c"));
    let step = account.collect_invoices(id, invoices, others, &policy(), now());
    step.unwrap()
}

fn charged(step: CollectionStep) -> Transaction {
    match step {
        CollectionStep::Charge(transaction) => *transaction,
        other => panic!("{other:?}"),
    }
}

#[test]
fn small_invoices_wait_and_are_paid_together() {
    let mut account = at_threshold();
    let (small, next) = (invoice("a", "0.30"), invoice("b", "0.25"));
    let alone = collect(&mut account, std::slice::from_ref(&small), &[]);
    assert_eq!(alone, CollectionStep::Nothing);
    assert_eq!(account.state.automation.collecting.due_at, None);
    let together = charged(collect(&mut account, &[small, next], &[]));
    assert_eq!(together.amount, money("0.55"));
    assert_eq!(together.allocations.len(), 2);
}

#[test]
fn what_waits_for_the_user_is_ended_before_an_invoice_is_collected() {
    let mut account = at_threshold();
    let mut due = invoice("a", "5");
    let mut other = charged(collect(&mut account, std::slice::from_ref(&due), &[]));
    account.state.automation.collecting = crate::payment::Collecting::default();
    let others = std::slice::from_mut(&mut other);
    let waits = collect(&mut account, std::slice::from_ref(&due), others);
    assert_eq!(waits, CollectionStep::After(Vec::new()));
    others[0].status = TransactionStatus::RequiresAction;
    let waits = collect(&mut account, std::slice::from_ref(&due), others);
    assert_eq!(waits, CollectionStep::After(vec![others[0].id]));
    // What the payer's bank took back is not collected again.
    others[0].status = TransactionStatus::ChargedBack;
    let never = collect(&mut account, std::slice::from_ref(&due), others);
    assert_eq!(never, CollectionStep::Nothing);
    due.id = Some(InvoiceId::new(uuid("b")));
    let charge = charged(collect(&mut account, &[due], others));
    assert_eq!(charge.amount, money("5"));
}

#[rstest]
#[case::as_it_was(InvoiceStatus::Issued, "0", true)]
#[case::overdue(InvoiceStatus::Overdue, "0", true)]
#[case::paid(InvoiceStatus::Paid, "0", false)]
#[case::void(InvoiceStatus::Void, "0", false)]
#[case::credited(InvoiceStatus::Issued, "1", false)]
fn an_invoice_is_looked_at_once_more_before_money_moves(
    #[case] status: InvoiceStatus,
    #[case] noted: &str,
    #[case] is_wanted: bool,
) {
    let mut account = at_threshold();
    let mut due = invoice("a", "5");
    let charge = charged(collect(&mut account, std::slice::from_ref(&due), &[]));
    (due.status, due.credit_noted) = (status, money(noted));
    let hand = in_hand(charge, vec![due]);
    let wanted = account.still_wants(&hand, Some(&policy()), now());
    assert_eq!(wanted, Ok(is_wanted));
    let collecting = account.state.automation.collecting;
    assert_eq!(collecting.in_flight.is_some(), is_wanted);
    assert_eq!(collecting.due_at.is_some(), !is_wanted);
}

#[test]
fn after_the_last_try_the_subscription_is_past_due_until_everything_is_paid() {
    let mut account = at_threshold();
    let due = invoice("a", "5");
    let mut policy = policy();
    policy.retries.clear();
    let charge = charged(collect(&mut account, &[due], &[]));
    let failed = crate::payment::Effect::Failed(None);
    let noted = account.note_payment(&charge, &failed, Some(&policy), false, now());
    assert_eq!(noted, Ok(()));
    let state = |account: &Account| account.state.subscription.as_ref().unwrap().state;
    assert_eq!(state(&account), SubscriptionState::PastDue);
    assert!(account.awaits_payment());
    assert_eq!(account.pending().subscriptions.len(), 1);
    account.note_all_paid(now());
    assert_eq!(state(&account), SubscriptionState::Active);
    assert!(!account.awaits_payment());
}

#[test]
fn another_method_is_tried_at_once() {
    let mut account = at_threshold();
    account.state.automation.collecting.failures = 2;
    account.state.automation.topups.halt = Some(Halt::Declined);
    account.set_payer(None, now());
    assert_eq!(account.state.automation.payer, None);
    assert_eq!(account.state.automation.topups.halt, None);
    assert_eq!(account.state.automation.collecting.due_at, None);
}
