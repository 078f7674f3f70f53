//! Payments that nobody asks for one by one: tokens that are bought when few are left, and invoices
//! that are collected (contract, chapter 11).

use chrono::{DateTime, TimeDelta, Utc};

use super::{Account, PaymentInHand};
use crate::{
    event::SubscriptionEvent,
    ids::TransactionId,
    invoice::Invoice,
    money::Money,
    payment::{
        AutomaticPayments, AutomaticTopup, Collectible, Consents, DeclineKind, Effect,
        NewTransaction, NoTopup, Observation, Payer, PaymentMethod, TopupOrder, Transaction,
        TransactionKind, TransactionStatus, collect,
    },
    refusal::Refusal,
    subscription::SubscriptionTransition,
};

/// How long other payments of an invoice have before it is looked at again.
const WAIT_FOR_OTHERS: TimeDelta = TimeDelta::minutes(1);

/// What is done about invoices whose turn it is to be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectionStep {
    /// Nothing is to be collected now.
    Nothing,
    /// Other payments of them may still succeed. Those that wait for the user are ended first.
    After(Vec<TransactionId>),
    /// They are charged.
    Charge(Box<Transaction>),
}

impl Account {
    /// Buys tokens if usage has left so few that the user wants more. The charge has the id of the
    /// record that came last, which nothing else is bought for.
    pub fn top_up(&mut self, policy: &AutomaticPayments, now: DateTime<Utc>) {
        let left = self.state.tokens_remaining();
        let Ok(order) = self.automatic_topup(policy, left, now) else {
            return;
        };
        let payer = self.state.automation.payer_of(policy);
        let Some((payer, record)) = payer.zip(self.state.last_record_id) else {
            return;
        };
        let new = NewTransaction {
            kind: TransactionKind::Topup,
            amount: order.amount,
            tokens: order.tokens,
            ..self.automatic(TransactionId::new(record.uuid()), payer)
        };
        self.state.automation.topups.note_decided(new.id);
        self.pending.transactions.push(Transaction::new(new, now));
        self.pending.note_all();
    }

    /// Why no tokens would be bought by themselves at the threshold; `None` when they would.
    #[must_use]
    pub fn why_no_topup(&self, policy: &AutomaticPayments, now: DateTime<Utc>) -> Option<NoTopup> {
        let threshold = self.state.auto_topup.threshold;
        let decided = self.automatic_topup(policy, threshold, now);
        let reason = decided.err();
        reason.filter(|reason| !matches!(reason, NoTopup::InFlight(_)))
    }

    fn automatic_topup(
        &self,
        policy: &AutomaticPayments,
        tokens_left: i64,
        now: DateTime<Utc>,
    ) -> Result<TopupOrder, NoTopup> {
        let state = &self.state;
        let payer = state.automation.payer_of(policy);
        let question = AutomaticTopup {
            settings: state.auto_topup,
            consent: payer.and_then(|payer| payer.consents.topup.as_ref()),
            has_method: payer.is_some(),
            terms: state.subscription.as_ref().map(|live| live.terms()),
            tax_rate: state.tax.charged(),
            tokens_left,
            state: &state.automation.topups,
        };
        policy.limits.decide(&question, now)
    }

    /// The default method has changed, or what the user agreed to: what failed before counts no
    /// more.
    pub fn set_payer(&mut self, method: Option<&PaymentMethod>, now: DateTime<Utc>) {
        let payer = method.map(Payer::from);
        let automation = &mut self.state.automation;
        if automation.payer == payer {
            return;
        }
        let collects = |payer: &Payer| payer.consents.collect.is_some();
        automation.topups.resume();
        if payer.as_ref().is_some_and(collects) {
            automation.collecting.resume(now);
        } else {
            automation.collecting.note_nothing();
        }
        automation.payer = payer;
        self.pending.note_all();
    }

    /// Keeps what the user agreed to while a method is being saved; it counts instead of what was
    /// agreed to before.
    pub fn promise(&mut self, consents: Consents) {
        self.state.automation.promised = consents;
        self.pending.note_all();
    }

    /// Hands over what the user agreed to, for the method that is saved now.
    pub fn take_promised(&mut self) -> Consents {
        self.pending.note_all();
        std::mem::take(&mut self.state.automation.promised)
    }

    /// An invoice was issued that asks for something: it is collected, if the user agreed to that.
    pub(super) fn ask_for_payment(&mut self, now: DateTime<Utc>) {
        let automation = &mut self.state.automation;
        let payer = automation.payer.as_ref();
        if payer.is_some_and(|payer| payer.consents.collect.is_some()) {
            automation.collecting.ask(now);
            self.pending.note_all();
        }
    }

