//! Refunds: rows of their own, made by us or found at the provider.

use chrono::{DateTime, Utc};

use super::{
    Charge, Effect, Failure, NewTransaction, Observation, RefundReport, RefundStatus, Reported,
    Transaction, TransactionKind, TransactionStatus,
};
use crate::{
    ids::TransactionId,
    money::{Money, NumberError},
    refusal::{RefundRefusal, Refusal},
};

impl Transaction {
    /// Moves a refund on by what the provider says of it. A refund that is not what was asked for
    /// moves nothing and calls for an operator.
    pub fn observe_refund(&mut self, report: &RefundReport, now: DateTime<Utc>) -> Observation {
        let before = self.clone();
        let mut effects = Vec::new();
        match self.foreign_refund(report) {
            Some(reason) => self.call_for_attention(reason, &mut effects),
            None => {
                self.provider_reference = Some(report.reference.clone());
                self.follow_refund(&report.status, &mut effects);
            }
        }
        self.observed(&before, effects, now)
    }

    /// Whether a report is about this refund: it names the same object at the provider, or this
    /// row where the provider's id is not stored yet.
    #[must_use]
    pub fn is_told_by(&self, report: &RefundReport) -> bool {
        match &self.provider_reference {
            Some(reference) => *reference == report.reference,
            None => report.transaction == Some(self.id),
        }
    }

    /// The row of a refund of this payment that somebody made at the provider's own site. It stands
    /// at pending until the report is observed.
    #[must_use]
    pub fn refund_from_site(
        &self,
        id: TransactionId,
        report: &RefundReport,
        now: DateTime<Utc>,
    ) -> Self {
        let mut refund = Self::new(
            NewTransaction {
                id,
                user_id: self.user_id.clone(),
                kind: TransactionKind::Refund,
                provider: self.provider,
                amount: report.amount,
                payment_method_id: self.payment_method_id,
                allocations: Vec::new(),
                tokens: 0,
                is_automatic: false,
                refund_of: Some(self.id),
                request: None,
                is_live: self.is_live,
            },
            now,
        );
        refund.provider_reference = Some(report.reference.clone());
        refund
    }

    /// Whether the provider has given back another sum than the refunds that are known, so that all
    /// of them have to be listed.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when a sum does not fit.
    pub fn misses_refunds(&self, charge: &Charge, refunds: &[Self]) -> Result<bool, NumberError> {
        let sent: Vec<Self> = refunds
            .iter()
            .filter(|refund| refund.provider_reference.is_some())
            .cloned()
            .collect();
        Ok(self.reserved(&sent)? != charge.refunded)
    }

    /// What can still be given back of the payment beside its refunds, in USD. Of a top-up its
    /// tokens say more.
    ///
    /// # Errors
    /// [`Refusal::PaymentNotRefundable`] when that is nothing.
    pub fn refundable(&self, refunds: &[Self]) -> Result<Money, Refusal> {
        let refused = |reason| Refusal::PaymentNotRefundable {
            id: self.id,
            reason,
        };
        if self.kind == TransactionKind::Refund {
            return Err(refused(RefundRefusal::IsRefund));
        }
        let left = self.amount.minus(self.reserved(refunds)?)?;
        let reason = refund_refusal(self.status).or_else(|| {
            let nothing = left <= Money::ZERO;
            nothing.then_some(RefundRefusal::AlreadyRefunded)
        });
        reason.map_or(Ok(left), |reason| Err(refused(reason)))
    }

    /// Why a report is not about this refund.
    fn foreign_refund(&self, report: &RefundReport) -> Option<String> {
        let reference = &report.reference;
        if !self.is_told_by(report) || report.transaction.is_some_and(|id| id != self.id) {
            Some(format!("the refund {reference:?} is another one"))
        } else if report.amount != self.amount || report.currency != self.currency {
            Some(format!(
                "the provider gives back {} {} and not {} {}",
                report.amount.digits(2),
                report.currency,
                self.amount.digits(2),
                self.currency,
            ))
        } else {
            None
        }
    }

    fn follow_refund(&mut self, status: &RefundStatus, effects: &mut Vec<Effect>) {
        match status {
            RefundStatus::Pending => {}
            RefundStatus::Succeeded => {
                if self.step(Reported::Succeeded) {
                    effects.push(Effect::Refunded);
                } else if self.status == TransactionStatus::Failed {
                    let reason = "the provider says that a refund succeeded which had failed";
                    self.call_for_attention(reason.to_owned(), effects);
                }
            }
            RefundStatus::Failed(reason) => {
                if self.step(Reported::Failed) {
                    self.failure = Some(Failure {
                        code: "refund_failed".to_owned(),
                        message: reason.clone(),
                    });
                    effects.push(Effect::RefundFailed);
                }
            }
        }
    }
}

/// Why nothing of a payment with a status can be given back.
pub(super) const fn refund_refusal(status: TransactionStatus) -> Option<RefundRefusal> {
    match status {
        TransactionStatus::Pending
        | TransactionStatus::RequiresAction
        | TransactionStatus::Failed => Some(RefundRefusal::NotSucceeded),
        TransactionStatus::Disputed => Some(RefundRefusal::Disputed),
        TransactionStatus::ChargedBack => Some(RefundRefusal::ChargedBack),
        TransactionStatus::Refunded => Some(RefundRefusal::AlreadyRefunded),
        TransactionStatus::Succeeded | TransactionStatus::PartlyRefunded => None,
    }
}
