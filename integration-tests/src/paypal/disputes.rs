//! Disputes, and the search of the account's transactions.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    answers::{Answer, Step},
    orders::fee,
    state::{CaptureState, Dispute, State, shown, usd},
};

/// How far the search lags behind.
const LAG: TimeDelta = TimeDelta::hours(3);
/// The longest stretch it takes.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// Parameters of a call.
pub(super) type Query = [(String, String)];

fn parameter<'a>(query: &'a Query, name: &str) -> Step<&'a str> {
    let found = query.iter().find(|(key, _)| key == name);
    let found = found.ok_or_else(|| Answer::invalid("MISSING_REQUIRED_PARAMETER"))?;
    Ok(&found.1)
}

/// The disputes about one capture, with little of each.
pub(super) fn list(state: &State, query: &Query) -> Step<Value> {
    if !state.shows_disputes {
        return Err(Answer::forbidden());
    }
    let capture = parameter(query, "disputed_transaction_id")?;
    let about = state
        .disputes
        .values()
        .filter(|dispute| dispute.capture == capture);
    let items: Vec<Value> = about
        .map(|dispute| {
            json!({
                "dispute_id": dispute.id,
                "create_time": shown(dispute.created_at),
                "status": dispute.status(),
                "dispute_amount": usd(dispute.amount),
            })
        })
        .collect();
    Ok(json!({ "items": items, "links": [] }))
}

/// A dispute as it shows itself.
pub(super) fn show(state: &State, id: &str) -> Step<Value> {
    let dispute = state.disputes.get(id).ok_or_else(Answer::not_found)?;
    let mut value = json!({
        "dispute_id": dispute.id,
        "create_time": shown(dispute.created_at),
        "status": dispute.status(),
        "dispute_life_cycle_stage": dispute.stage,
        "dispute_amount": usd(dispute.amount),
        "disputed_transactions": [{ "seller_transaction_id": dispute.capture }],
    });
    if let (Some(object), Some(outcome)) = (value.as_object_mut(), dispute.outcome) {
        let outcome = json!({ "outcome_code": outcome });
        object.insert("dispute_outcome".to_owned(), outcome);
    }
    Ok(value)
}

impl Dispute {
    const fn status(&self) -> &'static str {
        match self.outcome {
            Some(_) => "RESOLVED",
            None => "OPEN",
        }
    }
}

/// Captures of a stretch of time, as entries of the account.
pub(super) fn search(state: &State, query: &Query) -> Step<Value> {
    let time = |name| {
        let time = DateTime::parse_from_rfc3339(parameter(query, name)?);
        time.map_err(|_| Answer::invalid("INVALID_PARAMETER_SYNTAX"))
            .map(|time| time.to_utc())
    };
    let (from, until): (DateTime<Utc>, DateTime<Utc>) = (time("start_date")?, time("end_date")?);
    if until.signed_duration_since(from) > LONGEST {
        return Err(Answer::invalid("DATE_RANGE_TOO_LONG"));
    }
    let refreshed = state.now.checked_sub_signed(LAG).unwrap_or(state.now);
    let mut details = Vec::new();
    for order in state.orders.values() {
        let taken = order.captures.iter().filter(|capture| {
            let at = capture.created_at;
            capture.state == CaptureState::Completed && (from..=until.min(refreshed)).contains(&at)
        });
        details.extend(taken.map(|capture| {
            json!({ "transaction_info": {
                "transaction_id": capture.id,
                "transaction_event_code": "T0006",
                "transaction_initiation_date":
                    capture.created_at.format("%Y-%m-%dT%H:%M:%S%z").to_string(),
                "transaction_amount": usd(capture.amount),
                "fee_amount": usd(-fee(capture.amount)),
                "transaction_status": "S",
                "custom_field": order.custom_id(),
            } })
        }));
    }
    Ok(json!({ "transaction_details": details, "page": 1, "total_pages": 1 }))
}
