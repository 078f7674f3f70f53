//! Comparing both sides of a day, as it is asked for and sent.

use billing_core::payment::{Difference, Provider};
use billing_proto::v1;
use chrono::{DateTime, NaiveDate, Utc};

use super::convert::sent_provider;
use crate::{error::ApiError, payments::Sides};

/// The most differences that an answer names; more are only counted.
const MAX_DIFFERENCES: usize = 1_000;

/// The day to compare.
///
/// # Errors
/// When it is none, or is still to come.
pub(super) fn day(text: &str, now: DateTime<Utc>) -> Result<NaiveDate, ApiError> {
    let day = text.parse::<NaiveDate>();
    // Dates may also be written with fewer digits; days have one name only.
    let day = day.ok().filter(|day| day.to_string() == text);
    match day {
        Some(day) if day <= now.date_naive() => Ok(day),
        Some(_) => Err(ApiError::violation("day", "must not be after today (UTC)")),
        None => Err(ApiError::violation(
            "day",
            "must be a day such as 2024-11-15",
        )),
    }
}

/// What a comparison has found.
pub(super) fn compared(day: NaiveDate, sides: &[Sides]) -> v1::ReconcileTransactionsResponse {
    let mut answer = v1::ReconcileTransactionsResponse {
        day: day.to_string(),
        ..v1::ReconcileTransactionsResponse::default()
    };
    for side in sides {
        answer.charges = answer.charges.saturating_add(count(side.charges.len()));
        answer.transactions = answer.transactions.saturating_add(count(side.known.len()));
        let found = side.differences();
        let found = found.iter().filter_map(|of| difference(side.provider, of));
        answer.differences.extend(found);
    }
    answer.difference_count = count(answer.differences.len());
    answer.differences.truncate(MAX_DIFFERENCES);
    answer
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// What is not settled yet is no difference.
fn difference(provider: Provider, of: &Difference<'_>) -> Option<v1::TransactionDifference> {
    let transaction = of.transaction();
    Some(v1::TransactionDifference {
        user_id: transaction
            .map(|of| of.user_id.to_string())
            .unwrap_or_default(),
        transaction_id: transaction.map(|of| of.id.to_string()).unwrap_or_default(),
        provider: sent_provider(provider).into(),
        provider_reference: of.reference().to_owned(),
        reason: of.reason()?,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::today("2024-11-15", None)]
    #[case::earlier("2023-02-28", None)]
    #[case::tomorrow("2024-11-16", Some("must not be after today (UTC)"))]
    #[case::none("2023-02-29", Some("must be a day such as 2024-11-15"))]
    #[case::short("2024-11-5", Some("must be a day such as 2024-11-15"))]
    #[case::empty("", Some("must be a day such as 2024-11-15"))]
    fn a_day_is_one_that_has_begun(#[case] text: &str, #[case] expected: Option<&str>) {
        let day = day(text, "2024-11-15T23:59:59Z".parse().unwrap());
        let refused = day.as_ref().err().map(|error| error.message.as_str());
        match expected {
            Some(reason) => assert!(refused.is_some_and(|text| text.contains(reason)), "{day:?}"),
            None => assert_eq!(day.unwrap().to_string(), text),
        }
    }
}
