//! What a provider has charged against the transactions here, both ways.

use std::collections::{HashMap, HashSet};

use super::{Charge, ChargeStatus, DeclineKind, Transaction};

/// A transaction that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The transaction.
    pub transaction: Transaction,
    /// Whether its charge shows other refunds than those that are known
    /// ([`Transaction::misses_refunds`]).
    pub misses_refunds: bool,
}

/// What does not agree, or is not settled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference<'a> {
    /// Money moved at the provider by a charge that no transaction here has.
    Unknown(&'a Charge),
    /// The provider says more than is known here, which is told: the transaction has to follow the
    /// charge.
    Behind(&'a Transaction, &'a Charge, String),
    /// They say different things of what is settled, which are told.
    Differs(&'a Transaction, String),
    /// The money has arrived here by a charge that the provider does not know.
    Missing(&'a Transaction),
    /// They agree, but it is open on both sides, or something small such as the fee is new: the
    /// transaction follows the charge, and nobody needs to know.
    Unsettled(&'a Transaction, &'a Charge),
}

impl<'a> Difference<'a> {
    /// What a person reads of it; `None` when there is nothing to read.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Unknown(charge) => Some(format!(
                "the provider has taken {} {} and no transaction has this charge",
                charge.amount.digits(2),
                charge.currency,
            )),
            Self::Behind(_, _, reason) | Self::Differs(_, reason) => Some(reason.clone()),
            Self::Missing(_) => Some("the provider does not know its charge".to_owned()),
            Self::Unsettled(..) => None,
        }
    }

    /// The transaction, where there is one.
    #[must_use]
    pub const fn transaction(&self) -> Option<&'a Transaction> {
        match self {
            Self::Unknown(_) => None,
            Self::Behind(transaction, ..)
            | Self::Differs(transaction, _)
            | Self::Missing(transaction)
            | Self::Unsettled(transaction, _) => Some(transaction),
        }
    }

    /// The provider's id of the charge.
    #[must_use]
    pub fn reference(&self) -> &'a str {
        match self {
            Self::Unknown(charge) | Self::Behind(_, charge, _) | Self::Unsettled(_, charge) => {
                &charge.reference
            }
            Self::Differs(transaction, _) | Self::Missing(transaction) => {
                let reference = transaction.provider_reference.as_deref();
                reference.unwrap_or_default()
            }
        }
    }
}

/// Compares charges of a provider with transactions. Both have to be complete: with the charge of
/// every transaction, as far as the provider knows it, and with the transaction of every charge, as
/// far as there is one.
#[must_use]
pub fn compare<'a>(charges: &'a [Charge], known: &'a [Compared]) -> Vec<Difference<'a>> {
    let reference = |of: &'a Compared| of.transaction.provider_reference.as_deref();
    let by_reference: HashMap<_, _> = known
        .iter()
        .filter_map(|of| Some((reference(of)?, of)))
        .collect();
    let there = charges.iter().filter_map(|charge| {
        let found = by_reference.get(charge.reference.as_str());
        match found {
            Some(known) => compare_one(known, charge),
            None => moved(charge).then_some(Difference::Unknown(charge)),
        }
    });
    let listed: HashSet<_> = charges.iter().map(|of| of.reference.as_str()).collect();
    let is_there = |of: &&'a Compared| reference(of).is_some_and(|of| listed.contains(of));
    let here = known
        .iter()
        .filter(|of| of.transaction.status.has_succeeded() && !is_there(of))
        .map(|of| Difference::Missing(&of.transaction));
    there.chain(here).collect()
}

/// Compares a transaction with its charge.
fn compare_one<'a>(known: &'a Compared, charge: &'a Charge) -> Option<Difference<'a>> {
    let transaction = &known.transaction;
    let behind = |what: &str| {
        let reason = format!("it is {} here and {what}", transaction.status.name());
        Difference::Behind(transaction, charge, reason)
    };
    match (transaction.status.has_succeeded(), moved(charge)) {
        (true, true) => compare_arrived(known, charge),
        (true, false) => {
            let reason = "it has succeeded here and not at the provider".to_owned();
            Some(Difference::Differs(transaction, reason))
        }
        (false, true) => Some(behind("has succeeded at the provider")),
        (false, false) if !transaction.status.is_open() => None,
        (false, false) if ended(charge) => Some(behind("has ended at the provider")),
        (false, false) => Some(Difference::Unsettled(transaction, charge)),
    }
}

/// Compares what has arrived on both sides.
fn compare_arrived<'a>(known: &'a Compared, charge: &'a Charge) -> Option<Difference<'a>> {
    let transaction = &known.transaction;
    if charge.amount != transaction.amount || charge.currency != transaction.currency {
        let reason = format!(
            "the provider shows {} {} and not {} {}",
            charge.amount.digits(2),
            charge.currency,
            transaction.amount.digits(2),
            transaction.currency,
        );
        return Some(Difference::Differs(transaction, reason));
    }
    if known.misses_refunds {
        let reason = format!(
            "the provider shows {} {} given back and not {} {}",
            charge.refunded.digits(2),
            charge.currency,
            transaction.refunded_amount.digits(2),
            transaction.currency,
        );
        return Some(Difference::Behind(transaction, charge, reason));
    }
    let mut followed = transaction.clone();
    let observed = followed.observe(charge, transaction.updated_at);
    if followed.status != transaction.status {
        let (here, there) = (transaction.status.name(), followed.status.name());
        let reason = format!("it is {here} here and {there} at the provider");
        return Some(Difference::Behind(transaction, charge, reason));
    }
    (!observed.is_nothing()).then_some(Difference::Unsettled(transaction, charge))
}

fn moved(charge: &Charge) -> bool {
    charge.status == ChargeStatus::Succeeded
}

fn ended(charge: &Charge) -> bool {
    match &charge.status {
        ChargeStatus::Cancelled => true,
        ChargeStatus::Declined(decline) => decline.kind != DeclineKind::UserNeeded,
        ChargeStatus::Ready
        | ChargeStatus::NeedsUser(_)
        | ChargeStatus::Processing
        | ChargeStatus::Succeeded => false,
    }
}
