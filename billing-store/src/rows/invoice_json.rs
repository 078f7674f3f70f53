//! Items and discounts of an invoice as they are stored: JSON with amounts as text.

use billing_core::{
    ids::{ModelId, PlanVersionId, PriceId, RedemptionId},
    invoice::{Discount, DiscountSource, Item, ItemKind, ItemPart, PartKind},
    money::Money,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::amounts::as_text;
use crate::StoreError;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ItemJson {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    quantity: i64,
    #[serde(with = "as_text")]
    unit_price: Money,
    #[serde(with = "as_text")]
    amount: Money,
    description: String,
    /// Microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    period_start: Option<i64>,
    /// Microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    period_end: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    breakdown: Vec<PartJson>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PartJson {
    name: String,
    tokens: i64,
    #[serde(with = "as_text")]
    unit_price: Money,
    #[serde(with = "as_text")]
    amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_version_id: Option<i32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DiscountJson {
    /// The redemption and its coupon's code; none for the account's rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    code: String,
    #[serde(with = "as_text")]
    exact: Money,
    #[serde(with = "as_text")]
    amount: Money,
}

impl From<&Item> for ItemJson {
    fn from(item: &Item) -> Self {
        let parts = item.breakdown.iter();
        Self {
            kind: item.kind.name().to_owned(),
            model: item.model.as_ref().map(ToString::to_string),
            quantity: item.quantity,
            unit_price: item.unit_price,
            amount: item.amount,
            description: item.description.clone(),
            period_start: item.period_start.map(|start| start.timestamp_micros()),
            period_end: item.period_end.map(|end| end.timestamp_micros()),
            breakdown: parts
                .map(|part| PartJson {
                    name: part.kind.name().to_owned(),
                    tokens: part.tokens,
                    unit_price: part.unit_price,
                    amount: part.amount,
                    price_id: part.price_id.map(PriceId::number),
                    plan_version_id: part.plan_version_id.map(PlanVersionId::number),
                })
                .collect(),
        }
    }
}

impl TryFrom<ItemJson> for Item {
    type Error = StoreError;

    fn try_from(json: ItemJson) -> Result<Self, StoreError> {
        let kind = ItemKind::named(&json.kind);
        let parts = json.breakdown.into_iter().map(ItemPart::try_from);
        Ok(Self {
            kind: kind.ok_or_else(|| StoreError::corrupt("items", &json.kind))?,
            model: json.model.map(ModelId::trusted),
            quantity: json.quantity,
            unit_price: json.unit_price,
            amount: json.amount,
            description: json.description,
            period_start: json.period_start.map(time).transpose()?,
            period_end: json.period_end.map(time).transpose()?,
            breakdown: parts.collect::<Result<_, _>>()?,
        })
    }
}

fn time(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| StoreError::corrupt("items", micros))
}

impl TryFrom<PartJson> for ItemPart {
    type Error = StoreError;

    fn try_from(json: PartJson) -> Result<Self, StoreError> {
        let kind = PartKind::named(&json.name);
        Ok(Self {
            kind: kind.ok_or_else(|| StoreError::corrupt("items", &json.name))?,
            tokens: json.tokens,
            unit_price: json.unit_price,
            amount: json.amount,
            price_id: json.price_id.map(PriceId::new),
            plan_version_id: json.plan_version_id.map(PlanVersionId::new),
        })
    }
}

impl From<&Discount> for DiscountJson {
    fn from(discount: &Discount) -> Self {
        let (redemption_id, code) = match &discount.source {
            DiscountSource::Account => (None, String::new()),
            DiscountSource::Coupon {
                redemption_id,
                code,
            } => (Some(redemption_id.uuid()), code.clone()),
        };
        Self {
            redemption_id,
            code,
            exact: discount.exact,
            amount: discount.amount,
        }
    }
}

impl From<DiscountJson> for Discount {
    fn from(json: DiscountJson) -> Self {
        Self {
            source: match json.redemption_id {
                None => DiscountSource::Account,
                Some(id) => DiscountSource::Coupon {
                    redemption_id: RedemptionId::new(id),
                    code: json.code,
                },
            },
            exact: json.exact,
            amount: json.amount,
        }
    }
}
