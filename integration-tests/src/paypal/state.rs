//! What the fake remembers, and how it moves on.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    CaptureOutcome, Fault,
    answers::{Answer, Step},
};

/// How long a buyer has to approve.
const APPROVAL_WITHIN: TimeDelta = TimeDelta::hours(6);
/// How long an approval lasts.
const APPROVAL_LASTS: TimeDelta = TimeDelta::hours(3);

/// All there is.
pub(super) struct State {
    pub(super) base: String,
    pub(super) now: DateTime<Utc>,
    pub(super) made: u64,
    pub(super) token_life: TimeDelta,
    pub(super) tokens: HashMap<String, DateTime<Utc>>,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) disputes: BTreeMap<String, Dispute>,
    pub(super) replays: HashMap<(String, String), Replay>,
    pub(super) faults: VecDeque<PlannedFault>,
    pub(super) captures_to_come: VecDeque<CaptureOutcome>,
    pub(super) refunds_stay_pending: bool,
    pub(super) calls: Vec<String>,
    pub(super) serves_certificate: bool,
    pub(super) is_stranger: bool,
    pub(super) shows_disputes: bool,
}

/// A fault and the calls it is for.
pub(super) struct PlannedFault {
    pub(super) fault: Fault,
    pub(super) only_writes: bool,
}

/// What a key stands for.
#[derive(Clone)]
pub(super) struct Replay {
    pub(super) until: DateTime<Utc>,
    pub(super) body: Vec<u8>,
    pub(super) made: Made,
}

/// What a call has made.
#[derive(Clone)]
pub(super) enum Made {
    Order(String),
    Refund(String),
    Failure(Answer),
}

pub(super) struct Order {
    pub(super) id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) approved_at: Option<DateTime<Utc>>,
    pub(super) is_void: bool,
    pub(super) needs_payer: bool,
    pub(super) unit: Value,
    pub(super) amount: Decimal,
    pub(super) captures: Vec<Capture>,
}

pub(super) struct Capture {
    pub(super) id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) amount: Decimal,
    pub(super) state: CaptureState,
    pub(super) refunds: Vec<Refund>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CaptureState {
    Pending,
    Completed,
    Declined,
}

pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) amount: Decimal,
    pub(super) custom_id: Option<String>,
    pub(super) status: &'static str,
}

pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) capture: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) amount: Decimal,
    pub(super) stage: String,
    pub(super) outcome: Option<&'static str>,
}

impl Order {
    pub(super) fn status(&self) -> &'static str {
        if self.is_void {
            "VOIDED"
        } else if !self.captures.is_empty() {
            "COMPLETED"
        } else if self.approved_at.is_some() && !self.needs_payer {
            "APPROVED"
        } else {
            "PAYER_ACTION_REQUIRED"
        }
    }

    pub(super) fn custom_id(&self) -> Option<&str> {
        self.unit.get("custom_id").and_then(Value::as_str)
    }

    /// PayPal forgets an order that nobody approved in time, or captured in time.
    fn is_forgotten(&self, now: DateTime<Utc>) -> bool {
        let ends = match self.approved_at {
            Some(at) => at.checked_add_signed(APPROVAL_LASTS),
            None => self.created_at.checked_add_signed(APPROVAL_WITHIN),
        };
        self.captures.is_empty() && ends.is_none_or(|ends| ends < now)
    }
}

impl Capture {
    pub(super) fn refunded(&self) -> Decimal {
        let counted = self
            .refunds
            .iter()
            .filter(|refund| refund.status != "FAILED");
        counted.map(|refund| refund.amount).sum()
    }

    pub(super) fn status(&self) -> &'static str {
        match self.state {
            CaptureState::Pending => "PENDING",
            CaptureState::Declined => "DECLINED",
            CaptureState::Completed if self.refunded().is_zero() => "COMPLETED",
            CaptureState::Completed if self.refunded() < self.amount => "PARTIALLY_REFUNDED",
            CaptureState::Completed => "REFUNDED",
        }
    }
}

impl State {
    pub(super) fn new(base: String) -> Self {
        Self {
            base,
            now: Utc::now(),
            made: 0,
            token_life: TimeDelta::hours(9),
            tokens: HashMap::new(),
            orders: BTreeMap::new(),
            disputes: BTreeMap::new(),
            replays: HashMap::new(),
            faults: VecDeque::new(),
            captures_to_come: VecDeque::new(),
            refunds_stay_pending: false,
            calls: Vec::new(),
            serves_certificate: true,
            is_stranger: false,
            shows_disputes: true,
        }
    }

    /// A new id, as long as PayPal's.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.made = self.made.saturating_add(1);
        format!("{prefix}{:014}", self.made)
    }

    /// An order that PayPal has not forgotten.
    pub(super) fn order(&mut self, id: &str) -> Step<&mut Order> {
        let now = self.now;
        let order = self
            .orders
            .get_mut(id)
            .filter(|order| !order.is_forgotten(now));
        order.ok_or_else(Answer::not_found)
    }

    /// A capture and its order.
    pub(super) fn capture(&mut self, id: &str) -> Step<(String, &mut Capture)> {
        let mut all = self.orders.values_mut().flat_map(|order| {
            let captures = order.captures.iter_mut();
            captures.map(|capture| (order.id.clone(), capture))
        });
        let found = all.find(|(_, capture)| capture.id == id);
        found.ok_or_else(Answer::not_found)
    }

    /// A refund and its capture.
    pub(super) fn refund(&mut self, id: &str) -> Step<(String, &mut Refund)> {
        let captures = self
            .orders
            .values_mut()
            .flat_map(|order| &mut order.captures);
        let mut all = captures.flat_map(|capture| {
            let refunds = capture.refunds.iter_mut();
            refunds.map(|refund| (capture.id.clone(), refund))
        });
        let found = all.find(|(_, refund)| refund.id == id);
        found.ok_or_else(Answer::not_found)
    }
}

/// An amount in USD as PayPal shows it.
pub(super) fn usd(amount: Decimal) -> Value {
    json!({ "currency_code": "USD", "value": format!("{amount:.2}") })
}

/// A time as PayPal shows it.
pub(super) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads an amount of the schema, in USD with exactly two decimals.
pub(super) fn read_usd(value: &Value) -> Step<Decimal> {
    super::answers::exactly(value, "currency_code", "USD")?;
    let text = super::answers::text(value, "value", 32)?;
    let amount: Decimal = text
        .parse()
        .map_err(|_| Answer::invalid("INVALID_PARAMETER_SYNTAX"))?;
    if amount.scale() != 2 {
        return Err(Answer::unprocessable("DECIMAL_PRECISION"));
    }
    if amount <= Decimal::ZERO {
        return Err(Answer::unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE"));
    }
    Ok(amount)
}
