//! Payments: what is charged for, and what comes of it (contract, chapter 11).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    event::{EventData, InvoiceEvent, PaymentEvent},
    ids::TransactionId,
    invoice::{Invoice, Payment},
    money::{Money, NumberError},
    payment::{
        Allocation, AutomaticPayments, CallerRequest, Charge, Effect, NewTransaction, Observation,
        Purchase, Purchases, RefundReport, TakenBack, TokensGone, TopupLimits, Transaction,
        TransactionKind, settle,
    },
    refusal::{RefundRefusal, Refusal},
};

/// A transaction with what its effects change beside the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentInHand {
    /// The transaction.
    pub transaction: Transaction,
    /// The invoices that it pays.
    pub invoices: Vec<Invoice>,
    /// The user's top-ups whose money has arrived, oldest first; empty when not needed.
    pub topups: Vec<Transaction>,
    /// Whether the user's bank disputes other payments; `false` when not needed.
    pub has_other_disputes: bool,
}

/// A payment that is given back, in part or in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundInHand {
    /// The payment.
    pub payment: Transaction,
    /// Its refunds.
    pub refunds: Vec<Transaction>,
    /// The user's top-ups whose money has arrived, oldest first; empty when the payment is none.
    pub topups: Vec<Transaction>,
}

/// A refund to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// The id of its transaction.
    pub id: TransactionId,
    /// How much, in USD and whole cents; `None` for all that can be given back.
    pub amount: Option<Money>,
    /// The caller's id of the call.
    pub request: Option<CallerRequest>,
}

impl PaymentInHand {
    /// Whether what the provider says may change what is left of the user's purchases.
    #[must_use]
    pub fn needs_topups(transaction: &Transaction, charge: &Charge) -> bool {
        transaction.kind == TransactionKind::Topup && charge.dispute.is_some()
    }

