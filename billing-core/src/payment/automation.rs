//! What is kept of payments that nobody asks for one by one. It stands in the account's own row, so
//! that usage can decide without reading more.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AfterFailure, CollectConsent, DeclineKind, Halt, PaymentMethod, Provider, TopupConsent,
    TopupLimits, TopupState, after_failure,
};
use crate::{
    ids::{PaymentMethodId, TransactionId},
    money::Money,
};

/// What the operator lets happen by itself, through a provider that keeps methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticPayments {
    /// The provider.
    pub provider: Provider,
    /// Whether it moves real money.
    pub is_live: bool,
    /// The least that it charges, in USD.
    pub least: Money,
    /// How long to wait after each failure to collect, before it is given up.
    pub retries: Vec<TimeDelta>,
    /// What a top-up may cost, and how many there may be.
    pub limits: TopupLimits,
}

/// What the user agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consents {
    /// To automatic top-ups.
    pub topup: Option<TopupConsent>,
    /// To be charged for invoices.
    pub collect: Option<CollectConsent>,
}

/// The default method, as far as automatic charges need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    /// The method.
    pub method_id: PaymentMethodId,
    /// Where it is saved.
    pub provider: Provider,
    /// Whether it pays with real money.
    pub is_live: bool,
    /// What the user agreed to have charged to it.
    pub consents: Consents,
}

/// How invoices are being collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collecting {
    /// When it is tried next (UTC).
    pub due_at: Option<DateTime<Utc>>,
    /// The try that is under way.
    pub in_flight: Option<TransactionId>,
    /// How many tries have failed in a row.
    pub failures: u32,
    /// The method that was declined for good and is not tried again.
    pub declined_method: Option<PaymentMethodId>,
    /// Whether it was given up, until the user pays or changes the method.
    pub is_given_up: bool,
}

/// What is kept of automatic payments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Automation {
    /// Who pays; `None` while no saved method is the default.
    pub payer: Option<Payer>,
    /// What the user agreed to when they began to save a method: it goes to the next that is saved.
    pub promised: Consents,
    /// What became of automatic top-ups.
    pub topups: TopupState,
    /// How invoices are being collected.
    pub collecting: Collecting,
}

impl AutomaticPayments {
    /// Whether a method can be charged.
    #[must_use]
    pub fn charges(&self, payer: &Payer) -> bool {
        payer.provider == self.provider && payer.is_live == self.is_live
    }
}

impl From<&PaymentMethod> for Payer {
    fn from(method: &PaymentMethod) -> Self {
        Self {
            method_id: method.id,
            provider: method.provider,
            is_live: method.is_live,
            consents: Consents {
                topup: method.topup_consent.clone(),
                collect: method.collect_consent.clone(),
            },
        }
    }
}

impl Automation {
    /// The method that is charged by itself, if the operator's provider keeps it.
    #[must_use]
    pub fn payer_of(&self, policy: &AutomaticPayments) -> Option<&Payer> {
        self.payer.as_ref().filter(|payer| policy.charges(payer))
    }

    /// The method that invoices are charged to by themselves: the user agreed to it, and no dispute
    /// stops it.
    #[must_use]
    pub fn collects_from(&self, policy: &AutomaticPayments) -> Option<&Payer> {
        let payer = self.payer_of(policy)?;
        let collecting = &self.collecting;
        let is_stopped = self.topups.halt == Some(Halt::Disputed)
            || collecting.is_given_up
            || collecting.declined_method == Some(payer.method_id);
        (payer.consents.collect.is_some() && !is_stopped).then_some(payer)
    }
}

impl Collecting {
    /// Something is to be collected: now, unless a try is under way or a later one awaited.
    pub fn ask(&mut self, now: DateTime<Utc>) {
        if self.in_flight.is_none() && !self.is_given_up && self.failures == 0 {
            self.due_at = self.due_at.or(Some(now));
        }
    }

    /// The user changed the method, or agreed: what was tried before counts no more.
    pub fn resume(&mut self, now: DateTime<Utc>) {
        let in_flight = self.in_flight;
        *self = Self {
            due_at: in_flight.is_none().then_some(now),
            in_flight,
            ..Self::default()
        };
    }

    /// A try is begun.
    pub const fn note_begun(&mut self, id: TransactionId) {
        self.in_flight = Some(id);
        self.due_at = None;
    }

    /// Nothing is to be collected.
    pub const fn note_nothing(&mut self) {
        self.due_at = None;
    }

    /// A try has ended without a word of the provider's: it counts as none.
    pub fn note_dropped(&mut self, id: TransactionId, now: DateTime<Utc>) {
        if self.in_flight == Some(id) {
            self.in_flight = None;
            self.due_at = Some(now);
        }
    }

    /// A try has failed.
    pub fn note_failure(
        &mut self,
        id: TransactionId,
        method: Option<PaymentMethodId>,
        kind: Option<DeclineKind>,
        retries: &[TimeDelta],
        now: DateTime<Utc>,
    ) {
        if self.in_flight != Some(id) {
            return;
        }
        self.in_flight = None;
        let before = usize::try_from(self.failures).unwrap_or(usize::MAX);
        self.failures = self.failures.saturating_add(1);
        match after_failure(retries, before, kind, now) {
            AfterFailure::Retry {
                at,
                needs_other_method,
            } => {
                self.due_at = Some(at);
                self.declined_method = method.filter(|_| needs_other_method);
            }
            AfterFailure::GiveUp => self.is_given_up = true,
        }
    }

    /// A try has brought the money in. Invoices that came since are asked for next.
    pub fn note_success(&mut self, id: TransactionId, now: DateTime<Utc>) {
        if self.in_flight == Some(id) {
            self.in_flight = None;
            self.resume(now);
        }
    }

    /// No invoice asks for anything any more, however that came.
    pub fn note_settled(&mut self) {
        *self = Self {
            in_flight: self.in_flight,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests;
