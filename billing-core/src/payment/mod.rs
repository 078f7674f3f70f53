//! Payments: transactions and what moves them, automatic top-ups, and what is bought, collected and
//! given back.

mod dispute;
mod object;
mod observe;
mod refund;
mod status;
#[cfg(test)]
mod tests;
mod transaction;

pub use self::{
    object::{
        Charge, ChargeStatus, Decline, DeclineKind, Dispute, DisputeState, Provider, RefundReport,
        RefundStatus,
    },
    observe::{Effect, Observation},
    status::{Reported, TransactionStatus},
    transaction::{
        ACTION_EXPIRES_AFTER, Allocation, CallerRequest, Failure, NewTransaction, Transaction,
        TransactionKind,
    },
};
