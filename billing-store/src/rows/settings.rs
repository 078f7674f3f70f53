//! Rows of `billing_settings`.

use billing_core::{
    ids::UserId,
    settings::{CURRENCY, INVOICE_FREQUENCY, Settings, Written},
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Text};

use super::{DbMoney, DbTimestamp, document::language, table::table_row};
use crate::{
    StoreError,
    sql_types::{DbFixed, ExactDecimal, UtcTimestamp},
};

table_row! {
    SettingsRow, SettingsColumns in billing_settings {
        user_id: String as Text = "text", Key;
        id: String as Text = "text", Insert;
        billing_email: String as Text = "text", Set;
        billing_address: String as Text = "text", Set;
        tax_id: String as Text = "text", Set;
        currency: String as Text = "text", Set;
        auto_topup: bool as Bool = "boolean", Set;
        auto_topup_threshold: i64 as BigInt = "bigint", Set;
        auto_topup_amount: DbMoney as ExactDecimal = "numeric", Set;
        invoice_frequency: String as Text = "text", Set;
        send_invoice_email: bool as Bool = "boolean", Set;
        alert_threshold: i64 as BigInt = "bigint", Set;
        enable_alerts: bool as Bool = "boolean", Set;
        billing_name: String as Text = "text", Set;
        billing_country: String as Text = "text", Set;
        language: String as Text = "text", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

impl TryFrom<SettingsRow> for Settings {
    type Error = StoreError;

    fn try_from(row: SettingsRow) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: UserId::trusted(row.user_id),
            billing_email: row.billing_email,
            billing_address: row.billing_address,
            tax_id: row.tax_id,
            auto_topup: row.auto_topup,
            auto_topup_threshold: row.auto_topup_threshold,
            auto_topup_amount: row.auto_topup_amount.0,
            send_invoice_email: row.send_invoice_email,
            alert_threshold: row.alert_threshold,
            enable_alerts: row.enable_alerts,
            billing_name: row.billing_name,
            billing_country: row.billing_country,
            language: language(&row.language)?,
            written: Some(Written {
                created_at: row.created_at.0,
                updated_at: row.updated_at.0,
            }),
        })
    }
}

impl SettingsRow {
    pub(crate) fn new(settings: &Settings, now: DateTime<Utc>) -> Self {
        let created_at = settings.written.map_or(now, |written| written.created_at);
        Self {
            user_id: settings.user_id.as_str().to_owned(),
            id: settings.id(),
            billing_email: settings.billing_email.clone(),
            billing_address: settings.billing_address.clone(),
            tax_id: settings.tax_id.clone(),
            currency: CURRENCY.to_owned(),
            auto_topup: settings.auto_topup,
            auto_topup_threshold: settings.auto_topup_threshold,
            auto_topup_amount: DbFixed(settings.auto_topup_amount),
            invoice_frequency: INVOICE_FREQUENCY.to_owned(),
            send_invoice_email: settings.send_invoice_email,
            alert_threshold: settings.alert_threshold,
            enable_alerts: settings.enable_alerts,
            billing_name: settings.billing_name.clone(),
            billing_country: settings.billing_country.clone(),
            language: settings.language.code().to_owned(),
            created_at: DbTimestamp(created_at),
            updated_at: DbTimestamp(now),
        }
    }
}
