//! The daily sweep: what providers have charged against the transactions here, both ways. One of
//! any number of servers does it, a day at a time.

use std::time::Duration;

use billing_core::payment::Difference;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::time::{MissedTickBehavior, interval};

use super::{both_sides, pay};
use crate::{
    app::App,
    error::{ApiError, ErrorCode},
};

/// How often it is seen whether a day is to be swept; no more than one is at a time.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long after its end a day is swept: what was under way at midnight has ended by then.
const AFTER: TimeDelta = TimeDelta::hours(1);

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
    for sides in both_sides(app, day).await? {
        for difference in sides.differences() {
            let reference = difference.reference();
            match tell(app, difference).await {
                // One that the rules or its row do not let follow must not hold up all days.
                Err(error) if !is_passing(&error) => {
                    tracing::warn!(%error, charge.reference = reference, "a payment cannot follow");
                }
                told => told?,
            }
        }
    }
    app.store().note_swept(day).await?;
    tracing::info!(%day, "payments were compared with the providers");
    Ok(())
}

/// Whether the same may work later.
fn is_passing(error: &ApiError) -> bool {
    matches!(
        error.code,
        ErrorCode::DatabaseUnavailable | ErrorCode::PaymentProviderUnavailable
    )
}

/// The last day whose end is long enough ago.
fn last_day(now: DateTime<Utc>) -> Option<NaiveDate> {
    now.checked_sub_signed(AFTER)?.date_naive().pred_opt()
}

/// Follows what is only behind, and has an operator look at the rest.
async fn tell(app: &App, difference: Difference<'_>) -> Result<(), ApiError> {
    match difference {
        Difference::Behind(transaction, charge, _) | Difference::Unsettled(transaction, charge) => {
            pay::follow(app, transaction, charge.clone()).await?;
        }
        Difference::Differs(transaction, _) | Difference::Missing(transaction) => {
            let reason = difference.reason().unwrap_or_default();
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
