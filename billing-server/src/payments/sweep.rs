//! The daily sweep: what providers have charged against the transactions here, both ways. One of
//! any number of servers does it, a day at a time.

use std::time::Duration;

use billing_core::payment::{Charge, Difference, Provider, Transaction, compare, compare_one};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    pay,
    provider::{ProviderClient, ProviderError},
};
use crate::{
    app::App,
    error::{ApiError, ErrorCode},
};

/// How often it is seen whether a day is to be swept; no more than one is at a time.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long after its end a day is swept: what was under way at midnight has ended by then.
const AFTER: TimeDelta = TimeDelta::hours(1);
/// The providers that are asked.
const ASKED: [Provider; 2] = [Provider::Stripe, Provider::Paypal];

/// Sweeps every day that is over, again and again.
pub(crate) async fn keep_sweeping(app: &App) {
    if !app.providers().are_there() {
        return std::future::pending().await;
    }
    let mut rounds = interval(INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = sweep_next(app).await {
            tracing::warn!(%error, "payments are not compared yet; trying again later");
        }
    }
}

/// A day is done once all of it was compared: one that fails is taken again when its lease is over.
async fn sweep_next(app: &App) -> Result<(), ApiError> {
    let Some(last) = last_day(app.now()) else {
        return Ok(());
    };
    let Some(day) = app.store().take_sweep(last).await? else {
        return Ok(());
    };
    for provider in ASKED {
        if let Ok(client) = app.providers().get(provider) {
            sweep(app, provider, client, day).await?;
        }
    }
    app.store().note_swept(day).await?;
    tracing::info!(%day, "payments were compared with the providers");
    Ok(())
}

/// The last day whose end is long enough ago.
fn last_day(now: DateTime<Utc>) -> Option<NaiveDate> {
    now.checked_sub_signed(AFTER)?.date_naive().pred_opt()
}

async fn sweep(
    app: &App,
    provider: Provider,
    client: &dyn ProviderClient,
    day: NaiveDate,
) -> Result<(), ApiError> {
    let from = day.and_time(NaiveTime::MIN).and_utc();
    let until = from.checked_add_signed(TimeDelta::days(1)).unwrap_or(from);
    let charges = client.charges_made(from, until).await;
    let charges = charges.map_err(unavailable)?;
    let known = known(app, provider, client.is_live(), &charges, (from, until)).await?;
    for difference in compare(&charges, &known) {
        match difference {
            Difference::Missing(transaction) => find(app, client, transaction).await?,
            other => tell(app, other).await?,
        }
    }
    Ok(())
}

/// The transactions of charges, and those whose money has arrived meanwhile.
async fn known(
    app: &App,
    provider: Provider,
    is_live: bool,
    charges: &[Charge],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Transaction>, ApiError> {
    let mut known = app
        .store()
        .payments_succeeded(provider, from, until)
        .await?;
    known.retain(|transaction| transaction.is_live == is_live);
    for charge in charges {
        let reference = charge.reference.clone();
        let of_charge = app.store().transaction_of(provider, reference).await?;
        known.extend(of_charge.filter(|of| known.iter().all(|known| known.id != of.id)));
    }
    Ok(known)
}

/// Asks for the charge of a transaction that was not among those of the day: it may have been made
/// on another.
async fn find(
    app: &App,
    client: &dyn ProviderClient,
    transaction: &Transaction,
) -> Result<(), ApiError> {
    let reference = transaction.provider_reference.as_deref();
    match client.charge(reference.unwrap_or_default()).await {
        Ok(charge) => match compare_one(transaction, &charge) {
            Some(difference) => tell(app, difference).await,
            None => Ok(()),
        },
        Err(ProviderError::NotFound(provider)) => {
            let reason = format!("{provider} does not know its charge");
            tell(app, Difference::Differs(transaction, reason)).await
        }
        Err(error) => Err(unavailable(error)),
    }
}

fn unavailable(error: ProviderError) -> ApiError {
    ApiError::new(ErrorCode::PaymentProviderUnavailable, error.to_string())
}

/// Follows what is only behind, and has an operator look at the rest.
async fn tell(app: &App, difference: Difference<'_>) -> Result<(), ApiError> {
    match difference {
        Difference::Behind(transaction, charge) => {
            pay::follow(app, transaction, charge.clone()).await?;
        }
        Difference::Differs(transaction, reason) => {
            let (user_id, id) = (transaction.user_id.clone(), transaction.id);
            tracing::warn!(reason, transaction.id = %id, "a payment needs an operator");
            app.store().note_attention(user_id, id, reason).await?;
        }
        Difference::Unknown(charge) => tracing::warn!(
            charge.reference = charge.reference,
            charge.amount = charge.amount.digits(2),
            charge.currency = charge.currency,
            "a provider has taken money for which there is no transaction"
        ),
        Difference::Missing(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::within_the_hour("2024-11-16T00:59:59Z", "2024-11-14")]
    #[case::after_the_hour("2024-11-16T01:00:00Z", "2024-11-15")]
    #[case::late("2024-11-16T23:59:59Z", "2024-11-15")]
    fn a_day_is_swept_an_hour_after_its_end(#[case] now: &str, #[case] day: &str) {
        assert_eq!(last_day(now.parse().unwrap()), Some(day.parse().unwrap()));
    }
}