    /// Begins to collect what unpaid invoices ask for, if it is enough to be charged. `others` are
    /// the user's transactions that are open or charged back: an invoice of the latter is not
    /// collected by itself again.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn collect_invoices(
        &mut self,
        id: TransactionId,
        invoices: &[Invoice],
        others: &[Transaction],
        policy: &AutomaticPayments,
        now: DateTime<Utc>,
    ) -> Result<CollectionStep, Refusal> {
        let charged_back = |invoice_id| {
            let mut back = others.iter().filter(|of| !of.status.is_open());
            back.any(|of| of.pays(invoice_id))
        };
        let mut collectible = Vec::with_capacity(invoices.len());
        for invoice in invoices {
            let issued = invoice.id.zip(invoice.issued_at);
            if let Some((invoice_id, issued_at)) = issued.filter(|(id, _)| !charged_back(*id)) {
                collectible.push(Collectible {
                    invoice_id,
                    amount_due: invoice.amount_due()?,
                    issued_at,
                });
            }
        }
        let collection = collect(&collectible, policy.least)?;
        let payer = self.state.automation.collects_from(policy).cloned();
        let Some((collection, payer)) = collection.zip(payer) else {
            self.state.automation.collecting.note_nothing();
            self.pending.note_all();
            return Ok(CollectionStep::Nothing);
        };
        let may_pay =
            |of: &&Transaction| of.status.is_open() && of.kind == TransactionKind::InvoicePayment;
        let mut open = others.iter().filter(may_pay).peekable();
        if open.peek().is_some() {
            let waits = |of: &&Transaction| of.status == TransactionStatus::RequiresAction;
            let waiting = open.filter(waits).map(|of| of.id).collect();
            self.state.automation.collecting.due_at = now.checked_add_signed(WAIT_FOR_OTHERS);
            self.pending.note_all();
            return Ok(CollectionStep::After(waiting));
        }
        let new = NewTransaction {
            kind: TransactionKind::InvoicePayment,
            amount: collection.amount,
            allocations: collection.allocations,
            ..self.automatic(id, &payer)
        };
        self.state.automation.collecting.note_begun(id);
        self.pending.note_all();
        Ok(CollectionStep::Charge(Box::new(Transaction::new(new, now))))
    }

    /// Whether a charge is still wanted whose money has not moved: the last look at what it is for.
    /// One that nobody has asked for and that is not wanted any more counts as none.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn still_wants(
        &mut self,
        hand: &PaymentInHand,
        policy: Option<&AutomaticPayments>,
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        let transaction = &hand.transaction;
        let is_wanted = match transaction.kind {
            TransactionKind::Topup if transaction.is_automatic => {
                policy.is_some_and(|policy| self.still_tops_up(transaction, policy))
            }
            TransactionKind::Topup | TransactionKind::Refund => true,
            TransactionKind::InvoicePayment => {
                let method = transaction.payment_method_id;
                let automation = &self.state.automation;
                let payer = policy.and_then(|policy| automation.collects_from(policy));
                let may = payer.is_some_and(|payer| Some(payer.method_id) == method);
                (may || !transaction.is_automatic) && hand.is_asked_for()?
            }
        };
        if transaction.is_automatic && !is_wanted {
            let automation = &mut self.state.automation;
            automation.topups.note_dropped(transaction.id);
            automation.collecting.note_dropped(transaction.id, now);
            self.pending.note_all();
        }
        Ok(is_wanted)
    }

    fn still_tops_up(&self, transaction: &Transaction, policy: &AutomaticPayments) -> bool {
        let settings = self.state.auto_topup;
        let automation = &self.state.automation;
        let Some(payer) = automation.payer_of(policy) else {
            return false;
        };
        let consent = payer.consents.topup.as_ref();
        let agreed = consent.is_some_and(|of| of.covers(settings.threshold, settings.amount));
        settings.enabled
            && agreed
            && settings.amount == transaction.amount
            && automation.topups.halt.is_none()
            && Some(payer.method_id) == transaction.payment_method_id
    }

    /// The provider has heard of a top-up: automatic ones count from now on.
    pub(super) fn note_sent(&mut self, transaction: &Transaction, now: DateTime<Utc>) {
        if transaction.is_automatic {
            self.state.automation.topups.note_sent(now);
            self.pending.note_all();
        }
    }

    /// What became of a charge for what is decided next. `has_others` tells of other disputes that
    /// are open.
    pub(super) fn note_payment(
        &mut self,
        transaction: &Transaction,
        effect: &Effect,
        policy: Option<&AutomaticPayments>,
        has_others: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let topups = &mut self.state.automation.topups;
        match effect {
            Effect::Credit | Effect::LateSuccess => self.note_arrived(transaction, now),
            Effect::Failed(kind) => self.note_failed(transaction, *kind, policy, now)?,
            Effect::Frozen(_) => topups.note_dispute(),
            Effect::Unfrozen if !has_others => topups.note_dispute_over(true),
            Effect::ChargedBack(_) if !has_others => topups.note_dispute_over(false),
            _ => return Ok(()),
        }
        self.pending.note_all();
        Ok(())
    }

    fn note_arrived(&mut self, transaction: &Transaction, now: DateTime<Utc>) {
        let automation = &mut self.state.automation;
        match (transaction.kind, transaction.is_automatic) {
            (TransactionKind::Topup, true) => automation.topups.note_success(transaction.id),
            (TransactionKind::Topup, false) => automation.topups.note_dropped(transaction.id),
            (TransactionKind::InvoicePayment, _) => {
                automation.collecting.note_success(transaction.id, now);
            }
            (TransactionKind::Refund, _) => {}
        }
    }

    fn note_failed(
        &mut self,
        transaction: &Transaction,
        kind: Option<DeclineKind>,
        policy: Option<&AutomaticPayments>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let automation = &mut self.state.automation;
        let id = transaction.id;
        match (transaction.kind, transaction.is_automatic) {
            (TransactionKind::Topup, true) => automation.topups.note_failure(id, kind, now),
            (TransactionKind::Topup, false) => automation.topups.note_dropped(id),
            (TransactionKind::InvoicePayment, true) => {
                let retries = policy.map_or(&[][..], |policy| &policy.retries);
                let method = transaction.payment_method_id;
                let collecting = &mut automation.collecting;
                collecting.note_failure(id, method, kind, retries, now);
                if collecting.is_given_up {
                    let event = SubscriptionEvent::PastDue;
                    self.move_subscription(SubscriptionTransition::FallPastDue, event, now);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends a transaction whose money cannot move any more: `ended` ends it.
    ///
    /// # Errors
    /// When an amount does not fit; then nothing may be stored.
    pub fn follow_end(
        &mut self,
        transaction: &mut Transaction,
        policy: Option<&AutomaticPayments>,
        now: DateTime<Utc>,
        ended: impl FnOnce(&mut Transaction) -> Observation,
    ) -> Result<(), Refusal> {
        let observation = ended(transaction);
        for effect in &observation.effects {
            self.note_payment(transaction, effect, policy, false, now)?;
        }
        self.tell_of_payment(transaction, &observation);
        Ok(())
    }

    /// No invoice of the user asks for anything any more, however that came.
    pub fn note_all_paid(&mut self, now: DateTime<Utc>) {
        self.state.automation.collecting.note_settled();
        let event = SubscriptionEvent::Changed;
        self.move_subscription(SubscriptionTransition::Settle, event, now);
        self.pending.note_all();
    }

    /// Whether it matters that an invoice was paid that had not been.
    #[must_use]
    pub fn awaits_payment(&self) -> bool {
        let collecting = &self.state.automation.collecting;
        let live = self.state.subscription.as_ref();
        let is_past_due = live.is_some_and(|live| live.state.is_past_due());
        is_past_due || collecting.failures > 0 || collecting.is_given_up
    }

    /// Makes a transition of the live subscription, where there is one.
    fn move_subscription(
        &mut self,
        transition: SubscriptionTransition,
        event: SubscriptionEvent,
        now: DateTime<Utc>,
    ) {
        let Some(mut live) = self.state.subscription.clone() else {
            return;
        };
        if let Some(next) = live.state.after(transition) {
            live.state = next;
            self.store_subscription(&live, now);
            let id = live.id;
            self.state.subscription = Some(live);
            self.tell_of_subscription(event, id);
        }
    }

    fn automatic(&self, id: TransactionId, payer: &Payer) -> NewTransaction {
        NewTransaction {
            id,
            user_id: self.id().clone(),
            kind: TransactionKind::Topup,
            provider: payer.provider,
            amount: Money::ZERO,
            payment_method_id: Some(payer.method_id),
            allocations: Vec::new(),
            tokens: 0,
            is_automatic: true,
            refund_of: None,
            request: None,
            is_live: payer.is_live,
        }
    }
}
