//! Both sides of a day: what a provider has charged, and the transactions here. Reading them
//! changes nothing.

use std::collections::{HashMap, HashSet};

use billing_core::payment::{Charge, Compared, Difference, Provider, Transaction, compare};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::provider::{ProviderClient, ProviderError};
use crate::{
    app::App,
    error::{ApiError, ErrorCode},
};

/// The providers that are asked.
const ASKED: [Provider; 2] = [Provider::Stripe, Provider::Paypal];

/// What belongs to a day (UTC) at a provider: charges that were made on it and transactions whose
/// money has arrived on it, each with what it is on the other side.
pub(crate) struct Sides {
    /// The provider.
    pub(crate) provider: Provider,
    /// The charges.
    pub(crate) charges: Vec<Charge>,
    /// The transactions.
    pub(crate) known: Vec<Compared>,
}

impl Sides {
    /// What does not agree.
    pub(crate) fn differences(&self) -> Vec<Difference<'_>> {
        compare(&self.charges, &self.known)
    }
}

/// Both sides of a day at every provider that is configured.
///
/// # Errors
/// When none is, one of them does not answer or the database fails.
pub(crate) async fn both_sides(app: &App, day: NaiveDate) -> Result<Vec<Sides>, ApiError> {
    let mut sides = Vec::with_capacity(ASKED.len());
    for provider in ASKED {
        if let Ok(client) = app.providers().get(provider) {
            sides.push(of_provider(app, provider, client, day).await?);
        }
    }
    if sides.is_empty() {
        app.providers().get(Provider::Stripe)?;
    }
    Ok(sides)
}

async fn of_provider(
    app: &App,
    provider: Provider,
    client: &dyn ProviderClient,
    day: NaiveDate,
) -> Result<Sides, ApiError> {
    let from = day.and_time(NaiveTime::MIN).and_utc();
    let until = from.checked_add_signed(TimeDelta::days(1)).unwrap_or(from);
    let charges = client.charges_made(from, until).await;
    let mut charges = charges.map_err(unavailable)?;
    let mut transactions = arrived(app, provider, client.is_live(), (from, until)).await?;
    add_charges(client, &mut charges, &transactions).await?;
    add_transactions(app, provider, &charges, &mut transactions).await?;
    Ok(Sides {
        provider,
        known: compared(app, &charges, transactions).await?,
        charges,
    })
}

/// The transactions whose money has arrived in a stretch of time, of one kind of money.
async fn arrived(
    app: &App,
    provider: Provider,
    is_live: bool,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Transaction>, ApiError> {
    let arrived = app.store().payments_succeeded(provider, from, until);
    let mut arrived = arrived.await?;
    arrived.retain(|transaction| transaction.is_live == is_live);
    Ok(arrived)
}

/// Asks for the charges of transactions that were made on another day. One that the provider does
/// not know stays away.
async fn add_charges(
    client: &dyn ProviderClient,
    charges: &mut Vec<Charge>,
    transactions: &[Transaction],
) -> Result<(), ApiError> {
    let listed: HashSet<_> = charges.iter().map(|of| of.reference.clone()).collect();
    let references = transactions.iter();
    let references = references.filter_map(|of| of.provider_reference.as_deref());
    for reference in references.filter(|reference| !listed.contains(*reference)) {
        match client.charge(reference).await {
            Ok(charge) => charges.push(charge),
            Err(ProviderError::NotFound(_)) => {}
            Err(error) => return Err(unavailable(error)),
        }
    }
    Ok(())
}

/// Reads the transactions of charges that are not among them yet.
async fn add_transactions(
    app: &App,
    provider: Provider,
    charges: &[Charge],
    transactions: &mut Vec<Transaction>,
) -> Result<(), ApiError> {
    let known = transactions.iter();
    let known: HashSet<_> = known
        .filter_map(|of| of.provider_reference.clone())
        .collect();
    for charge in charges.iter().filter(|of| !known.contains(&of.reference)) {
        let reference = charge.reference.clone();
        let found = app.store().transaction_of(provider, reference).await?;
        transactions.extend(found);
    }
    Ok(())
}

/// Reads the refunds of transactions of which the provider shows another sum.
async fn compared(
    app: &App,
    charges: &[Charge],
    transactions: Vec<Transaction>,
) -> Result<Vec<Compared>, ApiError> {
    let charges: HashMap<_, _> = charges
        .iter()
        .map(|of| (of.reference.as_str(), of))
        .collect();
    let mut all = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let reference = transaction.provider_reference.as_deref();
        let charge = reference.and_then(|reference| charges.get(reference));
        let other_sum = charge.filter(|charge| charge.refunded != transaction.refunded_amount);
        let misses_refunds = match other_sum {
            Some(charge) => {
                let user_id = transaction.user_id.clone();
                let refunds = app.store().refunds(user_id, transaction.id).await?;
                transaction.misses_refunds(charge, &refunds)?
            }
            None => false,
        };
        all.push(Compared {
            transaction,
            misses_refunds,
        });
    }
    Ok(all)
}

fn unavailable(error: ProviderError) -> ApiError {
    ApiError::new(ErrorCode::PaymentProviderUnavailable, error.to_string())
}
