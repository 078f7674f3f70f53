//! What documents say of their parties, as it is stored, and rows of `document_series`.

use billing_core::document::{Buyer, Language, Seller, Series, SeriesName, Snapshot, TaxExemption};
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use serde::{Deserialize, Serialize};

use super::{DbTimestamp, table::table_row};
use crate::{StoreError, sql_types::UtcTimestamp};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SnapshotJson {
    seller: SellerJson,
    buyer: BuyerJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tax_note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SellerJson {
    name: String,
    address: String,
    country: String,
    tax_id: String,
    registration: String,
    footer: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BuyerJson {
    name: String,
    address: String,
    country: String,
    tax_id: String,
    language: String,
}

impl From<&Snapshot> for SnapshotJson {
    fn from(snapshot: &Snapshot) -> Self {
        let (seller, buyer) = (&snapshot.seller, &snapshot.buyer);
        Self {
            seller: SellerJson {
                name: seller.name.clone(),
                address: seller.address.clone(),
                country: seller.country.clone(),
                tax_id: seller.tax_id.clone(),
                registration: seller.registration.clone(),
                footer: seller.footer.clone(),
            },
            buyer: BuyerJson {
                name: buyer.name.clone(),
                address: buyer.address.clone(),
                country: buyer.country.clone(),
                tax_id: buyer.tax_id.clone(),
                language: buyer.language.code().to_owned(),
            },
            exemption: snapshot.exemption.map(|of| of.name().to_owned()),
            tax_note: snapshot.tax_note.clone(),
        }
    }
}

impl TryFrom<SnapshotJson> for Snapshot {
    type Error = StoreError;

    fn try_from(json: SnapshotJson) -> Result<Self, StoreError> {
        let SellerJson {
            name,
            address,
            country,
            tax_id,
            registration,
            footer,
        } = json.seller;
        Ok(Self {
            seller: Seller {
                name,
                address,
                country,
                tax_id,
                registration,
                footer,
            },
            buyer: Buyer {
                name: json.buyer.name,
                address: json.buyer.address,
                country: json.buyer.country,
                tax_id: json.buyer.tax_id,
                language: language(&json.buyer.language)?,
            },
            exemption: json.exemption.map(tax_exemption).transpose()?,
            tax_note: json.tax_note,
        })
    }
}

pub(super) fn language(code: &str) -> Result<Language, StoreError> {
    Language::coded(code).ok_or_else(|| StoreError::corrupt("language", code))
}

pub(super) fn tax_exemption(name: String) -> Result<TaxExemption, StoreError> {
    TaxExemption::named(&name).ok_or_else(|| StoreError::corrupt("tax_exemption", name))
}

table_row! {
    SeriesRow, SeriesColumns in document_series {
        series: String as Text = "text", Key;
        year: i32 as Integer = "integer", Key;
        last_number: i64 as BigInt = "bigint", Set;
        last_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
    }
}

impl From<&Series> for SeriesRow {
    fn from(series: &Series) -> Self {
        Self {
            series: series.name.to_string(),
            year: series.year,
            last_number: series.last_number,
            last_at: series.last_at.map(DbTimestamp),
        }
    }
}

impl From<SeriesRow> for Series {
    fn from(row: SeriesRow) -> Self {
        Self {
            name: SeriesName::trusted(row.series),
            year: row.year,
            last_number: row.last_number,
            last_at: row.last_at.map(|at| at.0),
        }
    }
}