    /// Whether every invoice still asks for what is charged for it.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub(super) fn is_asked_for(&self) -> Result<bool, NumberError> {
        for part in &self.transaction.allocations {
            let mut invoices = self.invoices.iter();
            let invoice = invoices.find(|invoice| invoice.id == Some(part.invoice_id));
            let asked = invoice.map_or(Ok(Money::ZERO), Invoice::amount_due)?;
            if asked != part.amount {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Account {
    /// The transaction of a top-up of an amount in USD. `order` says who pays and how; its amount
    /// and tokens are set here. `others` are the user's transactions that are still open.
    ///
    /// # Errors
    /// When the amount is not allowed, the plan sells no tokens for it, or another top-up is under
    /// way.
    pub fn order_topup(
        &mut self,
        order: NewTransaction,
        amount: Money,
        limits: &TopupLimits,
        others: &[Transaction],
        now: DateTime<Utc>,
    ) -> Result<Transaction, Refusal> {
        let terms = self.state.subscription.as_ref().map(|live| live.terms());
        let bought = limits.order(amount, self.state.tax.charged(), terms)?;
        let topups = others.iter().filter(|of| of.kind == TransactionKind::Topup);
        for other in topups {
            other.check_settled("a top-up")?;
        }
        let order = NewTransaction {
            kind: TransactionKind::Topup,
            amount: bought.amount,
            tokens: bought.tokens,
            ..order
        };
        self.state.automation.topups.note_decided(order.id);
        self.pending.note_all();
        Ok(Transaction::new(order, now))
    }

    /// The transaction that pays what an invoice asks for. `order` says who pays and how; its
    /// amount is set here. `others` are the user's transactions that are still open, and `least`
    /// USD is what the provider charges at least.
    ///
    /// # Errors
    /// When nothing is to be paid, less than the provider charges, or another payment of it is
    /// under way.
    pub fn order_payment(
        &self,
        order: NewTransaction,
        invoice: &Invoice,
        least: Money,
        others: &[Transaction],
        now: DateTime<Utc>,
    ) -> Result<Transaction, Refusal> {
        let invoice_id = invoice.check_payable()?;
        let amount = invoice.amount_due()?;
        if amount < least {
            let description = format!("asks for less than {} USD", least.digits(2));
            return Err(Refusal::field("invoice_id", description));
        }
        for other in others.iter().filter(|of| of.pays(invoice_id)) {
            other.check_settled(&format!("invoice \"{invoice_id}\""))?;
        }
        let order = NewTransaction {
            kind: TransactionKind::InvoicePayment,
            amount,
            allocations: vec![Allocation { invoice_id, amount }],
            ..order
        };
        Ok(Transaction::new(order, now))
    }

    /// Follows what the provider says of a charge, with all that comes of it: tokens, paid
    /// invoices, credit, and what is done by itself next, as the operator's `policy` has it.
    ///
    /// # Errors
    /// When an amount does not fit; then nothing may be stored.
    pub fn follow_charge(
        &mut self,
        hand: &mut PaymentInHand,
        charge: &Charge,
        policy: Option<&AutomaticPayments>,
        now: DateTime<Utc>,
    ) -> Result<Observation, Refusal> {
        let was_made = hand.transaction.provider_reference.is_some();
        let observation = hand.transaction.observe(charge, now);
        let is_made = hand.transaction.provider_reference.is_some();
        if hand.transaction.kind == TransactionKind::Topup && is_made && !was_made {
            self.note_sent(&hand.transaction, now);
        }
        for effect in &observation.effects {
            let has_others = hand.has_other_disputes;
            self.note_payment(&hand.transaction, effect, policy, has_others, now)?;
            match hand.transaction.kind {
                TransactionKind::Topup => self.follow_topup(hand, effect)?,
                TransactionKind::InvoicePayment => self.follow_payment(hand, effect, now)?,
                TransactionKind::Refund => {}
            }
        }
        self.tell_of_payment(&hand.transaction, &observation);
        Ok(observation)
    }

    /// Tells the world what was observed of a transaction.
    pub(super) fn tell_of_payment(&mut self, transaction: &Transaction, observed: &Observation) {
        for event in observed.effects.iter().filter_map(PaymentEvent::of) {
            self.tell(EventData::Payment(event, Arc::new(transaction.clone())));
        }
    }

    /// Reserves a refund of a payment: its tokens can be used no more. Answers its transaction.
    ///
    /// # Errors
    /// [`Refusal::PaymentNotRefundable`] with the reason.
    pub fn order_refund(
        &mut self,
        hand: &mut RefundInHand,
        order: RefundOrder,
        now: DateTime<Utc>,
    ) -> Result<Transaction, Refusal> {
        let payment = &hand.payment;
        let left = payment.refundable(&hand.refunds)?;
        let mut taken = TakenBack {
            amount: order.amount.unwrap_or(left),
            tokens: 0,
            shortfall: 0,
        };
        if payment.kind == TransactionKind::Topup {
            taken =
                self.change_purchases(hand, |purchases, id| purchases.refund(id, order.amount))?;
        } else if taken.amount > left {
            let reason = RefundRefusal::MoreThanLeft(left);
            let id = payment.id;
            return Err(Refusal::PaymentNotRefundable { id, reason });
        }
        let payment = &hand.payment;
        let new = NewTransaction {
            id: order.id,
            user_id: payment.user_id.clone(),
            kind: TransactionKind::Refund,
            provider: payment.provider,
            amount: taken.amount,
            payment_method_id: payment.payment_method_id,
            allocations: Vec::new(),
            tokens: 0,
            is_automatic: false,
            refund_of: Some(payment.id),
            request: order.request,
            is_live: payment.is_live,
        };
        let mut refund = Transaction::new(new, now);
        refund.tokens_gone = gone(&taken);
        hand.refunds.push(refund.clone());
        Ok(refund)
    }

    /// Takes in a refund that somebody has made at the provider's own site, and answers its
    /// transaction.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn find_refund(
        &mut self,
        hand: &mut RefundInHand,
        id: TransactionId,
        report: &RefundReport,
        now: DateTime<Utc>,
    ) -> Result<Transaction, Refusal> {
        let mut refund = hand.payment.refund_from_site(id, report, now);
        if hand.payment.kind == TransactionKind::Topup {
            let taken = self.change_purchases(hand, |purchases, id| {
                purchases.refund_made(id, report.amount)
            })?;
            refund.tokens_gone = gone(&taken);
        }
        hand.refunds.push(refund.clone());
        Ok(refund)
    }

    /// Follows what became of a refund, which is among those in hand: `moved` moves it on. The
    /// payment stands as its refunds say.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn follow_refund(
        &mut self,
        hand: &mut RefundInHand,
        id: TransactionId,
        moved: impl FnOnce(&mut Transaction) -> Observation,
        now: DateTime<Utc>,
    ) -> Result<Observation, Refusal> {
        let mut refunds = hand.refunds.iter_mut();
        let refund = refunds.find(|refund| refund.id == id);
        let refund = refund.ok_or_else(|| Refusal::TransactionNotFound(id.to_string()))?;
        let observation = moved(refund);
        let taken = TakenBack {
            amount: refund.amount,
            tokens: refund.tokens_gone.taken_back,
            shortfall: refund.tokens_gone.shortfall,
        };
        let ended = |effect: &Effect| matches!(effect, Effect::RefundFailed | Effect::Failed(_));
        let has_failed = observation.effects.iter().any(ended);
        let refund = refund.clone();
        if has_failed && hand.payment.kind == TransactionKind::Topup {
            self.change_purchases(hand, |purchases, id| {
                purchases.refund_failed(id, &taken).map(|()| taken)
            })?;
        }
        drop(hand.payment.settle_refunds(&hand.refunds, now)?);
        self.tell_of_payment(&refund, &observation);
        Ok(observation)
    }

    /// Changes what is left of the payment in hand, a top-up, and the balance with it.
    fn change_purchases(
        &mut self,
        hand: &mut RefundInHand,
        change: impl FnOnce(&mut Purchases, TransactionId) -> Result<TakenBack, Refusal>,
    ) -> Result<TakenBack, Refusal> {
        let id = hand.payment.id;
        let reserved = hand.payment.reserved(&hand.refunds)?;
        let topups = hand.topups.iter().map(|topup| Purchase {
            refunded: if topup.id == id {
                reserved
            } else {
                topup.refunded_amount
            },
            ..Purchase::of(topup)
        });
        let mut purchases = Purchases::new(self.state.topup_balance, topups.collect());
        let taken = change(&mut purchases, id)?;
        let mut list = purchases.list().iter();
        if let Some(purchase) = list.find(|purchase| purchase.id == id) {
            hand.payment.tokens_gone = purchase.gone();
        }
        self.state.topup_balance = purchases.balance();
        self.pending.note_all();
        Ok(taken)
    }

    fn follow_topup(&mut self, hand: &mut PaymentInHand, effect: &Effect) -> Result<(), Refusal> {
        let (id, status) = (hand.transaction.id, hand.transaction.status);
        let mut purchases = self.purchases(hand);
        match effect {
            Effect::Credit | Effect::LateSuccess => {
                let tokens = hand.transaction.tokens;
                let balance = self.state.topup_balance.max(0);
                self.state.topup_balance = balance.saturating_add(tokens);
                self.pending.note_all();
                return Ok(());
            }
            Effect::Frozen(disputed) => drop(purchases.freeze(id, *disputed)?),
            Effect::Unfrozen => drop(purchases.unfreeze(id, status)?),
            Effect::ChargedBack(disputed) => drop(purchases.charge_back(id, *disputed)?),
            _ => return Ok(()),
        }
        let mut list = purchases.list().iter();
        if let Some(purchase) = list.find(|purchase| purchase.id == id) {
            hand.transaction.tokens_gone = purchase.gone();
        }
        self.state.topup_balance = purchases.balance();
        self.pending.note_all();
        Ok(())
    }

    /// The user's purchases, of which the one in hand may have changed.
    fn purchases(&self, hand: &PaymentInHand) -> Purchases {
        let topups = hand.topups.iter().map(|topup| {
            if topup.id == hand.transaction.id {
                Purchase::of(&hand.transaction)
            } else {
                Purchase::of(topup)
            }
        });
        Purchases::new(self.state.topup_balance, topups.collect())
    }

    fn follow_payment(
        &mut self,
        hand: &mut PaymentInHand,
        effect: &Effect,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        match effect {
            Effect::Credit | Effect::LateSuccess => self.settle_invoices(hand, now),
            Effect::ChargedBack(_) => {
                let id = hand.transaction.id.to_string();
                let mut invoices = hand.invoices.iter_mut();
                invoices
                    .by_ref()
                    .filter(|invoice| invoice.transaction_id.as_ref() == Some(&id))
                    .try_for_each(|invoice| invoice.charge_back(now))
            }
            _ => Ok(()),
        }
    }

    /// Has what arrived pay the invoices that still ask for it. The rest is the user's credit.
    fn settle_invoices(
        &mut self,
        hand: &mut PaymentInHand,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let mut asked = Vec::with_capacity(hand.invoices.len());
        for invoice in &hand.invoices {
            asked.push((invoice.id, invoice.amount_due()?));
        }
        let transaction = &mut hand.transaction;
        let settled = settle(transaction.amount, &transaction.allocations, |id| {
            let mut asked = asked.iter();
            let found = asked.find(|(of, _)| *of == Some(id));
            found.map_or(Money::ZERO, |(_, amount)| *amount)
        })?;
        let mut told = Vec::with_capacity(settled.paid.len());
        for part in &settled.paid {
            let mut invoices = hand.invoices.iter_mut();
            if let Some(invoice) = invoices.find(|invoice| invoice.id == Some(part.invoice_id)) {
                let payment = Payment {
                    method: transaction.provider.name().to_owned(),
                    transaction_id: Some(transaction.id.to_string()),
                };
                invoice.pay(payment, now)?;
                let paid = EventData::Invoice(InvoiceEvent::Paid, Arc::new(invoice.clone()));
                told.push(paid);
            }
        }
        transaction.allocations = settled.paid;
        if let Some(reason) = settled.attention {
            drop(transaction.note_attention(&reason, now));
            let credit = &mut self.state.credit_balance;
            *credit = credit.plus(settled.to_credit)?;
        }
        for event in told {
            self.tell(event);
        }
        self.pending.note_all();
        Ok(())
    }
}

const fn gone(taken: &TakenBack) -> TokensGone {
    TokensGone {
        taken_back: taken.tokens,
        frozen: 0,
        shortfall: taken.shortfall,
    }
}

#[cfg(test)]
mod tests;
