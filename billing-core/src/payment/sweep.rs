//! The daily sweep: what a provider has charged against the transactions here, both ways.

use std::collections::{HashMap, HashSet};

use super::{Charge, ChargeStatus, Transaction};

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference<'a> {
    /// Money moved at the provider by a charge that no transaction here has.
    Unknown(&'a Charge),
    /// The provider says more than is known here: the transaction has to follow the charge.
    Behind(&'a Transaction, &'a Charge),
    /// They say different things of what is settled; a person reads the reason.
    Differs(&'a Transaction, String),
    /// The money has arrived here by a charge that is not among the provider's.
    Missing(&'a Transaction),
}

/// Compares the charges that a provider has made in a stretch of time with the transactions that
/// they belong to, and with those whose money has arrived meanwhile.
#[must_use]
pub fn compare<'a>(charges: &'a [Charge], known: &'a [Transaction]) -> Vec<Difference<'a>> {
    let reference = |of: &'a Transaction| of.provider_reference.as_deref();
    let by_reference: HashMap<_, _> = known
        .iter()
        .filter_map(|of| Some((reference(of)?, of)))
        .collect();
    let listed: HashSet<_> = charges.iter().map(|of| of.reference.as_str()).collect();
    let there =
        charges
            .iter()
            .filter_map(|charge| match by_reference.get(charge.reference.as_str()) {
                Some(transaction) => compare_one(transaction, charge),
                None => moved(charge).then_some(Difference::Unknown(charge)),
            });
    let here = known.iter().filter(|of| {
        let is_there = reference(of).is_some_and(|of| listed.contains(of));
        of.status.has_succeeded() && !is_there
    });
    there.chain(here.map(Difference::Missing)).collect()
}

/// Compares a transaction with its charge.
#[must_use]
pub fn compare_one<'a>(transaction: &'a Transaction, charge: &'a Charge) -> Option<Difference<'a>> {
    let behind = Difference::Behind(transaction, charge);
    match (transaction.status.has_succeeded(), moved(charge)) {
        (true, true)
            if charge.amount != transaction.amount || charge.currency != transaction.currency =>
        {
            let reason = format!(
                "the provider shows {} {} and not {} {}",
                charge.amount.digits(2),
                charge.currency,
                transaction.amount.digits(2),
                transaction.currency,
            );
            Some(Difference::Differs(transaction, reason))
        }
        (true, true) => (charge.refunded != transaction.refunded_amount).then_some(behind),
        (true, false) => {
            let reason = "it has succeeded here and not at the provider".to_owned();
            Some(Difference::Differs(transaction, reason))
        }
        (false, true) => Some(behind),
        (false, false) => transaction.status.is_open().then_some(behind),
    }
}

fn moved(charge: &Charge) -> bool {
    charge.status == ChargeStatus::Succeeded
}
