//! Items and discounts of an invoice as they are stored: JSON with amounts as text.

use billing_core::{
    ids::{ModelId, RedemptionId},
    invoice::{Discount, DiscountSource, Item, ItemKind, ItemPart, PartKind},
    money::Money,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::StoreError;

#[derive(Serialize, Deserialize)]
struct ItemJson {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    quantity: i64,
    unit_price: String,
    amount: String,
    description: String,
    /// Microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    period_start: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    breakdown: Vec<PartJson>,
}

#[derive(Serialize, Deserialize)]
struct PartJson {
    name: String,
    tokens: i64,
    unit_price: String,
    amount: String,
}

#[derive(Serialize, Deserialize)]
struct DiscountJson {
    /// The redemption and its coupon's code; none for the account's rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption_id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    code: String,
    exact: String,
    amount: String,
}

pub(super) fn format_items(items: &[Item]) -> Result<String, StoreError> {
    let items: Vec<_> = items.iter().map(ItemJson::from).collect();
    to_text(&items)
}

pub(super) fn parse_items(json: &str) -> Result<Vec<Item>, StoreError> {
    let items: Vec<ItemJson> = from_text("items", json)?;
    items.into_iter().map(Item::try_from).collect()
}

pub(super) fn format_discounts(discounts: &[Discount]) -> Result<String, StoreError> {
    let discounts: Vec<_> = discounts.iter().map(DiscountJson::from).collect();
    to_text(&discounts)
}

pub(super) fn parse_discounts(json: &str) -> Result<Vec<Discount>, StoreError> {
    let discounts: Vec<DiscountJson> = from_text("discounts", json)?;
    discounts.into_iter().map(Discount::try_from).collect()
}

fn to_text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

fn from_text<'a, T: Deserialize<'a>>(column: &'static str, json: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::corrupt(column, error))
}

fn amount(column: &'static str, text: &str) -> Result<Money, StoreError> {
    text.parse()
        .map_err(|error| StoreError::corrupt(column, error))
}

impl From<&Item> for ItemJson {
    fn from(item: &Item) -> Self {
        let parts = item.breakdown.iter();
        Self {
            kind: item.kind.name().to_owned(),
            model: item.model.as_ref().map(ToString::to_string),
            quantity: item.quantity,
            unit_price: item.unit_price.to_string(),
            amount: item.amount.to_string(),
            description: item.description.clone(),
            period_start: item.period_start.map(|start| start.timestamp_micros()),
            breakdown: parts
                .map(|part| PartJson {
                    name: part.kind.name().to_owned(),
                    tokens: part.tokens,
                    unit_price: part.unit_price.to_string(),
                    amount: part.amount.to_string(),
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
            unit_price: amount("items", &json.unit_price)?,
            amount: amount("items", &json.amount)?,
            description: json.description,
            period_start: json.period_start.map(time).transpose()?,
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
            unit_price: amount("items", &json.unit_price)?,
            amount: amount("items", &json.amount)?,
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
            } => (Some(redemption_id.to_string()), code.clone()),
        };
        Self {
            redemption_id,
            code,
            exact: discount.exact.to_string(),
            amount: discount.amount.to_string(),
        }
    }
}

impl TryFrom<DiscountJson> for Discount {
    type Error = StoreError;

    fn try_from(json: DiscountJson) -> Result<Self, StoreError> {
        Ok(Self {
            source: match json.redemption_id {
                None => DiscountSource::Account,
                Some(id) => DiscountSource::Coupon {
                    redemption_id: RedemptionId::trusted(id),
                    code: json.code,
                },
            },
            exact: amount("discounts", &json.exact)?,
            amount: amount("discounts", &json.amount)?,
        })
    }
}
