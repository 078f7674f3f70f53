//! Collecting invoices: what is charged together, when it is tried again, and what becomes of money
//! whose invoices no longer ask for it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Allocation, DeclineKind};
use crate::{
    ids::InvoiceId,
    money::{Money, NumberError},
};

/// How long after each failure the next try is, unless the operator says otherwise.
pub const DEFAULT_RETRIES: [TimeDelta; 3] =
    [TimeDelta::days(1), TimeDelta::days(3), TimeDelta::days(7)];

/// An invoice that may be collected: one that was charged back before is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collectible {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// What it still asks for, in USD and whole cents.
    pub amount_due: Money,
    /// When it was issued (UTC).
    pub issued_at: DateTime<Utc>,
}

/// One charge for the invoices of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// What is charged, in USD and whole cents.
    pub amount: Money,
    /// What of it each invoice gets, oldest first.
    pub allocations: Vec<Allocation>,
}

/// What follows a try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Another try.
    Retry {
        /// When (UTC).
        at: DateTime<Utc>,
        /// Whether only another method is tried, because this one will not pay.
        needs_other_method: bool,
    },
    /// None: the subscription is past due.
    GiveUp,
}

/// What an arrived amount has paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What each invoice gets, in the order of the allocations; none gets nothing.
    pub paid: Vec<Allocation>,
    /// What no invoice asks for, in USD: it goes to the credit balance.
    pub to_credit: Money,
    /// What the operator is told, if anything is left.
    pub attention: Option<String>,
}

/// What to charge a user for all invoices together; `None` while they ask for less than `least` USD
/// and wait for the next one.
///
/// # Errors
/// [`NumberError::TooLarge`] when the sum does not fit.
pub fn collect(invoices: &[Collectible], least: Money) -> Result<Option<Collection>, NumberError> {
    let asking = |invoice: &&Collectible| invoice.amount_due > Money::ZERO;
    let mut invoices: Vec<&Collectible> = invoices.iter().filter(asking).collect();
    invoices.sort_by_key(|invoice| (invoice.issued_at, invoice.invoice_id));
    let allocations: Vec<Allocation> = invoices
        .into_iter()
        .map(|invoice| Allocation {
            invoice_id: invoice.invoice_id,
            amount: invoice.amount_due,
        })
        .collect();
    let mut parts = allocations.iter();
    let amount = parts.try_fold(Money::ZERO, |sum, part| sum.plus(part.amount))?;
    let is_enough = !allocations.is_empty() && amount >= least;
    Ok(is_enough.then_some(Collection {
        amount,
        allocations,
    }))
}

/// What follows the failure of a try at a time, after `failures_before` others, where a decline was
/// of a kind. `retries` says how long to wait after each.
#[must_use]
pub fn after_failure(
    retries: &[TimeDelta],
    failures_before: usize,
    kind: Option<DeclineKind>,
    failed_at: DateTime<Utc>,
) -> AfterFailure {
    let wait = retries.get(failures_before);
    let at = wait.and_then(|wait| failed_at.checked_add_signed(*wait));
    at.map_or(AfterFailure::GiveUp, |at| AfterFailure::Retry {
        at,
        needs_other_method: kind == Some(DeclineKind::Final),
    })
}

/// What an amount that arrived pays. An invoice gets no more than was charged for it and no more
/// than it asks for now, which is nothing when it was paid, voided or credited meanwhile.
///
/// # Errors
/// [`NumberError::TooLarge`] when an amount does not fit.
pub fn settle(
    amount: Money,
    allocations: &[Allocation],
    asked_now: impl Fn(InvoiceId) -> Money,
) -> Result<Settled, NumberError> {
    let mut to_credit = amount;
    let mut paid: Vec<Allocation> = Vec::new();
    for allocation in allocations {
        let mut earlier = paid
            .iter()
            .filter(|part| part.invoice_id == allocation.invoice_id);
        let got = earlier.try_fold(Money::ZERO, |sum, part| sum.plus(part.amount))?;
        let asked = asked_now(allocation.invoice_id).minus(got)?;
        let part = allocation.amount.min(asked).min(to_credit);
        if part <= Money::ZERO {
            continue;
        }
        to_credit = to_credit.minus(part)?;
        paid.push(Allocation {
            amount: part,
            ..*allocation
        });
    }
    let attention = (to_credit > Money::ZERO).then(|| {
        format!(
            "{} USD arrived that no invoice asks for any more; the credit balance has them",
            to_credit.digits(2),
        )
    });
    Ok(Settled {
        paid,
        to_credit,
        attention,
    })
}

#[cfg(test)]
mod tests;
