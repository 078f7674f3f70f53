//! What is kept of automatic payments, as JSON in the account's row.

use billing_core::{
    ids::{PaymentMethodId, TransactionId, UserId},
    money::Money,
    payment::{
        Automation, CollectConsent, Collecting, Consents, Halt, Payer, Provider, TopupConsent,
        TopupState,
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::amounts::as_text;
use crate::StoreError;

/// Everything but when invoices are collected next, which has a column of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AutomationJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payer: Option<PayerJson>,
    #[serde(default, skip_serializing_if = "is_default")]
    promised: ConsentsJson,
    #[serde(default, skip_serializing_if = "is_default")]
    topups: TopupsJson,
    #[serde(default, skip_serializing_if = "is_default")]
    collecting: CollectingJson,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PayerJson {
    method_id: Uuid,
    provider: String,
    is_live: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    consents: ConsentsJson,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ConsentsJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topup: Option<TopupConsentJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collect: Option<CollectConsentJson>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TopupConsentJson {
    by: String,
    at: DateTime<Utc>,
    threshold: i64,
    #[serde(with = "as_text")]
    amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CollectConsentJson {
    by: String,
    at: DateTime<Utc>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct TopupsJson {
    in_flight: Option<Uuid>,
    failures: u32,
    not_before: Option<DateTime<Utc>>,
    day: Option<NaiveDate>,
    sent_in_day: u32,
    sent_in_month: u32,
    halt: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct CollectingJson {
    in_flight: Option<Uuid>,
    failures: u32,
    declined_method: Option<Uuid>,
    is_given_up: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl AutomationJson {
    /// What is stored; nothing for the many of whom there is nothing to keep.
    pub(crate) fn new(of: &Automation) -> Option<Self> {
        (*of != Automation::default()).then(|| Self {
            payer: of.payer.as_ref().map(PayerJson::from),
            promised: ConsentsJson::from(&of.promised),
            topups: TopupsJson::from(&of.topups),
            collecting: CollectingJson::from(&of.collecting),
        })
    }

    pub(crate) fn into_domain(
        self,
        collect_at: Option<DateTime<Utc>>,
    ) -> Result<Automation, StoreError> {
        Ok(Automation {
            payer: self.payer.map(Payer::try_from).transpose()?,
            promised: self.promised.into(),
            topups: self.topups.try_into()?,
            collecting: Collecting {
                due_at: collect_at,
                in_flight: self.collecting.in_flight.map(TransactionId::new),
                failures: self.collecting.failures,
                declined_method: self.collecting.declined_method.map(PaymentMethodId::new),
                is_given_up: self.collecting.is_given_up,
            },
        })
    }
}

impl From<&Payer> for PayerJson {
    fn from(payer: &Payer) -> Self {
        Self {
            method_id: payer.method_id.uuid(),
            provider: payer.provider.name().to_owned(),
            is_live: payer.is_live,
            consents: ConsentsJson::from(&payer.consents),
        }
    }
}

impl TryFrom<PayerJson> for Payer {
    type Error = StoreError;

    fn try_from(json: PayerJson) -> Result<Self, StoreError> {
        let provider = Provider::named(&json.provider);
        Ok(Self {
            method_id: PaymentMethodId::new(json.method_id),
            provider: provider.ok_or_else(|| StoreError::corrupt("provider", &json.provider))?,
            is_live: json.is_live,
            consents: json.consents.into(),
        })
    }
}

impl From<&Consents> for ConsentsJson {
    fn from(consents: &Consents) -> Self {
        Self {
            topup: consents.topup.as_ref().map(|of| TopupConsentJson {
                by: of.by.to_string(),
                at: of.at,
                threshold: of.threshold,
                amount: of.amount,
            }),
            collect: consents.collect.as_ref().map(|of| CollectConsentJson {
                by: of.by.to_string(),
                at: of.at,
            }),
        }
    }
}

impl From<ConsentsJson> for Consents {
    fn from(json: ConsentsJson) -> Self {
        Self {
            topup: json.topup.map(|of| TopupConsent {
                by: UserId::trusted(of.by),
                at: of.at,
                threshold: of.threshold,
                amount: of.amount,
            }),
            collect: json.collect.map(|of| CollectConsent {
                by: UserId::trusted(of.by),
                at: of.at,
            }),
        }
    }
}

impl From<&TopupState> for TopupsJson {
    fn from(state: &TopupState) -> Self {
        Self {
            in_flight: state.in_flight.map(TransactionId::uuid),
            failures: state.failures,
            not_before: state.not_before,
            day: state.day,
            sent_in_day: state.sent_in_day,
            sent_in_month: state.sent_in_month,
            halt: state.halt.map(|halt| halt.name().to_owned()),
        }
    }
}

impl TryFrom<TopupsJson> for TopupState {
    type Error = StoreError;

    fn try_from(json: TopupsJson) -> Result<Self, StoreError> {
        let halt = json.halt.map(|name| {
            let halt = Halt::named(&name);
            halt.ok_or_else(|| StoreError::corrupt("halt", &name))
        });
        Ok(Self {
            in_flight: json.in_flight.map(TransactionId::new),
            failures: json.failures,
            not_before: json.not_before,
            day: json.day,
            sent_in_day: json.sent_in_day,
            sent_in_month: json.sent_in_month,
            halt: halt.transpose()?,
        })
    }
}

impl From<&Collecting> for CollectingJson {
    fn from(collecting: &Collecting) -> Self {
        Self {
            in_flight: collecting.in_flight.map(TransactionId::uuid),
            failures: collecting.failures,
            declined_method: collecting.declined_method.map(PaymentMethodId::uuid),
            is_given_up: collecting.is_given_up,
        }
    }
}
