//! The calls that a sequence is made of.

use std::fmt;

use super::{
    calendar::{Micros, timestamp},
    money::Femto,
    plans::{Price, Terms},
    reference::Call,
    subscriptions::Order,
};

/// A call, by the numbers of models, plans, coupons, records, invoices and months in the reference.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Advance(When),
    /// Also asks for the cost before when told to.
    Record(Call, bool),
    Batch(Vec<Call>),
    Repeat(usize),
    Void(usize),
    SetPrice(usize, Price, Option<When>),
    SetRate(i128, Option<When>),
    UpdatePlan(Terms),
    Subscribe(Order),
    /// To be billed yearly or not, where it is said.
    ChangePlan(usize, Option<bool>),
    Cancel {
        at_period_end: bool,
    },
    Resume,
    Apply(usize),
    Deactivate(usize),
    AlertAt(i64),
    SetTax {
        rate: i128,
        exempt: bool,
    },
    Generate(i64),
    VoidInvoice(usize),
    WriteOff(usize),
    Pay(usize),
    Credit {
        invoice: usize,
        amount: Femto,
        request: usize,
    },
    CloseMonth(i64),
    /// Only reads, which must change nothing.
    Look,
}

/// A time that prints as one.
#[derive(Clone, Copy)]
pub(super) struct When(pub(super) Micros);

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        timestamp(self.0).fmt(f)
    }
}
