//! Payments: transactions and their transitions, and what providers say of what was asked of them.

mod object;

pub use self::object::{
    Charge, ChargeStatus, Decline, DeclineKind, Dispute, DisputeState, Provider, RefundReport,
    RefundStatus,
};
