//! Payments: transactions and what moves them, automatic top-ups, and what is bought, collected and
//! given back.

mod automation;
mod collection;
mod consent;
mod dispute;
mod exact;
mod method;
mod object;
mod observe;
mod purchases;
mod refund;
mod schedule;
mod status;
mod sweep;
#[cfg(test)]
mod tests;
mod topup;
mod transaction;

pub(crate) use self::topup::net_part;
pub use self::{
    automation::{AutomaticPayments, Automation, Collecting, Consents, Payer},
    collection::{
        AfterFailure, Collectible, Collection, DEFAULT_RETRIES, Settled, after_failure, collect,
        settle,
    },
    consent::{CollectConsent, Consenter, TopupConsent},
    method::PaymentMethod,
    object::{
        Charge, ChargeStatus, Decline, DeclineKind, Dispute, DisputeState, Provider, RefundReport,
        RefundStatus,
    },
    observe::{Effect, Observation},
    purchases::{Purchase, Purchases, TakenBack, TokensGone},
    schedule::{
        ATTENTION_AFTER, Step, key_ends, looks_before, needs_attention, next_look, provider_key,
        refund_attempt,
    },
    status::{Reported, TransactionStatus},
    sweep::{Compared, Difference, compare},
    topup::{AutomaticTopup, Halt, NoTopup, TopupLimits, TopupOrder, TopupSettings, TopupState},
    transaction::{
        ACTION_EXPIRES_AFTER, Allocation, CallerRequest, Failure, NewTransaction, Transaction,
        TransactionKind,
    },
};
