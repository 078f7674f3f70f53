//! Payments: what is charged for, and what comes of it (contract, chapter 12).

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    invoice::{Invoice, Payment},
    money::Money,
    payment::{
        Allocation, Charge, Effect, NewTransaction, Observation, Purchase, Purchases, TopupLimits,
        Transaction, TransactionKind, settle,
    },
    refusal::Refusal,
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
}

impl PaymentInHand {
    /// Whether what the provider says may change what is left of the user's purchases.
    #[must_use]
    pub fn needs_topups(transaction: &Transaction, charge: &Charge) -> bool {
        transaction.kind == TransactionKind::Topup && charge.dispute.is_some()
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
        &self,
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
        let pays_it = |of: &&Transaction| {
            let mut allocations = of.allocations.iter();
            allocations.any(|part| part.invoice_id == invoice_id)
        };
        for other in others.iter().filter(pays_it) {
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
    /// invoices, credit.
    ///
    /// # Errors
    /// When an amount does not fit; then nothing may be stored.
    pub fn follow_charge(
        &mut self,
        hand: &mut PaymentInHand,
        charge: &Charge,
        now: DateTime<Utc>,
    ) -> Result<Observation, Refusal> {
        let observation = hand.transaction.observe(charge, now);
        for effect in &observation.effects {
            match hand.transaction.kind {
                TransactionKind::Topup => self.follow_topup(hand, effect)?,
                TransactionKind::InvoicePayment => self.follow_payment(hand, effect, now)?,
                TransactionKind::Refund => {}
            }
        }
        Ok(observation)
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
        for part in &settled.paid {
            let mut invoices = hand.invoices.iter_mut();
            if let Some(invoice) = invoices.find(|invoice| invoice.id == Some(part.invoice_id)) {
                let payment = Payment {
                    method: transaction.provider.name().to_owned(),
                    transaction_id: Some(transaction.id.to_string()),
                };
                invoice.pay(payment, now)?;
            }
        }
        transaction.allocations = settled.paid;
        if let Some(reason) = settled.attention {
            drop(transaction.note_attention(&reason, now));
            let credit = &mut self.state.credit_balance;
            *credit = credit.plus(settled.to_credit)?;
        }
        self.pending.note_all();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
