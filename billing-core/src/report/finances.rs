//! What plans, invoices and accounts come to over all users.

use crate::{
    account::Account,
    catalog::PlanVersion,
    money::{Money, NumberError},
    month::Month,
};

/// What a month's fees and invoices come to, and what the business stands at now, in USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finances {
    /// Fees and shares of fees that the month's invoices carry or will carry, before discounts.
    pub fees: Money,
    /// What the month's invoices in force charge before tax.
    pub invoiced: Money,
    /// The tax on them.
    pub tax: Money,
    /// What credit notes have taken back of them, tax included.
    pub credited: Money,
    /// What was paid of them by other means than credit.
    pub collected: Money,
    /// What top-ups brought in during the month, whatever became of it since.
    pub topups: Money,
    /// What was given back in the month.
    pub refunds: Money,
    /// What was lost in the month by disputes.
    pub lost_disputes: Money,
    /// What providers keep of the money that came in the month.
    pub provider_fees: Money,
    /// What is still to be paid of the month's invoices.
    pub outstanding: Money,
    /// What all credit balances hold now.
    pub unapplied_credit: Money,
    /// What unused tokens that were bought have cost.
    pub prepaid_tokens: Money,
    /// What the subscriptions that are live now bring in per month.
    pub recurring_revenue: Money,
    /// Users with a recorded call of the month that was not voided.
    pub active_users: i64,
}

impl Finances {
    /// Adds subscriptions that are charged by a version of a plan: what a year costs counts by
    /// twelfths.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when the sum does not fit.
    pub fn add_subscriptions(
        &mut self,
        version: &PlanVersion,
        count: i64,
    ) -> Result<(), NumberError> {
        let monthly = version.terms.monthly_price.times(count)?;
        self.recurring_revenue = self.recurring_revenue.plus(monthly)?;
        Ok(())
    }

    /// Adds an account that was advanced and is not stored yet: its subscription, unless that is a
    /// trial, and the fees of the month that have fallen due.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when a sum does not fit.
    pub fn add_advanced(&mut self, account: &Account, month: Month) -> Result<(), NumberError> {
        let live = account.state.subscription.as_ref();
        if let Some(live) = live.filter(|live| !live.state.is_trial()) {
            self.add_subscriptions(live.version(), 1)?;
        }
        let due = account.pending().lines.iter();
        for line in due.filter(|line| line.month == month) {
            self.fees = self.fees.plus(line.amount)?;
        }
        Ok(())
    }
}
